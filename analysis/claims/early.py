"""Takes each VAE at its best epoch, as early stopping would, in place of its last epochs.

The paper trains for a fixed number of epochs. A difference between methods that is seen there may
be one of training too long, as a double descent may be.
"""

import pandas as pd

from analysis import curves
from analysis.claims.axes import begun


def at_best(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the frame with one row per finished VAE, of its epoch with the best validation ELBO.

    The row stands for the whole training: its `epoch` is the trial's last one, so that trials of
    equally many epochs are compared, whichever were their best. A method that begins later, as
    reverse half asleep, is taken from then on. A metric that some trial has at other epochs only is
    missing in all rows. Raises ResultsError if there are no validation ELBOs.
    """
    frame = frame.reset_index(drop=True)
    vae = frame[(frame["kind"] == "vae") & (frame["state"] == "done")]
    last = vae.groupby("key")["epoch"].max()
    best = curves.best_values(vae[begun(vae)]).set_index("key")
    numbers = vae.select_dtypes("number").columns.difference(curves.CONSTANT)
    ever = vae.groupby("key")[list(numbers)].count().loc[best.index] > 0
    lost = numbers[(ever & best[numbers].isna()).any()]
    best = best.drop(columns=lost).assign(epoch=last.astype(best["epoch"].dtype)).reset_index()
    return pd.concat([best, frame[frame["kind"] != "vae"]], ignore_index=True)
