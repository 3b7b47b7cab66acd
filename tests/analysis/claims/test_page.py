"""The ledger of claims in lines, and as CSV, Markdown and HTML files."""

from pathlib import Path

import pandas as pd
import pytest

from analysis import results
from analysis.claims import CLAIMS, PAPERS, ledger, main
from analysis.claims.formats import whisker
from analysis.claims.page import only, text, write
from analysis.claims.rules.judging import HOLDS, NOT_RUN, UNDECIDED
from analysis.claims.wording import VERDICTS
from analysis.errors import ResultsError

ROOT = Path(__file__).parents[3]
DIGITS = ROOT / "analysis" / "published" / "digits" / "double_descent.parquet"


@pytest.fixture(scope="module")
def digits():
    return results.load(DIGITS)


@pytest.fixture(scope="module")
def found(digits):
    return ledger(digits)


def test_text_has_the_counts_first_and_a_line_per_claim(found):
    lines = text(found).splitlines()
    counts = found.loc[found["data"] == PAPERS, "verdict"].value_counts()
    known = "   ".join(f"{v} {counts.get(v, 0)}" for v in VERDICTS)
    assert lines[0] == f"{known}   (on the paper's data)"
    assert lines[1].startswith(f"{len(CLAIMS)} claims, 1 setting measured.")
    assert max(map(len, lines)) <= 100
    output = " ".join(lines[:8])
    assert "On the paper's data: holds 0" in output and "On other data (digits): holds" in output
    shown = [line for line in lines[1:] if line.partition("  ")[0] in VERDICTS]
    assert [sum(line.startswith(f"{verdict}  ") for line in shown) for verdict in VERDICTS] == [
        (found["verdict"] == verdict).sum() for verdict in VERDICTS
    ]
    head = next(at for at, line in enumerate(lines) if line.startswith("On other data than"))
    judged = [at for at, line in enumerate(lines) if line in shown and line[:7] != NOT_RUN]
    assert min(judged) > head  # results on digits answer no claim
    assert text(found, long=True).count("rule: holds if") == (found["verdict"] != NOT_RUN).sum()
    assert max(map(len, text(found, long=True).splitlines())) <= 100


def test_the_text_can_be_limited_to_some_verdicts(found):
    assert set(only(found, ["holds", "undecided"])["verdict"]) == {HOLDS, UNDECIDED}
    assert only(found, []).equals(found)
    lines = text(found, only(found, ["not-run"])).splitlines()
    assert lines[0].startswith("holds ") and not any(line.startswith("holds  ") for line in lines)
    with pytest.raises(ResultsError, match="--only hold: there is no such.* Did you mean 'holds'"):
        only(found, ["hold"])


def test_the_suffix_of_a_file_chooses_its_format(tmp_path, capsys):
    main(DIGITS, tmp_path / "new" / "claims.csv")
    table = pd.read_csv(tmp_path / "new" / "claims.csv")
    assert set(table["claim"]) == {claim.name for claim in CLAIMS} and table["rule"].notna().all()
    main(DIGITS, tmp_path / "claims.md")
    lines = (tmp_path / "claims.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("|")]
    heads = sum(line.startswith("| verdict") for line in rows)
    assert len(rows) - 2 * heads == (table["verdict"] != NOT_RUN).sum()
    assert {line.replace("\\|", "").count("|") for line in rows} == {5}
    assert sum(line.startswith("- ") for line in lines) == (table["verdict"] == NOT_RUN).sum()
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "claims.md")
    with pytest.raises(ResultsError, match="Choose .csv, .md or .html"):
        main(DIGITS, tmp_path / "claims.pdf")


def test_the_page_escapes_foreign_names_and_loads_nothing(digits, tmp_path):
    named = ledger(digits.assign(dataset="<script>alert(1)</script>|x.npz"))
    for suffix in ("html", "md"):
        output = write(named, tmp_path / f"c.{suffix}").read_text()
        assert "<script" not in output and "&lt;script" in output
    page = (tmp_path / "c.html").read_text()
    assert "default-src 'none'" in page and "http" not in page.replace("http-equiv", "")
    assert page.count("<details>") == (named["verdict"] != NOT_RUN).sum()
    holds = write(named, tmp_path / "h.html", only(named, ["holds"])).read_text()
    assert holds.count("<details>") == (named["verdict"] == HOLDS).sum() > 0


def test_conditions_select_the_results_that_are_judged(capsys):
    main(DIGITS, conditions=["source=normal"])
    assert "dmaapx (k=10)" not in capsys.readouterr().out


ENDS = [(1.0, 4.0, 0.0), (-1.0, 3.0, 25.0), (-4.0, -2.0, 100.0)]  # low, high, place of zero


@pytest.mark.parametrize(("low", "high", "zero"), ENDS)
def test_a_whisker_is_on_an_axis_that_contains_zero(low, high, zero):
    row = {"comparisons": 1, "difference": (low + high) / 2, "low": low, "high": high}
    made = whisker(row)
    assert made["zero"] == pytest.approx(zero)
    scale = (made["whisker"]["high"] - made["whisker"]["low"]) / (high - low)
    assert made["whisker"]["low"] - made["zero"] == pytest.approx(scale * low)
    assert whisker(row | {"low": float("nan"), "high": float("nan")})["whisker"] is None
