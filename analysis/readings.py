"""Compares each reading of what the paper leaves open with the default: does it matter?

A reading is a column at another value than the default; its partner is the trial that agrees with
it in every other column and has the same replicate and seed. So what both share (images, diffusion
model and initialization) cancels in their difference. Many readings are compared at once, so each
is judged by its p-value after adjustment for all of them
(`analysis.statistics.planned.false_discovery`).

A reading of how the data set is made (`OTHER_IMAGES`) changes the test images too. Test ELBOs of
different images do not compare, so it is not judged; its generalization gap is shown.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from analysis import curves
from analysis.columns import TRIAL_COLUMNS
from analysis.errors import ResultsError
from analysis.statistics import levels
from analysis.statistics.intervals import FEW_SEEDS, Interval, t_interval
from analysis.statistics.planned import RATE, false_discovery

DEFAULTS: dict[str, object] = {  # column: the default reading of the paper
    "weight_decay": 0.0,
    "grad_clip": None,
    "lr_decay_epochs": 0,
    "mol_mix": "joint",
    "res_second_kernel": 3,
    "res_inplace_quirk": False,
    "latent_reading": "m_z_channels",
    "batch_norm": False,
    "binarise": "threshold",
    "sigma": 0.03,
    "gauss_mean_act": "none",
    "half_asleep_source": "qz",
    "half_asleep_mix": "half",
    "source_augment_strength": "normal",
    "source_augment_probability": None,
    "source_augment_flip": "coin",
    "source_augment_filter": "bilinear",
    "source_augment_shift": 0.0,
    "source_keep_real": False,
    "source_requantise": True,
    "source_pool_order": "chunks",
    "source_mix": "batch",
}
OTHER_IMAGES = ("binarise",)  # readings with test images of their own
DRAWN = ["replicate", "split", "seed"]
CONTEXT = [  # columns that a reading and its default share, besides replicate and seed
    *(n for n in TRIAL_COLUMNS if n not in (*DEFAULTS, *DRAWN, "key", "state", "source")),
    "epoch",
]


@dataclass(frozen=True)
class Reading:
    """Holds a reading's last test ELBO and gap minus those of its default, in nats per image."""

    column: str
    value: object
    default: object
    source: str  # source of the default's trials
    test_elbo: Interval
    generalization_gap: Interval
    level: str  # what n counts (analysis.statistics.levels)
    q: float = math.nan  # p-value of the test ELBO's difference, adjusted; NaN: not judged

    @property
    def compares(self) -> bool:
        """Returns True if the test images are those of the default."""
        return self.column not in OTHER_IMAGES

    @property
    def is_judged(self) -> bool:
        """Returns True if the test ELBOs compare and the draws suffice to decide anything."""
        return self.compares and self.test_elbo.n >= FEW_SEEDS

    @property
    def p(self) -> float:
        """Returns the two-sided p-value of no difference in test ELBO, by itself; NaN if none."""
        if not self.compares:
            return math.nan
        return min(1.0, 2 * min(self.test_elbo.above(0.0), self.test_elbo.below(0.0)))

    @property
    def verdict(self) -> str:
        """States whether the test ELBO differs from the default's beyond the noise."""
        if not self.compares:
            return "not compared: other test images"
        if self.test_elbo.n < FEW_SEEDS:
            return f"not decided (n = {self.test_elbo.n} < {FEW_SEEDS})"
        if not self.test_elbo.sign:
            return "no effect shown"
        effect = "raises it" if self.test_elbo.sign > 0 else "lowers it"
        return effect if self.q <= RATE else f"{effect} if it were the only reading"


def readings(frame: pd.DataFrame) -> list[Reading]:
    """Compares the readings in a frame with their defaults, over pairs of finished trials.

    Raises ResultsError if every trial has the default reading.
    """
    vae = curves.finished(frame)
    finals = curves.last_values(vae) if len(vae) else vae
    off = [_off(row) for row in finals.to_dict("records")]
    names = [name for name in DEFAULTS if any(name in columns for columns in off)]
    if not names:
        raise ResultsError(
            "All of these trials have the default reading of the paper. "
            "Run scaling-vae study readings."
        )
    finals = levels.settle(finals).reset_index(drop=True)
    off = [_off(row) for row in finals.to_dict("records")]
    finals = finals.assign(off=pd.Series(off, index=finals.index, dtype=object))
    groups = [_compared(finals, name, value) for name in names for value in _values(finals, name)]
    return _adjusted([reading for group in groups for reading in group])


