"""Keeps apart values of a metric that were measured with different options or estimators.

A figure refuses to join such values, and a claim compares them separately. Rows name the options
of a metric that are not the defaults: in `MODULE_options` for a metric of the project, in
`COLUMN_options` for a column of a user's own metric.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from shlex import quote

import pandas as pd

from analysis import curves
from analysis.columns import CLASSIFIERS
from analysis.errors import ResultsError
from analysis.statistics.comparable import OPTIONS

DEFAULTS = "defaults"  # their value if all options are the defaults
Q_STAR = ("amortization_images", "amortization_steps", "amortization_estimator")
ATTACK = ("robustness_images", "robustness_variant", "robustness_references", "robustness_options")
INTERPOLATION = ("interpolation_log_q", "interpolation_mean", "interpolation_first")
MEASURED_ON = {  # pattern of a metric's columns: the columns that describe how it was measured
    **dict.fromkeys(("amortization_gap", "optimal_elbo", "encoder_elbo"), Q_STAR),
    **dict.fromkeys(("robustness_gap*", "symmetric_kl", "ms_ssim_*"), ATTACK),
    "iwae_1*": ("iwae_images", "iwae_options"),
    **dict.fromkeys(
        ("fid", "inception_score"), ("sample_quality_extractor", "sample_quality_options")
    ),
    "accuracy_*__*": ("corruptions", "corruption_options"),
    **dict.fromkeys((f"accuracy_{name}" for name in CLASSIFIERS), ("representation_options",)),
    **dict.fromkeys(("psnr_mean", "psnr_sample"), ("psnr_options",)),
    **dict.fromkeys(("roughness", *INTERPOLATION), ("smoothness_options",)),
}
EARLIER = "epoch of the value of "  # begins names of columns
FIRST_VERSIONS = {"amortization_estimator": "none"}  # values of rows older than the column


def settings_of(metric: str) -> tuple[str, ...]:
    """Returns the columns that describe how a metric, or a pattern of metrics, was measured.

    A metric that is none of the project's has one column, which its rows may lack.
    """
    default = (f"{metric}{OPTIONS}",)
    return next(
        (names for pattern, names in MEASURED_ON.items() if fnmatchcase(metric, pattern)), default
    )


def first_version(name: str) -> str | None:
    """Returns the value that rows older than such a column count as, None if it is not known.

    Options that rows do not name count as the defaults.
    """
    return DEFAULTS if name.endswith(OPTIONS) else FIRST_VERSIONS.get(name)


def with_first_version(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Returns the frame with such a column's values in rows that are older than the column."""
    if (first := first_version(name)) is None:
        return frame
    column = frame[name] if name in frame else pd.Series(None, frame.index, dtype=object)
    return frame.assign(**{name: column.astype(object).where(column.notna(), first)})


def settings(frame: pd.DataFrame, metrics: Iterable[str]) -> pd.DataFrame:
    """Returns how the metrics were measured in each row, in one text column per setting.

    A setting is missing in rows without a measured metric that depends on it.
    """
    texts: dict[str, pd.Series] = {}
    for metric in metrics:
        names = [n for n in frame if fnmatchcase(str(n), metric)]
        has_value = frame[names].notna().any(axis=1)
        for name in settings_of(metric):
            if name in frame or (name in FIRST_VERSIONS and has_value.any()):
                column = frame[name] if name in frame else pd.Series(pd.NA, frame.index)
                text = column.map(_text, na_action="ignore").astype(object)
                texts[name] = text.fillna(first_version(name) or "unknown").where(has_value)
    return pd.DataFrame(texts, index=frame.index)


