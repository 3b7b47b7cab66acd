"""Puts another lower bound of log p(x) in the place of the test ELBO: Figure 8 with IWAE."""

import pandas as pd

from analysis import lines
from analysis.columns import NATS, ROW_COLUMNS, UP
from analysis.trial_folder import ResultsError


def with_bound(frame: pd.DataFrame, bound: str) -> pd.DataFrame:
    """Puts another lower bound of log p(x) in the place of test_elbo, such as iwae_100.

    Path, verdict and figure then follow it. Raises ResultsError where it is none, or not measured.
    """
    known = [n for n, (unit, way, _) in ROW_COLUMNS.items() if (unit, way) == (NATS, UP)]
    if bound not in known:
        raise ResultsError(
            f"Figure 8 draws a bound of log p(x), and {bound} is none. "
            f"Choose one of: {', '.join(known)}."
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