def _adjusted(items: list[Reading]) -> list[Reading]:
    """Adds q, over the readings that are judged."""
    q = iter(false_discovery([reading.p for reading in items if reading.is_judged]))
    return [replace(reading, q=next(q)) if reading.is_judged else reading for reading in items]


def summary(items: list[Reading]) -> str:
    """States in one sentence how many readings are shown to matter."""
    shown = sum(reading.verdict in ("raises it", "lowers it") for reading in items)
    alone = sum(reading.verdict.endswith("if it were the only reading") for reading in items)
    other = sum(not reading.compares for reading in items)
    left = f" {other} not compared, since the test images differ." if other else ""
    return (
        f"Of {len(items)} readings of what the paper leaves open, {shown} are shown to change the "
        f"test ELBO, and {alone} more would be if each were the only one.{left}"
    )


def lines(items: list[Reading]) -> list[str]:
    """Returns a line for each reading: its value, the source, and what it changes."""
    head = "Readings of what the paper leaves open, test ELBO minus that of the default (nats):"
    counted = "; ".join(dict.fromkeys(map(_n, items)))
    note = (
        f"  Intervals: 95 % each, over {counted}. An effect is shown among all readings if "
        f"q, the p-value adjusted for all (Benjamini and Yekutieli), is at most {RATE:g}."
    )
    return [head, *map(_line, items), note] if items else [head]


def setting(reading: Reading) -> str:
    """Returns the reading as it is typed, for example weight_decay=0.0001."""
    return f"{reading.column.replace('source_', 'source.', 1)}={reading.value}"


def _line(reading: Reading) -> str:
    default = "none" if reading.default is None else reading.default
    start = f"  {setting(reading)} (default {default}) on {reading.source}: "
    if not reading.compares:
        return f"{start}{reading.verdict}; generalization gap {_size(reading.generalization_gap)}"
    q = f", q = {reading.q:.2g}" if reading.is_judged else ""
    return f"{start}{_size(reading.test_elbo)}{q}: {reading.verdict}"


def _size(interval: Interval) -> str:
    ends = f" [{interval.low:+.2f}, {interval.high:+.2f}]" if interval.n > 1 else ""
    return f"{interval.mean:+.2f}{ends}, n = {interval.n}"


def _n(reading: Reading) -> str:
    return levels.counted(reading.test_elbo.n, reading.level)


def _off(row: Mapping[Hashable, object]) -> frozenset[str]:
    """Returns the columns that are not at their default."""
    return frozenset(
        name for name in DEFAULTS if name in row and _plain(row[name]) not in (None, DEFAULTS[name])
    )


def _plain(value: object) -> object:
    return None if value is None or value is pd.NA or value != value else value


def _values(finals: pd.DataFrame, name: str) -> list[object]:
    chosen = finals[[name in columns for columns in finals["off"]]]
    return list(dict.fromkeys(map(_plain, chosen[name])))


def _compared(finals: pd.DataFrame, name: str, value: object) -> list[Reading]:
    """Compares a reading on every source and in every context that has it and its default."""
    place = [column for column in [*CONTEXT, *DRAWN] if column in finals]
    text = finals.assign(**{column: finals[column].astype(str) for column in place})
    alone = text["off"] == frozenset([name])
    changed = text[alone & (text[name].astype(object).map(_plain) == value)]
    default = text[text["off"] == frozenset()]
    pairs = changed.merge(default, on=place, suffixes=("", "_default"))
    context = [column for column in place if column not in (*DRAWN, "source_pool")]
    return [
        Reading(
            name,
            value,
            DEFAULTS[name],
            str(group["source_default"].iloc[0]),
            _difference(group, "test_elbo"),
            _difference(group, "generalization_gap"),
            levels.level_of(group),
        )
        for _, group in pairs.groupby(context, sort=False, dropna=False)
    ]


def _difference(pairs: pd.DataFrame, metric: str) -> Interval:
    """Returns the difference over draws of paired trials; seeds of a draw are averaged."""
    values = (pairs[metric] - pairs[f"{metric}_default"]).groupby(pairs["unit"]).mean()
    return t_interval(values, overlap=levels.overlap_at(pairs))
