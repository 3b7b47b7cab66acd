"""Takes each VAE at its best epoch, as early stopping would, in place of its last epochs.

The paper trains for a fixed number of epochs. A difference between methods that is seen there may
be one of training too long, as a double descent may be.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis import curves
from analysis.storage.unmeasured import unmeasured, with_unmeasured

AT = "taken_at"  # column: curves.BEST in a frame of `at_best`
LOST = "lost_at_best"  # column: metrics, joined by spaces, that best epochs lack
SENTENCE = "Each VAE is taken at its epoch with the best validation ELBO."


def at_best(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the frame with one row per finished VAE, of its epoch with the best validation ELBO.

    Rows of other trials are kept. The column `epoch` still has the trial's last epoch: only trials
    that were trained for equally many epochs are compared, whichever was the best epoch of each. A
    method that begins later, as reverse half asleep, is taken from then on. A metric that some
    trial has at other epochs only is missing in all rows. Raises ResultsError if there are no
    validation ELBOs.
    """
    frame = frame.reset_index(drop=True)
    vae = curves.finished(frame)
    last = vae.groupby("key")["epoch"].max()
    best = curves.best_values(vae[begun(vae)]).set_index("key")
    numbers = vae.select_dtypes("number").columns.difference(curves.CONSTANT)
    ever = vae.groupby("key")[list(numbers)].count().loc[best.index] > 0
    lost = numbers[(ever & best[numbers].isna()).any()]
    best = best.drop(columns=lost).assign(epoch=last.astype(best["epoch"].dtype)).reset_index()
    best = best.assign(**{AT: curves.BEST, LOST: " ".join(lost)})
    result = pd.concat([best, frame.drop(vae.index)], ignore_index=True)
    return with_unmeasured(result, unmeasured(frame))


def taken(frame: pd.DataFrame) -> str:
    """Returns which epochs a frame's values are of: `curves.LAST`, or `curves.BEST`."""
    return curves.BEST if AT in frame and frame[AT].notna().any() else curves.LAST


def notes(frame: pd.DataFrame) -> list[str]:
    """Returns the sentence that says so if VAEs are taken at their best epochs, else nothing."""
    return [SENTENCE] if taken(frame) == curves.BEST else []


def lost(frame: pd.DataFrame, labels: Mapping[str, str]) -> list[str]:
    """Returns a sentence that names those metrics that were not measured at the best epochs."""
    lost_names = set(" ".join(frame[LOST].dropna().unique()).split()) if LOST in frame else set()
    names = [label for name, label in labels.items() if name in lost_names]
    return [f"Not measured at the best epochs: {', '.join(names)}"] if names else []


def begun(trials: pd.DataFrame) -> np.ndarray:
    """Returns for each trial whether its last values are those of its method.

    Reverse half asleep must have begun before the epochs over which the last values are means, and
    mollification must have ended. Before that, a trial is still one of another method.
    """

    def field(name: str) -> np.ndarray:
        values = trials[name] if name in trials else pd.Series(0.0, trials.index)
        return values.astype("Float64").fillna(0.0).to_numpy(float)

    epoch = trials["epoch"].to_numpy(float)
    asleep = field("half_asleep_from") <= (1 - curves.TAIL) * epoch
    return np.asarray(asleep & (field("source_mollify_epochs") < epoch))
