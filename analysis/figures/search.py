"""A search in parallel coordinates: the values tried, and the validation ELBO of each point."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import curves, results, style
from analysis.errors import ResultsError
from analysis.figures import marks
from analysis.selection import choice
from analysis.storage.provenance import provenance

CELL = ("dataset", "source", "m_z", "n_c")  # fields that name a panel, if they differ
PANELS, ACROSS = 12, 3  # largest number of panels; panels per row
HEIGHT = 1.9  # inches per row of panels
CHOSEN, STOPPED = "#d55e00", "#c9c9c9"
TICKS = 4  # largest number of choices labelled on an axis


def load(path: str | Path) -> pd.DataFrame:
    """Returns the results' frame, with the study's search in the column `search`."""
    frame = results.load(path)
    return choice.with_record(frame, "search", choice.search_of(frame, provenance(path)))


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns a row per cell and point: the values tried, epochs trained, and scores.

    `score` is the validation ELBO (nats per image) at `epochs`; `last_rung` is False if halving
    stopped the point early; `score_E` are the scores at the rungs; only the chosen point has
    `test_elbo`. Raises ResultsError if the study records no search.
    """
    search = _search(frame)
    trials = frame.drop_duplicates("key").set_index("key")
    last = max((point["epochs"] for cell in search["cells"] for point in cell), default=0)
    rows = []
    for index, cell in enumerate(search["cells"]):
        for point in cell:
            keys = [key for key in point["keys"] if key in trials.index]
            if keys:
                rows.append(_row(index, point, trials.loc[keys[:1]].iloc[0], last, frame))
    if not rows:
        raise ResultsError("No point of the search is measured yet. Run the study again.")
    return pd.DataFrame(rows)


def _row(
    cell: int, point: choice.SearchedPoint, trial: pd.Series, last: int, frame: pd.DataFrame
) -> dict[str, object]:
    scores = {int(epochs): score for epochs, score in point["scores"].items()}
    row: dict[str, object] = {"cell": cell}
    row |= {name: trial[name] for name in CELL if name in trial and name not in point["values"]}
    row |= {"trials": len(point["keys"])} | dict(sorted(point["values"].items()))
    row |= {
        "epochs": point["epochs"],
        "score": scores.get(point["epochs"]),
        "last_rung": point["epochs"] == last,
    }
    row |= {"chosen": point["chosen"]} | {f"score_{e}": scores[e] for e in sorted(scores)}
    rows = frame[frame["key"].isin(point["keys"])]
    if point["chosen"] and "test_elbo" in rows and len(rows):
        row["test_elbo"] = float(curves.last_values(rows)["test_elbo"].mean())
    return row


def _search(frame: pd.DataFrame) -> choice.SearchRecord:
    if "search" not in frame:
        raise ResultsError(
            "No search is recorded for these results. "
            "Run a study with one: scaling-vae study double_descent --search lr=log:1e-4:1e-2"
        )
    search: choice.SearchRecord = frame["search"].iloc[0]
    return search | {"ranges": dict(sorted(search["ranges"].items()))}


