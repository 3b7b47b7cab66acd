"""Computes the numbers of panels over epochs, and the notes under them."""

from collections.abc import Sequence

import pandas as pd

from analysis import lines
from analysis.errors import ResultsError
from analysis.figures import marks
from analysis.figures.panels import Looks, Panel


def numbers(frame: pd.DataFrame, panels: Sequence[Panel], looks: Looks) -> pd.DataFrame:
    """Returns a row per panel, metric, line and epoch (`part` epochs) or last value (`part` end).

    ELBOs and their gaps are in nats per image. Raises ResultsError if nothing is measured.
    """
    trials = lines.drawn(frame, ["line"])
    tables = []
    for panel in panels:
        for metric, _, _ in panel.shown:
            table = lines.over_epochs(trials, metric, ["line"])
            tables.append(table.assign(panel=panel.title, part="epochs", metric=metric))
        if panel.end:
            table = lines.at_the_end(trials, panel.end, ["line"])
            tables.append(table.assign(panel=panel.title, part="end", metric=panel.end))
    table = pd.concat([table for table in tables if len(table)] or [pd.DataFrame()])
    if table.empty:
        raise ResultsError(
            f"None of {', '.join(panel.solid[0] for panel in panels)} is measured here. "
            "Run the study again, or give another folder with --results FOLDER."
        )
    order = {line: index for index, line in enumerate(looks)}
    first = ["panel", "part", "metric", "line", "epoch"]
    table = table.assign(order=table["line"].map(order)).sort_values("order", kind="stable")
    table = table.sort_values(["part", "metric"], key=_rank(panels), kind="stable")
    return table[[*first, *table.columns.drop([*first, "order"])]].reset_index(drop=True)


def _rank(panels: Sequence[Panel]):  # type: ignore[no-untyped-def]
    """Returns a sort key for parts and metrics in the order in which the panels show them."""
    names = ["epochs", "end"]
    for panel in panels:
        names += [metric for metric, _, _ in panel.shown] + [panel.end or ""]
    return lambda column: column.map({name: index for index, name in reversed([*enumerate(names)])})


def notes(
    frame: pd.DataFrame, trials: pd.DataFrame, table: pd.DataFrame, looks: Looks
) -> list[str]:
    """Returns notes on the draws and epochs shown, and on what is absent or not finished."""
    elbos = table[table["metric"] == "test_elbo"]
    last = elbos.groupby(["panel", "line"])[["epoch"]].max()
    absent = [look.label for line, look in looks.items() if line not in set(table["line"])]
    lacking = f"Not in these results: {', '.join(absent)}" if absent else ""
    ends = (table["part"] == "end").any()
    seeds = "dots, in the lower panels; lines are means" if ends else ""
    return [
        marks.counted(last, table, seeds), lacking, _early(table),
        marks.lacking(lines.unfinished(frame, trials)),
    ]  # fmt: skip


def _early(table: pd.DataFrame) -> str:
    """Names last values that were measured before the end of training."""
    gaps = table[(table["part"] == "end") & (table["epoch"] < table["epoch"].max())]
    early = [f"{gap.line} {gap.metric} ({gap.epoch})" for gap in gaps.itertuples()]
    return f"Last measured at an earlier epoch: {'; '.join(early)}" if early else ""
