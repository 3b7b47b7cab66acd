"""Replaces the test ELBO with another lower bound of log p(x), for Figure 8 with IWAE bounds."""

import pandas as pd

from analysis import lines
from analysis.columns import NATS, ROW_COLUMNS, UP
from analysis.errors import ResultsError


def with_bound(frame: pd.DataFrame, bound: str) -> pd.DataFrame:
    """Replaces test_elbo with another lower bound of log p(x), such as iwae_100.

    Path, verdict and figure then use that bound (nats per image). Raises ResultsError if the column
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
    changed = frame.assign(test_elbo=frame[bound])
    changed.attrs = frame.attrs | {"bound": bound}
    return changed
