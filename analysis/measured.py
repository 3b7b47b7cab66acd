"""Keeps apart values of a metric that were measured with different options or estimators.

A figure refuses to join such values, and a claim compares them separately.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase

import pandas as pd

from analysis.trial_folder import ResultsError

Q_STAR = ("amortization_images", "amortization_steps", "amortization_estimator")
ATTACK = ("robustness_images", "robustness_variant", "robustness_references")
MEASURED_ON = {  # pattern of a metric's columns: the columns that describe how it was measured
    **dict.fromkeys(("amortization_gap", "optimal_elbo", "encoder_elbo"), Q_STAR),
    **dict.fromkeys(("robustness_gap*", "symmetric_kl", "ms_ssim_*"), ATTACK),
    "iwae_1*": ("iwae_images",),
    **dict.fromkeys(("fid", "inception_score"), ("sample_quality_extractor",)),
    "accuracy_*__*": ("corruptions",),
}
FIRST_VERSIONS = {"amortization_estimator": "none"}  # values of rows older than the column


def settings_of(metric: str) -> tuple[str, ...]:
    """Returns the columns that describe how a metric, or a pattern of metrics, was measured."""
    return next((names for at, names in MEASURED_ON.items() if fnmatchcase(metric, at)), ())


def settings(frame: pd.DataFrame, metrics: Iterable[str]) -> pd.DataFrame:
    """Returns how the metrics were measured in each row, in one text column per setting.

    A setting is missing in rows without a measured metric that depends on it.
    """
    found: dict[str, pd.Series] = {}
    for metric in metrics:
        names = [n for n in frame if fnmatchcase(str(n), metric)]
        there = frame[names].notna().any(axis=1)
        for name in settings_of(metric):
            if name in frame or (name in FIRST_VERSIONS and there.any()):
                column = frame[name] if name in frame else pd.Series(pd.NA, frame.index)
                text = column.map(_text, na_action="ignore").astype(object)
                found[name] = text.fillna(FIRST_VERSIONS.get(name, "unknown")).where(there)
    return pd.DataFrame(found, index=frame.index)


def check_measured_alike(frame: pd.DataFrame, metric: str) -> None:
    """Raises ResultsError if a metric was measured with different options on one data set."""
    named = frame["dataset"] if "dataset" in frame else pd.Series("", frame.index)
    for _, part in frame.groupby(named, dropna=False, sort=False):
        for name in (name for name in settings_of(metric) if name in part):
            used = part.loc[part[metric].notna(), name]
            first = FIRST_VERSIONS.get(name)
            values = list((used.dropna() if first is None else used.fillna(first)).unique())
            if len(values) > 1:
                raise ResultsError(
                    f"{metric} was measured with {name} {' and '.join(map(str, values))}, and no "
                    f"figure may join these. Choose one: --where {name}={values[0]}."
                )


def as_last(frame: pd.DataFrame, metrics: Iterable[str]) -> pd.DataFrame:
    """Removes values that were measured with other options than the last one of their trial.

    A trial may have been measured twice with different options, and no mean may join the two.
    """
    patterns = [at for at in MEASURED_ON if any(fnmatchcase(n, at) for n in metrics)]
    for pattern in patterns:
        names = [str(n) for n in frame if fnmatchcase(str(n), pattern)]
        how = settings(frame, [pattern])
        if not len(how.columns):
            continue
        used = how.apply(lambda row: " ".join(map(str, row)), axis=1)
        there = frame[names].notna().any(axis=1)
        rows = pd.DataFrame({"key": frame["key"], "epoch": frame["epoch"], "used": used})[there]
        ends = rows.sort_values("epoch", kind="stable").groupby("key")["used"].last()
        last = frame["key"].map(ends)
        if (other := there & (used != last)).any():
            frame = frame.copy()
            frame.loc[other, names] = float("nan")
    return frame


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)