def earlier(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the epoch of values that a trial's last epochs lack, a row per trial.

    `curves.last_values` takes such a value from an earlier epoch. The columns are named
    `EARLIER + metric`, only for metrics that some trial lacks; the others' epochs are missing.
    """
    numbers = frame.select_dtypes("number").columns.difference(curves.CONSTANT)
    measured_at = frame[numbers].notna().mul(frame["epoch"].astype(float), axis=0)
    last = measured_at.groupby(frame["key"]).max()
    ends = frame.groupby("key")["epoch"].max().astype(float)
    last_epochs = last.where(last.gt(0) & last.le((1 - curves.TAIL) * ends, axis=0))
    return last_epochs.dropna(axis=1, how="all").add_prefix(EARLIER)


def epochs(trials: pd.DataFrame, metric: str) -> pd.Series:
    """Returns, as text, the epoch at which each trial's last value of a metric was measured.

    `trials` has a row per trial and the columns of `earlier`; `metric` may be a pattern. The epoch
    is missing where the metric is.
    """
    result = pd.Series(float("nan"), trials.index)
    for name in (n for n in map(str, trials) if fnmatchcase(n, metric)):
        epoch = trials["epoch"].astype(float)
        epoch = trials[EARLIER + name].fillna(epoch) if EARLIER + name in trials else epoch
        result = result.fillna(epoch.where(trials[name].notna()))
    return result.map(_text, na_action="ignore").astype(object)


def check_measured_alike(frame: pd.DataFrame, metric: str) -> None:
    """Raises ResultsError if a metric was measured with different options on one data set."""
    names = [name for name in settings_of(metric) if name in frame]
    datasets = frame["dataset"] if "dataset" in frame else pd.Series("", frame.index)
    for _, part in frame.groupby(datasets, dropna=False, sort=False) if names else ():
        for name in names:
            used = part.loc[part[metric].notna(), name]
            first = first_version(name)
            values = list((used.dropna() if first is None else used.fillna(first)).unique())
            if len(values) > 1:
                options = " and ".join(map(str, values))
                raise ResultsError(
                    f"{metric} was measured with {name} {options}, and no figure may join these. "
                    f"Choose one: --where {_choice(name, values, first, used)}."
                )


def are_measured_alike(frame: pd.DataFrame, metric: str) -> bool:
    """Returns whether `check_measured_alike` raises nothing."""
    try:
        check_measured_alike(frame, metric)
    except ResultsError:
        return False
    return True


def _choice(name: str, values: list[object], first: str | None, used: pd.Series) -> str:
    """Returns a condition that selects the first of the values, in quotes where it needs them.

    Missing values, which count as `first`, meet the condition that it is none of the others.
    """

    def condition(sign: str, value: object) -> str:
        text = str(value)
        return f"{name}{sign}'{text}'" if set(text) & set(" =<>!") else f"{name}{sign}{text}"

    if values[0] == first and used.isna().any():
        conditions = " and ".join(condition("!=", value) for value in values[1:])
    else:
        conditions = condition("=", values[0])
    return f'"{conditions}"' if set(conditions) & set(" '!<>") else conditions


def check_measured_together(frame: pd.DataFrame, metric: str, place: list[str]) -> None:
    """Raises ResultsError if trials of one place have a metric's last value from other epochs."""
    last = frame.dropna(subset=[metric]).groupby("key")["epoch"].transform("max")
    measured = frame.loc[last.index].assign(last=last)
    for _, part in measured.groupby(place, dropna=False):
        ends = sorted(part["last"].unique())
        if len(ends) > 1:
            raise ResultsError(
                f"{metric} was last measured at epochs {' and '.join(map(str, ends))} of trials "
                "over which a mean is taken. Measure it at one epoch (scaling-vae evaluate "
                f"--epoch {ends[-1]}), or choose: --where {quote(f'epoch<={ends[0]}')}."
            )


def as_last(frame: pd.DataFrame, metrics: Iterable[str]) -> pd.DataFrame:
    """Removes values that were measured with other options than the last one of their trial.

    A trial may have been measured twice with different options, and no mean may join the two.
    """
    requested = list(metrics)
    patterns = [
        pattern for pattern in MEASURED_ON if any(fnmatchcase(n, pattern) for n in requested)
    ]
    unlisted = {n for n in requested if not any(fnmatchcase(n, pattern) for pattern in patterns)}
    for pattern in [*patterns, *sorted(n for n in unlisted if f"{n}{OPTIONS}" in frame)]:
        names = [str(n) for n in frame if fnmatchcase(str(n), pattern)]
        texts = settings(frame, [pattern])
        if not len(texts.columns):
            continue
        used = pd.Series("", frame.index)
        for name in texts:
            used += " " + texts[name].astype(str)
        has_value = frame[names].notna().any(axis=1)
        rows = pd.DataFrame({"key": frame["key"], "epoch": frame["epoch"], "used": used})[has_value]
        ends = rows.sort_values("epoch", kind="stable").groupby("key")["used"].last()
        last = frame["key"].map(ends)
        if (differs := has_value & (used != last)).any():
            frame = frame.copy()
            frame.loc[differs, names] = float("nan")
    return frame


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)
