"""Finds the best learning rate of each (source, m_z, n_c) by validation ELBO, not by test ELBO."""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis import curves
from analysis.errors import ResultsError
from analysis.statistics.intervals import FEW_SEEDS, Interval, t_interval

METRIC = "validation_elbo"
CELL = ["source", "m_z", "n_c"]
EDGES = {"low": "smallest", "high": "largest", "both": "only"}


def best(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns a row per source and (m_z, n_c) with the lr of the largest mean validation ELBO.

    `mean`, `low`, `high`, `n`: its mean over draws (`analysis.statistics.levels`; seeds of a
    replicate are averaged) in nats per image with a 95 % t interval, wider for splits that overlap;
    `runner_up`: the second best lr; `difference` (with `_low`, `_high`): how much better the best
    is, paired; `lowest`, `highest`: the range tried; `edge`: low, high or both if the best is at an
    end of it; `left_out`: rates that failed in a replicate or were not trained in all; `key`: a
    trial of the best. A final value is the mean over the last tenth of the epochs. Raises
    ResultsError if nothing is finished or there are no validation images.
    """
    values = scores(frame)
    rows = [_cell_row(frame, place, part) for place, part in values.groupby(CELL, sort=True)]
    return pd.DataFrame(rows)


def scores(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns a row per finished VAE: key, place, lr, unit, seed, overlap and validation ELBO.

    `unit` numbers the draw (`levels.settle`), the ELBO is in nats per image. Raises ResultsError if
    it was measured nowhere.
    """
    if METRIC not in frame or frame[METRIC].isna().all():
        raise ResultsError(
            f"{METRIC} is not measured in these results: their trials have no validation images. "
            "Run the study with --set partition=disjoint."
        )
    chance = ["replicate", "seed"] if "replicate" in frame else ["seed"]
    finals = curves.final(frame, [*CELL, "lr", *chance])
    return finals[["key", *CELL, "lr", "unit", "seed", "overlap", METRIC]]


def interval(part: pd.DataFrame) -> Interval:
    """Returns the 95 % interval of the mean over draws of some rows of `scores`."""
    return t_interval(part.groupby("unit")[METRIC].mean(), overlap=part["overlap"].iloc[0])


def _cell_row(frame: pd.DataFrame, place: tuple[object, ...], part: pd.DataFrame) -> dict:
    wide = part.pivot(index=["unit", "seed"], columns="lr", values=METRIC)
    by_draw = wide.dropna(axis=1).groupby(level="unit").mean()
    shared = part["overlap"].iloc[0]
    cell = dict(zip(CELL, place, strict=True))
    tried = _tried(frame, cell)
    if by_draw.empty:
        raise ResultsError(
            f"No lr is finished in all replicates of {cell}. "
            "Run the study again: it continues where it stopped."
        )
    means = by_draw.mean().sort_values(ascending=False, kind="stable")
    lr, best_of = float(means.index[0]), t_interval(by_draw[means.index[0]], overlap=shared)
    row = cell | {"lr": lr, "mean": best_of.mean, "low": best_of.low, "high": best_of.high}
    row |= {"n": best_of.n, "method": best_of.method}
    row |= {"lowest": tried[0], "highest": tried[-1], "edge": _edge(lr, tried)}
    second = by_draw[means.index[1]] if len(means) > 1 else None
    ahead = None if second is None else t_interval(by_draw[lr] - second, overlap=shared)
    nan = float("nan")
    row |= {"runner_up": float(means.index[1]) if ahead else nan}
    row |= {"difference": ahead.mean if ahead else nan}
    row |= {"difference_low": ahead.low if ahead else nan}
    row |= {"difference_high": ahead.high if ahead else nan}
    complete = {float(str(name)) for name in by_draw.columns}
    row["left_out"] = ", ".join(f"{x:g}" for x in tried if x not in complete)
    row["key"] = str(part.loc[part["lr"] == lr, "key"].iloc[0])
    return row


def _tried(frame: pd.DataFrame, cell: dict[str, object]) -> list[float]:
    """Returns the rates of the cell's trials, including failed ones."""
    mask = np.logical_and.reduce([frame[name] == value for name, value in cell.items()])
    return sorted(frame.loc[mask & (frame["kind"] == "vae"), "lr"].astype(float).unique())


def _edge(lr: float, tried: Sequence[float]) -> str:
    if len(tried) == 1:
        return "both"
    return "low" if lr == tried[0] else "high" if lr == tried[-1] else ""


def lines(table: pd.DataFrame) -> list[str]:
    """Returns the table of `best` as plain text, followed by the warnings."""
    rows = cells(table)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    aligned = ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return [*aligned, *warnings(table)]


def cells(table: pd.DataFrame) -> list[list[str]]:
    """Returns the texts of the table of `best`, head first."""
    head = ["source", "m_z", "n_c", "lr", "range tried", "validation ELBO", "n", "ahead of next"]
    return [head, *(_texts(row) for row in table.to_dict("records"))]


def _texts(row: dict[Hashable, Any]) -> list[str]:
    n, ahead = int(row["n"]), "-"
    if not np.isnan(row["runner_up"]):
        ends = (row["difference"], row["difference_low"], row["difference_high"])
        ahead = f"{_size(*ends, n, '+')} ({row['runner_up']:g})"
    tried = f"{row['lowest']:g} to {row['highest']:g}"
    mean = _size(row["mean"], row["low"], row["high"], n, "")
    return [row["source"], str(row["m_z"]), str(row["n_c"]), f"{row['lr']:g}", tried, mean, str(n),
            ahead]  # fmt: skip


def warnings(table: pd.DataFrame) -> Iterator[str]:
    """Yields a sentence for cells whose best rate is at an edge, and one for rates left out."""
    for (edge, lr), part in table[table["edge"] != ""].groupby(["edge", "lr"], sort=True):
        yield (
            f"Warning: the best lr is the {EDGES[str(edge)]} one tried, {lr:g}, at "
            f"{_places(part)}; the optimum may lie beyond. Widen the range: --set lr=..."
        )
    for lost, part in table[table["left_out"] != ""].groupby("left_out", sort=True):
        yield f"Left out: lr {lost} at {_places(part)}, not finished in every replicate."


def _places(part: pd.DataFrame) -> str:
    """Formats cells, as in: normal (m_z=1, n_c=2), (m_z=1, n_c=4)."""
    texts = []
    for source, rows in part.groupby("source", sort=True):
        places = zip(rows["m_z"], rows["n_c"], strict=True)
        texts.append(f"{source} " + ", ".join(f"(m_z={m_z}, n_c={n_c})" for m_z, n_c in places))
    return "; ".join(texts)


def _size(mean: float, low: float, high: float, n: int, sign: str) -> str:
    ends = f" [{low:{sign}.2f}, {high:{sign}.2f}]" if n >= FEW_SEEDS else ""
    return f"{mean:{sign}.2f}{ends}"
