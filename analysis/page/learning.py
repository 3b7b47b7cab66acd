"""Draws the learning curves of a page as small SVG pictures, one for each (m_z, n_c)."""

from typing import TypedDict

import numpy as np
import pandas as pd

from analysis.page.lines import groups, order
from analysis.style import source_colour, source_label

WIDE, TALL, PAD = 168, 104, 4  # of a picture, in SVG units
DASHES = ("", "5 2", "1.5 2", "6 2 1.5 2", "10 3", "6 2 1.5 2 1.5 2")
SETTLED = 0.5  # share of the epochs after which the vertical axis contains all values

Axes = tuple[float, float, float, float]  # first and last epoch, lowest and highest value


class CurvesCell(TypedDict):
    """Holds the picture of one (m_z, n_c): its SVG paths and a description."""

    m_z: int
    n_c: int
    paths: list[dict[str, str]]  # attributes of an SVG path
    words: str


class LearningCurves(TypedDict, total=False):
    """Holds the pictures by cell, their common axes, and a colour and dash for each line."""

    cells: list[CurvesCell]
    size: tuple[int, int]
    epochs: int
    low: str
    high: str
    key: list[dict[str, str]]  # colour, dash and name


def learning_curves(vaes: pd.DataFrame) -> LearningCurves:
    """Returns the pictures by cell, their common axes, and a colour and dash for each line.

    Test ELBO is drawn as a line of the mean over trials and thin lines of the trials, train ELBO
    as thin dots. The result is {} if fewer than two epochs are measured.
    """
    if vaes.empty or "test_elbo" not in vaes or vaes["epoch"].nunique() < 2:
        return {}
    names = order(vaes["line"])
    columns = [n for n in ("test_elbo", "train_elbo") if n in vaes]
    axes = axes_of(vaes, columns)
    cells: list[CurvesCell] = []
    for (m_z, n_c), cell in groups(vaes, ["m_z", "n_c"]):
        by_line = [_line(cell[cell["line"] == name], names, axes, columns) for name in names]
        ends = cell.groupby("line")["key"].nunique()
        counts = ", ".join(f"{name}: {n} trials" for name, n in ends.items())
        text = f"Test ELBO over epochs at m_z={m_z}, n_c={n_c} ({counts})"
        paths = [path for part in by_line for path in part]
        cells.append({"m_z": int(m_z), "n_c": int(n_c), "paths": paths, "words": text})
    return {
        "cells": cells,
        "size": (WIDE, TALL),
        "epochs": int(axes[1]),
        "low": f"{axes[2]:.4g}",
        "high": f"{axes[3]:.4g}",
        "key": [_style(name, names) | {"name": _label(name)} for name in names],
    }


def _label(name: str) -> str:
    source, _, rest = name.partition(",")
    return source_label(source) + (f",{rest}" if rest else "")


def _style(name: str, names: list[str]) -> dict[str, str]:
    """Returns the source's colour, and a dash for each line, or for each line of the source.

    Lines of one source differ in settings, and those that have the same rank look alike.
    """
    sources = [n.partition(",")[0] for n in names]
    source = name.partition(",")[0]
    several = len(set(sources)) < len(names)
    index = [n for n in names if not several or n.partition(",")[0] == source].index(name)
    return {"colour": source_colour(source), "dash": DASHES[index % len(DASHES)]}


def _line(
    trials: pd.DataFrame, names: list[str], axes: Axes, columns: list[str]
) -> list[dict[str, str]]:
    if trials.empty:
        return []
    style = _style(trials["line"].iloc[0], names)
    paths = [
        {"d": path_of(trial, "test_elbo", axes), "kind": "seed"} | style
        for _, trial in trials[["key", "epoch", "test_elbo"]].groupby("key")
    ]
    for name in reversed(columns):
        wide = trials.pivot_table(index="epoch", columns="key", values=name)
        mean = wide.dropna().mean(axis=1).rename(name).reset_index()
        paths.append({"d": path_of(mean, name, axes), "kind": name.partition("_")[0]} | style)
    return [path for path in paths if path["d"]]


def axes_of(rows: pd.DataFrame, columns: list[str]) -> Axes:
    """Returns the ends of both axes: all epochs, and the values of the later ones.

    The vertical axis ranges from the smallest value of the first column to the largest of all.
    """
    last = float(rows["epoch"].max())
    late = rows.loc[rows["epoch"] >= SETTLED * last, columns].to_numpy(dtype=float)
    low, high = float(np.nanmin(late[:, 0])), float(np.nanmax(late))
    return 0.0, last, low - 0.05 * (high - low), high + 0.05 * (high - low) or 1.0


def path_of(rows: pd.DataFrame, name: str, axes: Axes, wide: int = WIDE, tall: int = TALL) -> str:
    """Returns the `d` of an SVG path through the measured epochs; the view cuts off the rest.

    The picture is `wide` x `tall`, in SVG units, with a margin. The path is "" for a single epoch.
    """
    first, last, low, high = axes
    points = rows[["epoch", name]].dropna().sort_values("epoch").to_numpy(dtype=float)
    x = PAD + (points[:, 0] - first) / (last - first) * (wide - 2 * PAD)
    y = tall - PAD - (points[:, 1] - low) / (high - low or 1.0) * (tall - 2 * PAD)
    pairs = [f"{a:.1f} {b:.1f}" for a, b in zip(x, np.clip(y, -999, 9999), strict=True)]
    return f"M{'L'.join(pairs)}" if len(pairs) > 1 else ""
