"""Replaces the test ELBO with another lower bound of log p(x), for Figure 8 with IWAE bounds."""

import pandas as pd

from analysis import lines
from analysis.columns import NATS, ROW_COLUMNS, UP
from analysis.errors import ResultsError

BOUND = "elbo_bound"  # column: the name of the bound that test_elbo holds


def with_bound(frame: pd.DataFrame, bound: str) -> pd.DataFrame:
    """Replaces test_elbo with another lower bound of log p(x), such as iwae_100.

    Path, verdict and figure then use that bound (nats per image), and the column `elbo_bound` names
    it. Raises ResultsError if the column
    is no such bound or is not measured.
    """
    bounds = [n for n, (unit, way, _) in ROW_COLUMNS.items() if (unit, way) == (NATS, UP)]
    if bound not in bounds:
        raise ResultsError(
            f"Figure 8 draws a lower bound of log p(x), and {bound} is not one. "
            f"Choose one of: {', '.join(bounds)}."
        )
    if bound not in frame or frame[bound].isna().all():
        raise ResultsError(
            f"{bound} is not measured in these results. "
            f"Measure it on the kept models: scaling-vae evaluate --metric {bound}"
        )
    lines.check_measured_alike(frame, bound)
    return frame.assign(test_elbo=frame[bound], **{BOUND: bound})


def bound_of(frame: pd.DataFrame) -> str | None:
    """Returns the name of the bound that `with_bound` has put in place of test_elbo, if any."""
    return str(frame[BOUND].iloc[0]) if BOUND in frame else None
