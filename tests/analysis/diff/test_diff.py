"""Two results side by side: pairs, tests compared with scipy, and false differences."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import analysis
from analysis.__main__ import main
from analysis.diff.differences import ALL_CELLS, compare, holm
from analysis.diff.figure import drawn, numbers
from analysis.diff.lines import settings_lines
from analysis.diff.sides import Side, shared

PUBLISHED = Path(analysis.__file__).parent / "published" / "digits"


def frame_of(noise, n_c=(2, 4, 8), lr=0.003, first=0, by="replicate", **more):
    """Makes a row per trial; `noise` is added to test ELBOs, (replicates, cells)."""
    rows = [
        {"key": f"{lr}-{width}-{first + r}", "kind": "vae", "state": "done", "dataset": "digits"}
        | {"source": "normal", "m_z": 1, "n_c": width, "lr": lr, "seed": 0, "split": 0}
        | {by: first + r, "epoch": 8, "test_elbo": -100 + value, "fingerprint": "ab"}
        | {"seconds": np.random.default_rng().random(), "draws": "disjoint sets"}
        for r, values in enumerate(noise)
        for width, value in zip(n_c, values, strict=True)
    ]
    return pd.DataFrame(rows).assign(**more)


def side(frame):
    return Side(Path("here"), frame, {})


def cells_of(found, metric="test_elbo"):
    return {d.cell["n_c"]: d for d in found.differences if ALL_CELLS not in d.cell}


def test_pairs_of_replicates_are_tested_by_student(tmp_path):
    rng = np.random.default_rng(0)
    common, x, y = rng.normal(0, 5, (5, 1)), rng.normal(size=(5, 3)), rng.normal(1, 1, (5, 3))
    found = compare(side(frame_of(common + x)), side(frame_of(common + y, lr=0.001)))
    expected = stats.ttest_rel((common + y)[:, 1], (common + x)[:, 1])
    d = cells_of(found)[4]
    assert d.p == pytest.approx(expected.pvalue)
    low, high = expected.confidence_interval()
    assert (d.interval.low, d.interval.high) == pytest.approx((low, high))
    assert d.interval.mean == pytest.approx((y - x)[:, 1].mean())


def test_without_a_replicate_in_common_welch_decides():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(5, 3)), rng.normal(2, 3, (4, 3))
    found = compare(side(frame_of(x)), side(frame_of(y, lr=0.001, first=10)))
    expected = stats.ttest_ind(y[:, 0], x[:, 0], equal_var=False)
    d = cells_of(found)[2]
    assert d.p == pytest.approx(expected.pvalue)
    assert d.interval.low == pytest.approx(expected.confidence_interval().low)


def test_the_mean_over_cells_is_paired_by_replicate():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(5, 3)), rng.normal(1, 1, (5, 3))
    found = compare(side(frame_of(x)), side(frame_of(y, lr=0.001)))
    (overall,) = [d for d in found.differences if ALL_CELLS in d.cell]
    assert overall.p == pytest.approx(stats.ttest_rel(y.mean(axis=1), x.mean(axis=1)).pvalue)


def test_holms_correction_equals_the_slow_obvious_way():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(5, 3))
    found = compare(side(frame_of(x)), side(frame_of(x + rng.normal(1, 1, (5, 3)), lr=0.001)))
    p = [d.p for d in found.differences if d.p is not None]
    for d in found.differences:
        assert d.p is not None
        steps = [(len(p) - sorted(p).index(q)) * q for q in p if q <= d.p]
        assert d.adjusted == pytest.approx(min(1, max(steps)))
    undecided = holm([replace(found.differences[0], p=None)])
    assert undecided[0].adjusted is None


def test_noise_alone_rarely_makes_a_difference():
    rng, named = np.random.default_rng(4), 0
    worlds = 60
    for _ in range(worlds):
        common = rng.normal(0, 1, (5, 1))  # noise that the cells of a replicate share
        x, y = (frame_of(common + rng.normal(size=(5, 3)), lr=lr) for lr in (0.003, 0.001))
        named += any(d.differs for d in compare(side(x), side(y)).differences)
    assert named <= stats.binom.ppf(0.999, worlds, 0.05)


def test_a_large_difference_is_found_in_its_cell():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(5, 3))
    y = x + rng.normal(0, 0.1, (5, 3)) + [0, 0, 5]
    found = cells_of(compare(side(frame_of(x)), side(frame_of(y, lr=0.001))))
    assert [found[width].differs for width in (2, 4, 8)] == [False, False, True]


def test_two_replicates_decide_nothing():
    x = np.zeros((2, 3))
    found = compare(side(frame_of(x)), side(frame_of(x + [[9], [9.1]], lr=0.001)))
    assert not any(d.differs for d in found.differences)
    assert all(d.adjusted is None for d in found.differences)


def test_trials_of_the_same_key_are_compared_bit_by_bit():
    x = np.random.default_rng(6).normal(size=(3, 3))
    y = x.copy()
    y[0, 0] += 1e-13
    both = shared(side(frame_of(x)), side(frame_of(y)))
    assert len(both.keys) == 9
    assert len(both.equal) == 8  # seconds differ, but are not compared


def test_other_images_and_a_failure_in_one_only_are_differences():
    x = np.zeros((3, 3))
    other = frame_of(x)
    other.loc[0, "fingerprint"] = "cd"
    other.loc[1, "state"] = "failed"
    both = shared(side(frame_of(x)), side(other))
    assert both.data == [other["key"][0]]
    assert both.states == [(other["key"][1], "done", "failed")]


def test_constant_settings_are_named_and_axes_are_cells():
    x = np.zeros((3, 3))
    a, b = side(frame_of(x)), side(frame_of(x, n_c=(2, 4, 16), lr=0.001))
    (line,) = settings_lines(a, b)
    assert "lr 0.003 | 0.001" in line
    assert "n_c 8 only in A" in line
    found = compare(a, b)
    assert sorted(cells_of(found)) == [2, 4]
    assert (found.paired, found.only_a, found.only_b) == (6, 3, 3)


def test_seeds_of_older_results_are_pairs_too():
    x = np.random.default_rng(7).normal(size=(4, 3))
    found = compare(side(frame_of(x, by="seed")), side(frame_of(x + 1.0, by="seed", lr=0.001)))
    assert {d.interval.n for d in found.differences} == {4}


def test_metrics_measured_in_other_ways_are_not_compared():
    x = np.zeros((3, 3))
    gaps = [
        frame_of(x, amortization_gap=1.0, amortization_steps=steps, lr=lr)
        for steps, lr in ((100, 0.003), (200, 0.001))
    ]
    found = compare(*map(side, gaps))
    assert {d.metric for d in found.differences} == {"test_elbo"}
    assert "amortization_gap" in found.skipped[0]


def test_options_that_older_results_do_not_name_are_the_defaults():
    x = np.zeros((3, 3))
    old, new = (frame_of(x, robustness_gap=1.0, lr=lr) for lr in (0.003, 0.001))
    found = compare(side(old), side(new.assign(robustness_options="defaults")))
    assert {d.metric for d in found.differences} == {"test_elbo", "robustness_gap"}
    found = compare(side(old), side(new.assign(robustness_options="delta=0.3")))
    assert found.skipped == ["robustness_gap, measured with different robustness_options"]


def test_of_a_trial_measured_in_two_ways_the_last_one_is_compared():
    made = frame_of(np.zeros((3, 3)), fid=9.0, sample_quality_options="samples=20")
    again = made.assign(epoch=9, fid=2.0, sample_quality_options="defaults")
    assert set(side(pd.concat([made.assign(epoch=8.5), again])).finals["fid"]) == {2.0}


def test_the_figure_marks_what_differs():
    x = np.random.default_rng(8).normal(size=(5, 3))
    y = x + np.random.default_rng(9).normal(0, 0.1, (5, 3)) + [0, 0, 5]
    found = compare(side(frame_of(x)), side(frame_of(y, lr=0.001))).differences
    figure = drawn(found, "title")
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()][1:] == [
        f"normal m_z=1 n_c={width}" for width in (2, 4, 8)
    ]
    markers = {line.get_marker() for line in figure.axes[0].lines}
    assert {"s", "o"} <= markers
    assert numbers(found)["differs"].tolist() == [d.differs for d in found]


@pytest.fixture
def two(tmp_path):
    """Writes a published study, and a copy whose wide models are worse in all replicates."""
    one = pd.read_parquet(PUBLISHED / "double_descent.parquet")
    other = one.copy()
    wide = (one["n_c"] == 32) & (one["kind"] == "vae")
    other.loc[wide, "test_elbo"] -= 20 + other.loc[wide, "seed"].astype(float) / 10
    for name, frame in (("one", one), ("other", other)):
        frame.to_parquet(tmp_path / f"{name}.parquet")
    return [str(tmp_path / f"{name}.parquet") for name in ("one", "other")]


def test_the_exit_code_says_whether_results_differ(two, tmp_path, capsys):
    one, other = two
    assert main(["diff", one, one, "-o", str(tmp_path / "same.csv")]) == 0
    assert "beyond noise: 0 of" in capsys.readouterr().out
    assert main(["diff", one, other]) == 1
    printed = capsys.readouterr().out
    assert "n_c=32, test_elbo: -20" in printed
    for suffix in ("png", "pdf", "csv"):
        assert (tmp_path / "figures" / f"diff.{suffix}").stat().st_size
    table = pd.read_csv(tmp_path / "figures" / "diff.csv")
    cells = table[table["differs"] & table["n_c"].notna()]
    assert set(cells["n_c"]) == {32}
    assert set(cells["metric"]) == {"test_elbo"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["diff"], "required"),
        (["diff", "ONE"], "required"),
        (["diff", "ONE", "nowhere"], "nowhere does not exist"),
        (["diff", "ONE", "ONE", "--metric", "test_elb"], "Did you mean 'test_elbo'"),
        (["diff", "ONE", "ONE", "--metrc", "x"], "Known flags"),
        (["diff", "ONE", "ONE", "--where", "m_z==77"], "No row meets m_z==77"),
        (["diff", "ONE", "OTHER", "-o", "x.docx"], "no known format"),
        (["diff", "ONE", "MNIST"], "no cell in common"),
    ],
)
def test_wrong_usage_is_a_sentence_with_code_2(words, message, capsys):
    paths = {
        "ONE": PUBLISHED / "double_descent.parquet",
        "OTHER": PUBLISHED / "data_sources.parquet",
        "MNIST": PUBLISHED.parent / "mnist-small" / "data_sources.parquet",
    }
    assert main([str(paths.get(word, word)) for word in words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert pd.Series([line]).str.contains(message).all(), line


def test_a_study_without_a_finished_trial_is_refused(tmp_path, capsys):
    folder = tmp_path / "trials" / "one"
    folder.mkdir(parents=True)
    trial = {"kind": "vae", "dataset": "digits", "m_z": 1, "n_c": 2, "seed": 0}
    trial |= {"source": {"real_share": 1.0}}
    (folder / "trial.json").write_text(json.dumps(trial))
    (folder / "rows.jsonl").write_text('{"epoch": 1, "test_elbo": -1.0}\n')
    assert main(["diff", str(PUBLISHED / "double_descent.parquet"), str(tmp_path)]) == 2
    assert "No trial of" in capsys.readouterr().err
