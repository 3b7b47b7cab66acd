"""Compares methods at their last and at their best epochs."""

import pandas as pd

from analysis import style
from analysis.claims.trials.arms import AUG_NAIVE, AUG_TUNED, DMAAPX, NORMAL
from analysis.claims.trials.cells import Cell, cells
from analysis.selection.early import at_best
from analysis.statistics import levels

METHODS = (NORMAL, DMAAPX, AUG_TUNED, AUG_NAIVE)
ELBO = ("test_elbo",)


def best_lines(frame: pd.DataFrame) -> list[str]:
    """Returns a line per setting with each method's mean test ELBO, at the last and best epochs.

    There are none for a setting in which fewer than two of the four training distributions are
    measured at one size. Raises ResultsError if there are no validation ELBOs.
    """
    best = {cell.label: _means(cell) for cell in cells(at_best(frame))}
    lines = []
    for cell in cells(frame):
        last, then = _means(cell), best.get(cell.label, {})
        if len(last) > 1 and last.keys() == then.keys():
            means = (f"{style.source_label(n)} {last[n]:.1f} -> {then[n]:.1f}" for n in last)
            draws = levels.counted(len(cell.units), cell.level)
            lines.append(f"  {cell.label}, {draws}: {', '.join(means)}")
    head = "Mean test ELBO (nats), at the last epochs -> at each trial's best validation epoch:"
    tail = "  The paper's claims at the best epochs: claims --best"
    return [head, *lines, tail] if lines else []


def _means(cell: Cell) -> dict[str, float]:
    """Returns each measured method's mean over draws, at the default model."""
    arms = [arm for arm in METHODS if cell.at([arm], [ELBO])]
    placed = cell.at(arms, [ELBO] * len(arms)) if arms else []
    means = [float(cell.values(arm, ELBO).mean()) for arm in placed]
    return dict(zip([arm.name for arm in arms], means, strict=True)) if means else {}
