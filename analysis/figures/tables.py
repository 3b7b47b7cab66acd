"""Makes tables of last values as text and as pictures, for Tables 7 and 11.

A table has a row per metric and data set, with the four methods side by side; the best mean of a
row and those that are not shown to be worse are marked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import lines, style
from analysis.figures import marks, methods
from analysis.statistics import levels
from analysis.statistics.intervals import FEW_SEEDS

TIED = f"at least {FEW_SEEDS} draws in common with it not shown to be"
CELLS = f"mean with 95 % t interval for at least {FEW_SEEDS} draws"
FRAMES = {  # format: for the best mean of a row, for the others
    **{"txt": ("{}*", "{} "), "md": ("**{}**", "{}"), "tex": (r"\textbf{{{}}}", "{}")},
    "picture": ("*{}", "{}"),
}
SIGNS = {"\N{PLUS-MINUS SIGN}": r"$\pm$", "\N{MINUS SIGN}": "$-$"}  # in LaTeX
FIRST, WIDTH, ROW = 2.0, 1.05, 0.19  # inches: first column, other columns, row
INDENT = 0.25  # inches of a method under its metric
LAST = 0.25  # inches between the column n and the one before


@dataclass(frozen=True)
class Table:
    """Holds a table: head, cells per data set, and notes, of which the first explains the mark."""

    head: Sequence[str]
    parts: Mapping[str, list[list[str]]]
    notes: Sequence[str]

    def text(self, suffix: str) -> list[str]:
        """Returns the table's lines: aligned (txt), Markdown (md) or LaTeX (tex)."""
        if suffix == "txt":
            return self._aligned()
        head = ["", *self.head]
        named_rows = [
            [name if index == 0 else "", *row]
            for name, rows in self.parts.items()
            for index, row in enumerate(rows)
        ]
        if suffix == "md":
            lined = [head, ["---"] * len(head), *named_rows]
            return ["| " + " | ".join(row) + " |" for row in lined] + self._under("", "{}")
        start = [r"\begin{tabular}{ll" + "r" * (len(head) - 2) + "}", r"\hline"]
        body = [" & ".join(row) + r" \\" for row in [head, *named_rows]]
        return [*start, *body, r"\hline", r"\end{tabular}", *self._under("%", "% {}")]

    def _under(self, first: str, form: str) -> list[str]:
        """Returns the notes except that on the mark, since Markdown and LaTeX use bold type."""
        return [first, *map(form.format, self.notes[1:])] if self.notes[1:] else []

    def _aligned(self) -> list[str]:
        all_rows = [self.head, *(row for rows in self.parts.values() for row in rows)]
        widths = [max(map(len, column)) for column in zip(*all_rows, strict=True)]

        def line(row: Sequence[str]) -> str:
            first, *others = zip(row, widths, strict=True)
            return "  " + "  ".join([first[0].ljust(first[1]), *(t.rjust(w) for t, w in others)])

        result = [line(self.head)]
        for name, rows in self.parts.items():
            result += [name, *map(line, rows)]
        return [*result, *self.notes]

    def picture(self, note: str = "") -> Figure:
        """Draws the table with marked cells in bold; in a column's width each cell is a line."""
        if style.inches(style.WIDE) < style.COLUMN:
            return self._column(note)
        height = ROW * (2 + sum(1 + len(rows) for rows in self.parts.values()))
        figure = Figure(figsize=(style.inches(style.WIDE), height + 0.6), layout="constrained")
        ax = _blank(figure, style.WIDE, height)
        places = [0.1, *(FIRST + 0.1 + WIDTH * index for index in range(len(self.head) - 1))]
        places[-1] += LAST - WIDTH / 2
        y = ROW
        for name, rows in {"": [list(self.head)], **self.parts}.items():
            if name:
                y += ROW
                ax.text(0, y, name, fontweight="bold")
            for row in rows:
                y += ROW if name else 0
                for x, cell in zip(places, row, strict=True):
                    weight = "bold" if cell.startswith("*") or not name else "normal"
                    side = "left" if x == places[0] else "center"
                    ax.text(x, y, cell.lstrip("*"), fontweight=weight, ha=side, fontsize=7.5)
        marks.note(figure, [self.notes[0].replace("*", "bold:"), *self.notes[1:], note])
        return figure

    def _column(self, note: str) -> Figure:
        """Draws the methods one below the other under each data set and metric."""
        lines: list[tuple[float, str, str]] = []  # indent, name, number
        for name, rows in self.parts.items():
            lines.append((0.0, f"*{name}", ""))
            for row in rows:
                lines.append((0.0, row[0], f"n = {row[-1]}"))
                lines += [(INDENT, *cell) for cell in zip(self.head[1:-1], row[1:-1], strict=True)]
        width, height = style.inches(style.WIDE), ROW * (len(lines) + 1)
        figure = Figure(figsize=(width, height + 0.8), layout="constrained")
        ax = _blank(figure, width, height)
        for index, (indent, name, number) in enumerate(lines, 1):
            for x, text, side in ((0.1 + indent, name, "left"), (width - 0.1, number, "right")):
                weight = "bold" if text.startswith("*") else "normal"
                ax.text(x, ROW * index, text.lstrip("*"), fontweight=weight, ha=side, fontsize=7.5)
        marks.note(figure, [self.notes[0].replace("*", "bold:"), *self.notes[1:], note])
        return figure


