"""Table 7: gaps over seeds with the smallest marked, in text, Markdown, LaTeX and a picture."""

import numpy as np
import pandas as pd
import pytest

from analysis import figures
from analysis.__main__ import main
from analysis.errors import ResultsError
from analysis.statistics.intervals import t_interval
from tests.analysis.made_up import TRAINED, source


@pytest.fixture
def frame(studies):
    studies.data_sources("mnist", likelihood="bernoulli")
    studies.data_sources(data="jpeg")
    return studies.frame()


def test_the_numbers_are_last_values_over_seeds(frame):
    table = figures.numbers("table7", frame)
    assert len(table) == 2 * 3 * 4
    own = table[(table["dataset"] == "cifar10") & (table["gap"] == "amortization_gap")]
    own = own.set_index("source")
    for method in own.index:
        gap = TRAINED[method][1]
        expected = t_interval([gap * (1 + 0.05 * (s - 1)) + 200 + s for s in range(3)])
        row = own.loc[method]
        assert (row["mean"], row["low"], row["n"]) == pytest.approx(
            (expected.mean, expected.low, 3)
        )
    assert own["smallest"].to_dict() == {name: name == "dmaapx" for name in own.index}


def test_one_smallest_mean_per_row_is_starred_and_columns_are_aligned(frame):
    head, *body, output = figures.text("table7", frame)
    assert head.split() == ["gap", "normal", "DMaaPx", "Aug.Tuned", "Aug.Naive", "n"]
    assert body[0] == "BinaryMNIST, Bernoulli"
    assert body[4] == "CIFAR-10 (JPEG copy), mixture of logistics"
    rows = [line for line in body if line.startswith("  ")]
    assert len(rows) == 6 and len({len(line) for line in [head, *rows]}) == 1
    assert all(line.count("*") == 1 for line in rows)
    ends = {line.index("*") for line in rows}
    assert len(ends) == 1  # all smallest means are of DMaaPx
    assert "840 \N{PLUS-MINUS SIGN} 104" in rows[0] and rows[0].endswith("  3")
    assert output.startswith("* smallest mean")


def test_markdown_and_latex_have_the_same_cells(frame):
    markdown, latex = figures.text("table7", frame, "md"), figures.text("table7", frame, "tex")
    assert {line.count("|") for line in markdown} == {8}
    assert sum(line.count("**") for line in markdown) == 2 * 6
    body = [line for line in latex if line.endswith(r"\\")]
    assert {line.count("&") for line in body} == {6} and len(body) == 7
    assert sum(line.count(r"\textbf") for line in latex) == 6
    assert "".join(latex).isascii()


def test_a_mean_that_ties_is_marked_twice_and_a_gap_not_measured_is_a_dash(studies):
    for name in ("normal", "dmaapx"):
        studies.each_seed(800.0, 840.0, source=source(name))
    head, _, row, amortization, *_ = figures.text("table7", studies.frame())
    assert row.count("*") == 2 and row.split()[-1] == "3"
    assert amortization.split()[-3:] == ["-"] * 3
    assert head.split() == ["gap", "normal", "DMaaPx", "n"]
    assert len(amortization.rstrip()) == len(head)


def test_two_seeds_have_no_interval(studies):
    studies.each_seed(800.0, 840.0, seeds=2)
    row = figures.text("table7", studies.frame())[2]
    assert "\N{PLUS-MINUS SIGN}" not in row and "819*" in row and row.split()[-1] == "2"


def test_the_picture_has_every_cell(frame):
    figure = figures.draw("table7", frame, "commit abc")
    texts = figure.axes[0].texts
    shown = [text.get_text() for text in texts]
    assert len(shown) == 6 + 2 * (1 + 3 * 6)
    bold = [t.get_text() for t in texts if t.get_fontweight() == "bold"]
    assert len(bold) == 6 + 2 + 6
    note = figure.get_supxlabel()
    assert "JPEG copy" in note and note.endswith("commit abc")


def test_unfinished_trials_are_left_out(studies):
    half = [{"epoch": 500, "generalization_gap": 1.0}]
    studies.vae(half, done=False)
    with pytest.raises(ResultsError, match="Table 7 needs gaps.*scaling-vae study data_sources"):
        figures.text("table7", studies.frame())


def test_the_command_prints_or_writes_the_table(frame, results, tmp_path, capsys):
    study = str(results.study)
    assert main(["table7", "--results", study]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines() == figures.text("table7", frame)
    assert not (results.study / "figures").exists()
    for suffix in ("txt", "md", "tex", "csv", "pdf"):
        assert main(["table7", "--results", study, "-o", str(tmp_path / f"t.{suffix}")]) == 0
    assert (tmp_path / "t.txt").read_text(encoding="utf-8") == printed
    numbers = pd.read_csv(tmp_path / "t.csv")
    pd.testing.assert_frame_equal(numbers, figures.numbers("table7", frame), check_dtype=False)
    assert main(["fig2", "--results", study, "-o", str(tmp_path / "fig2.md")]) == 2


def test_trials_of_other_lengths_are_mentioned(frame):
    normal = (frame["source"] == "normal") & (frame["dataset"] == "cifar10")
    longer = frame.assign(epoch=frame["epoch"] * normal.map({True: 2, False: 1}))
    note = figures.text("table7", longer)[-1]
    last = frame["epoch"].max()
    assert note.startswith(f"CIFAR-10 (JPEG copy): different numbers of epochs: normal {2 * last}")
    assert f"DMaaPx {last}" in note and "BinaryMNIST" not in note


def test_gaps_of_two_attacks_are_not_joined(frame):
    used = np.where(frame["seed"] == 0, "delta=0.3", "defaults")
    with pytest.raises(ResultsError, match="robustness_gap was measured with robustness_options"):
        figures.numbers("table7", frame.assign(robustness_options=used))
