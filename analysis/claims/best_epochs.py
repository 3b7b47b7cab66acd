"""Takes each VAE at its best epoch, as early stopping would, in place of its last epochs.

The paper trains for a fixed number of epochs. A difference between methods that is seen there may
be one of training too long, as a double descent may be.
"""

import pandas as pd

from analysis import curves, levels, style
from analysis.claims.arms import AUG_NAIVE, AUG_TUNED, DMAAPX, NORMAL
from analysis.claims.axes import begun
from analysis.claims.cells import Cell, cells

METHODS = (NORMAL, DMAAPX, AUG_TUNED, AUG_NAIVE)
ELBO = ("test_elbo",)


def at_best(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the frame with one row per finished VAE, of its epoch with the best validation ELBO.

    The column `epoch` still has the trial's last epoch: only trials that were trained for equally
    many epochs are compared, whichever was the best epoch of each. A method that begins later, as
    reverse half asleep, is taken from then on. A metric that some trial has at other epochs only is
    missing in all rows. Raises ResultsError if there are no validation ELBOs.
    """
    frame = frame.reset_index(drop=True)
    vae = curves.finished(frame)
    last = vae.groupby("key")["epoch"].max()
    best = curves.best_values(vae[begun(vae)]).set_index("key")
    numbers = vae.select_dtypes("number").columns.difference(curves.CONSTANT)
    ever = vae.groupby("key")[list(numbers)].count().loc[best.index] > 0
    lost = numbers[(ever & best[numbers].isna()).any()]
    best = best.drop(columns=lost).assign(epoch=last.astype(best["epoch"].dtype)).reset_index()
    found = pd.concat([best, frame[frame["kind"] != "vae"]], ignore_index=True)
    found.attrs = frame.attrs | {"at": curves.BEST}
    return found


def best_lines(frame: pd.DataFrame) -> list[str]:
    """Returns a line per setting with each method's mean test ELBO, at the last and best epochs.

    There are none for a setting in which fewer than two of the four training distributions are
    measured at one size. Raises ResultsError if there are no validation ELBOs.
    """
    best = {cell.label: _means(cell) for cell in cells(at_best(frame))}
    found = []
    for cell in cells(frame):
        last, then = _means(cell), best.get(cell.label, {})
        if len(last) > 1 and last.keys() == then.keys():
            each = (f"{style.source_label(n)} {last[n]:.1f} -> {then[n]:.1f}" for n in last)
            draws = levels.counted(len(cell.units), cell.level)
            found.append(f"  {cell.label}, {draws}: {', '.join(each)}")
    head = "Mean test ELBO (nats), at the last epochs -> at each trial's best validation epoch:"
    tail = "  The paper's claims at the best epochs: claims --best"
    return [head, *found, tail] if found else []


def _means(cell: Cell) -> dict[str, float]:
    """Returns each measured method's mean over draws, at the default model."""
    arms = [arm for arm in METHODS if cell.at([arm], [ELBO])]
    placed = cell.at(arms, [ELBO] * len(arms)) if arms else []
    found = [float(cell.values(arm, ELBO).mean()) for arm in placed]
    return dict(zip([arm.name for arm in arms], found, strict=True)) if found else {}