def _blank(figure: Figure, width: float, height: float) -> Axes:
    """Returns axes in inches from the upper left corner, without lines."""
    ax = figure.subplots()
    ax.set(xlim=(0, width), ylim=(height, 0))
    ax.axis("off")
    return ax


def shown(table: pd.DataFrame) -> list[str]:
    """Returns the methods that have a number, in the paper's order."""
    return [name for name in lines.METHODS if name in set(table["source"])]


def head(first: str, table: pd.DataFrame) -> list[str]:
    """Returns the head: a column of names, one per method that has a number, and n."""
    return [first, *map(style.source_label, shown(table)), "n"]


def numbers(frame: pd.DataFrame, metrics: Sequence[str], column: str) -> pd.DataFrame:
    """Returns last values over seeds, a row per data set, likelihood, metric and method.

    `column` is the name of the metrics' column. The result is empty if no metric is measured in a
    finished trial.
    """
    tables = [
        lines.at_the_end(trials, metric, ["line"]).assign(
            overlap=float(trials["overlap"].max()),
            dataset=part["dataset"].iloc[0],
            likelihood=part["likelihood"].iloc[0],
            data=methods.data(part),
            **{column: metric},
        )
        for _, part in lines.methods(frame).groupby(["dataset", "likelihood"], sort=False)
        for trials in [lines.drawn(part, ["line"])]
        for metric in metrics
    ]
    tables = [table for table in tables if len(table)]
    if not tables:
        return pd.DataFrame()
    return pd.concat(tables, ignore_index=True).rename(columns={"line": "source"})


def parts(
    table: pd.DataFrame, labels: Mapping[str, str], column: str, best: str, suffix: str
) -> dict[str, list[list[str]]]:
    """Returns, per data set, a row of cells per metric, its label first.

    The column `best` says which means are marked.
    """
    rows: dict[str, list[list[str]]] = {}
    for (data, likelihood), part in table.groupby(["data", "likelihood"], sort=False):
        name = f"{data}, {style.LIKELIHOOD_LABELS.get(str(likelihood), str(likelihood))}"
        rows[name] = []
        for metric, first in labels.items():
            measured = part[part[column] == metric]
            cells = dict(zip(measured["source"], _cells(measured, best, suffix), strict=True))
            n = [marks.span(measured["n"])] if len(measured) else ["-"]
            rows[name].append([first, *(cells.get(m, "-") for m in shown(table)), *n])
    return rows


def counts(table: pd.DataFrame) -> str:
    """Describes what the column n counts."""
    return f"n: {levels.level_of(table)}"


def lengths(table: pd.DataFrame) -> list[str]:
    """Returns a note for each data set whose cells are from trials of different lengths."""
    notes = []
    for data, part in table.groupby("data", sort=False):
        if part["epoch"].nunique() > 1:
            ends = {name: rows["epoch"] for name, rows in part.groupby("source")}
            methods = [name for name in lines.METHODS if name in ends]
            spans = (f"{style.source_label(name)} {marks.span(ends[name])}" for name in methods)
            notes.append(f"{data}: different numbers of epochs: {', '.join(spans)}")
    return notes


def _cells(rows: pd.DataFrame, best: str, suffix: str) -> list[str]:
    """Formats a row's numbers with equal decimals, those that suit its median half width."""
    cells = []
    halves = ((rows["high"] - rows["low"]) / 2).where(rows["n"] >= FEW_SEEDS)
    middle = float(halves.median()) if halves.notna().any() else None
    for mean, half, first in zip(rows["mean"], halves, rows[best], strict=True):
        text = style.rounded(mean, None if pd.isna(half) else half, middle)
        if suffix == "tex":
            text = "".join(SIGNS.get(sign, sign) for sign in text)
        cells.append(FRAMES[suffix][0 if first else 1].format(text))
    return cells
