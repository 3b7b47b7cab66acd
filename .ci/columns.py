"""Writes the tables of columns in docs/results-format.md from `analysis.columns`.

    python .ci/columns.py

The tables are the lines between `<!-- columns -->` and `<!-- end of columns -->`; a test compares
them with the dictionary.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "results-format.md"
START, END = "<!-- columns -->\n", "<!-- end of columns -->\n"
HEAD = ["| column | unit | better | meaning |", "|---|---|---|---|"]
Columns = Mapping[str, tuple[str, str, str]]


def table(columns: Columns) -> list[str]:
    """Returns the lines of a Markdown table with one row a column."""
    rows = [
        f"| `{name}` | {unit} | {better.removesuffix(' is better')} | {_cell(meaning)} |"
        for name, (unit, better, meaning) in columns.items()
    ]
    return HEAD + rows


def _cell(text: str) -> str:
    """Returns the text with its bars escaped, which would end a cell."""
    return text.replace("|", "\\|")


def tables() -> str:
    """Returns all tables: of trials, of rows, and of the accuracies under corruptions, folded."""
    sys.path.insert(0, str(ROOT))
    from analysis.columns import ROW_COLUMNS, TRIAL_COLUMNS

    corrupted = {name: value for name, value in ROW_COLUMNS.items() if "__" in name}
    measured = {name: value for name, value in ROW_COLUMNS.items() if name not in corrupted}
    lines = ["", "### Which trial it is", "", *table(TRIAL_COLUMNS), ""]
    lines += ["### What was measured", "", *table(measured), ""]
    lines += ["<details>", "<summary>Accuracies under each corruption of CIFAR-10-C</summary>", ""]
    lines += [*table(corrupted), "", "</details>", ""]
    return "\n".join(lines) + "\n"


def with_tables(page: str) -> str:
    """Returns the page with the tables between its two marks, which it must have."""
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise SystemExit(f"{PAGE} lacks the lines {START.strip()} and {END.strip()}. Add them.")
    return before + start + tables() + end + after


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