def search(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws a panel per cell with a line per point, lighter with its score; the chosen is thick."""
    record, table = _search(frame), numbers(frame)
    cells = list(table["cell"].unique())
    shown_cells = cells[:PANELS]
    rows = math.ceil(len(shown_cells) / ACROSS)
    across = min(ACROSS, len(shown_cells))
    width = style.inches(style.NARROW if across == 1 else style.WIDE)
    figure = Figure(figsize=(width, HEIGHT * rows + 1.2), layout="constrained")
    panels = figure.subplots(rows, across, squeeze=False).ravel()
    for ax, cell in zip(panels, shown_cells, strict=False):
        part = table[table["cell"] == cell]
        _panel(ax, part, record["ranges"])
        ax.set_title(_title(part, table, record["ranges"]), loc="left")
    for ax in panels[len(shown_cells) :]:
        ax.axis("off")
    marks.heading(figure, _handles(record), _heading(record))
    left = len(cells) - len(shown_cells)
    more = f"and {left} more cells: see the csv" if left else ""
    marks.note(figure, [f"chosen by {record['chosen_by'] or 'nothing: no validation'}", more, note])
    return figure


def _heading(record: choice.SearchRecord) -> str:
    climbing = ", ".join(f"{rung['points']} to epoch {rung['epochs']}" for rung in record["rungs"])
    return f"{record['samples']} points of a {record['points']}\nin each cell: {climbing}"


def _handles(record: choice.SearchRecord) -> list[Line2D]:
    handles = [Line2D([], [], color=CHOSEN, linewidth=2, label="chosen")]
    if record["halving"]:
        handles.append(Line2D([], [], color=STOPPED, label="stopped at an earlier epoch"))
    return handles


def _title(part: pd.DataFrame, table: pd.DataFrame, ranges: dict[str, str]) -> str:
    first = part.iloc[0]
    names = [n for n in CELL if n in table and n not in ranges and table[n].nunique() > 1]
    return ", ".join(f"{n}={first[n]}" if n in ("m_z", "n_c") else str(first[n]) for n in names)


def _panel(ax: Axes, part: pd.DataFrame, ranges: dict[str, str]) -> None:
    """Draws the axes side by side, each from 0 to 1, with stopped points behind the others."""
    from matplotlib import colormaps

    scales = [_Scale(name, ranges[name]) for name in ranges]
    measured = part[part["score"].notna()]
    scales.append(_Scale("validation\nELBO", "lin:0:1", list(measured["score"])))
    heights = [
        scale.heights(list(measured["score" if index == len(ranges) else scale.name]))
        for index, scale in enumerate(scales)
    ]
    order = measured.reset_index(drop=True).sort_values(["chosen", "last_rung"]).index
    x = range(len(scales))
    for index in order:
        row = measured.iloc[index]
        height = heights[-1][index]
        colour = str(STOPPED) if not row["last_rung"] else colormaps["viridis"](0.9 * height)
        colour, line = (CHOSEN, 2.0) if row["chosen"] else (colour, 0.8)
        ax.plot(
            x,
            [axis_heights[index] for axis_heights in heights],
            color=colour,
            linewidth=line,
            clip_on=False,
        )
    ax.set(xlim=(-0.15, len(scales) - 0.85), ylim=(0, 1), yticks=[])
    ax.set_xticks(list(x), [scale.name for scale in scales])
    ax.spines["left"].set_visible(False)
    ax.grid(visible=False)
    for place, scale in zip(x, scales, strict=True):
        ax.axvline(place, color=style.GREY, linewidth=0.6, zorder=1)
        for height, text in scale.ticks:
            label = ax.annotate(text, (place, height), (2, 0), textcoords="offset points")
            label.set(fontsize=5.5, va="bottom" if height < 0.5 else "top", zorder=5)


class _Scale:
    """Maps the values of one axis to heights between 0 and 1."""

    def __init__(self, name: str, text: str, values: Sequence[float] = ()) -> None:
        self.name = name
        self.kind, _, rest = text.partition(":")
        if self.kind == "choice":
            self.choices = rest.split(",")
            return
        ends = list(map(float, rest.split(":"))) if not values else [min(values), max(values)]
        self.low, self.high = ends

    def heights(self, values: Sequence[Any]) -> list[float]:
        """Returns the values' heights."""
        if self.kind == "choice":
            return [self._chosen(value) for value in values]
        if self.high == self.low:
            return [0.5 for _ in values]
        if self.kind == "log":
            return [math.log(v / self.low) / math.log(self.high / self.low) for v in values]
        return [(v - self.low) / (self.high - self.low) for v in values]

    def _chosen(self, value: Any) -> float:
        texts = [text for text in self.choices if text == str(value) or _same(text, value)]
        index = self.choices.index(texts[0]) if texts else 0
        return index / max(1, len(self.choices) - 1)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Returns heights and texts of the ends, or of the first choices."""
        if self.kind == "choice":
            last = max(1, len(self.choices) - 1)
            return [(index / last, text) for index, text in enumerate(self.choices)][:TICKS]
        return [(0.0, f"{self.low:.4g}"), (1.0, f"{self.high:.4g}")]


def _same(text: str, value: Any) -> bool:
    """Returns whether the text spells the number."""
    try:
        return float(text) == float(value)
    except (TypeError, ValueError):
        return False
