"""Table 11: the best means, reasons for absent values, and the same from parquet."""

import numpy as np
import pandas as pd
import pytest

from analysis import figures
from analysis.errors import ResultsError
from analysis.statistics.intervals import t_interval
from analysis.storage.compact import compact
from tests.analysis.made_up import rows, source

METHODS = {"normal": 0, "dmaapx": 1, "aug_tuned": 2, "aug_naive": 3}
REASON = "the Inception weights are not at some_file"


def place(studies, *, reason="", majority=None, **fields):
    """Writes trials whose FID falls and whose other metrics grow with the method's number."""
    for name, number in METHODS.items():
        for seed in range(3):
            made = rows(1.0, 1.0, seed)
            made[-1] |= {f"accuracy_{c}": 0.3 + 0.02 * number + 0.01 * seed
                         for c in ("logistic", "svm_linear", "svm_rbf", "knn")}  # fmt: skip
            made[-1] |= {"psnr_mean": 18 + number + seed, "psnr_sample": 16 + number + seed}
            quality = {"fid": 240.0 - 10 * number + seed, "inception_score": 1.6 + number + seed}
            made[-1] |= {"sample_quality_absent": reason} if reason else quality
            made[-1] |= {} if reason else {"sample_quality_extractor": "classifier"}
            made[-1] |= {"majority_share": majority[seed]} if majority else {}
            studies.vae(made, seed, source=source(name), **fields)


@pytest.fixture
def frame(studies):
    place(studies)
    return studies.frame()


@pytest.mark.parametrize("majority, told", [
    ((0.25, 0.25, 0.25), "0.25"), ((0.9, 0.123, 0.5), "0.12 to 0.90"), (None, None),
])  # fmt: skip
def test_the_accuracy_of_the_most_frequent_class_is_told_where_known(studies, majority, told):
    place(studies, majority=majority)
    notes = [line for line in figures.text("table11", studies.frame()) if "most frequent" in line]
    assert [f"* CIFAR-10: accuracy of the most frequent class alone: {told}"] * bool(told) == [
        f"* {line.strip().lstrip('* ')}" for line in notes
    ]


def test_the_numbers_are_last_values_over_seeds(frame):
    table = figures.numbers("table11", frame)
    assert len(table) == 8 * 4
    row = table[(table["metric"] == "fid") & (table["source"] == "aug_tuned")].iloc[0]
    each = [220.0, 221.0, 222.0]
    expected = t_interval(each)
    assert (row["mean"], row["low"]) == pytest.approx((expected.mean, expected.low))
    assert row["std"] == pytest.approx(np.std(each, ddof=1))


def test_the_best_fid_is_the_lowest_and_all_else_the_highest(frame):
    table = figures.numbers("table11", frame)
    assert set(table.loc[table["best"], "source"]) == {"aug_naive"}
    turned = frame.assign(fid=-frame["fid"])
    table = figures.numbers("table11", turned)
    assert table.loc[table["best"] & (table["metric"] == "fid"), "source"].tolist() == ["normal"]
    lines = figures.text("table11", frame)
    assert sum(line.count("*") for line in lines if line.startswith("  ")) == 8
    assert lines[-1].startswith("CIFAR-10: FID and IS use the features of a small classifier")


def test_a_reason_that_no_longer_holds_is_not_given(frame):
    """A row from before the weights existed still has its reason."""
    measured = frame["inception_score"].notna()
    there = frame.assign(sample_quality_absent=np.where(measured, REASON, np.array(None)))
    assert not any(REASON in line for line in figures.text("table11", there))
    lacking = there.assign(inception_score=there["inception_score"].mask(there["seed"] == 0))
    assert any(REASON in line for line in figures.text("table11", lacking))


def test_an_absent_value_is_a_dash_with_a_reason_and_never_zero(studies):
    place(studies, reason=REASON)
    frame = studies.frame()
    lines = figures.text("table11", frame)
    for label in ("FID (lower", "Inception score"):
        (line,) = [line for line in lines if line.strip().startswith(label)]
        assert line.split()[-5:] == ["-"] * 5
    output = f"CIFAR-10, FID, IS not measured: {REASON}"
    assert lines[-1] == output
    assert figures.text("table11", frame, "md")[-1] == output
    assert figures.text("table11", frame, "tex")[-1] == f"% {output}"
    assert REASON in figures.draw("table11", frame).get_supxlabel()
    assert "fid" not in set(figures.numbers("table11", frame)["metric"])


def test_data_sets_have_rows_of_their_own(studies):
    place(studies)
    place(studies, dataset="mnist", likelihood="bernoulli")
    lines = figures.text("table11", studies.frame())
    assert "CIFAR-10, mixture of logistics" in lines and "BinaryMNIST, Bernoulli" in lines
    cells = [line for line in lines if line.startswith("  ")]
    assert len(cells) == 17 and len({len(line) for line in cells}) == 1


def test_the_picture_has_every_cell(frame):
    figure = figures.draw("table11", frame, "commit abc")
    texts = figure.axes[0].texts
    assert len(texts) == 6 + 1 + 8 * 6
    assert len([text for text in texts if text.get_fontweight() == "bold"]) == 6 + 1 + 8
    assert figure.get_supxlabel().endswith("commit abc")


def test_a_parquet_file_gives_the_same_table(frame, results):
    loaded = figures.load("table11", compact(results.close()))
    assert figures.text("table11", loaded) == figures.text("table11", frame)
    pd.testing.assert_frame_equal(
        figures.numbers("table11", loaded), figures.numbers("table11", frame)
    )


def test_without_metrics_the_error_says_what_to_run(studies):
    studies.each_seed(800.0, 840.0)
    with pytest.raises(ResultsError, match="Run scaling-vae study downstream"):
        figures.text("table11", studies.frame())


@pytest.mark.parametrize("name", ["representation", "psnr", "sample_quality"])
def test_values_of_two_options_are_not_joined(frame, name):
    used = frame.assign(**{f"{name}_options": "images=7"})
    assert len(figures.numbers("table11", used)) == 8 * 4
    mixed = used.assign(**{f"{name}_options": np.where(frame["seed"] == 0, "images=7", "defaults")})
    with pytest.raises(ResultsError, match=f"was measured with {name}_options images=7 and def"):
        figures.numbers("table11", mixed)
