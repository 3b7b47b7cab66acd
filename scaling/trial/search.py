"""Searches over fields of trials: parses ranges and selects points of a Sobol sequence in them.

The points are nested: 8 samples are the first 8 of 16. Their values are rounded, so that the keys
of their trials do not depend on the last bits of a machine's arithmetic.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args, get_type_hints

from scaling.errors import UsageError, listed
from scaling.trial.grid import grid
from scaling.trial.keys import Kind, Trial
from scaling.trial.source import Source

SEED = 0  # of the scrambling; constant, so that more samples extend fewer
DIGITS = 3  # significant digits of a value
MOST_SAMPLES = 1024
MOST_DRAWS = 2**16  # most points of the sequence that are examined to find different ones
CHANCE = ("replicate", "seed", "split")  # fields of randomness: averaged over, not searched
FORMS = "FIELD=lin:A:B, log:A:B, int:A:B or choice:A,B,C"

Point = dict[str, object]  # a value for each searched field


@dataclass(frozen=True)
class Range:
    """Describes the values that a search may give to one field."""

    name: str
    text: str  # as typed: log:1e-4:1e-2
    scale: str  # lin, log, int or choice
    low: float = 0.0
    high: float = 0.0
    choices: tuple[object, ...] = ()
    whole: bool = False  # True if its values are whole numbers
    as_int: bool = False  # True if the field takes them as type int

    @property
    def distinct(self) -> float:
        """Returns the number of different values; infinite for a range of real numbers."""
        if self.scale == "choice":
            return len(self.choices)
        return self.high - self.low + 1 if self.whole else math.inf

    def at(self, share: float) -> object:
        """Returns the value at a share u in [0, 1) of the range, rounded to DIGITS digits.

        lin: a + u (b - a). log: a (b / a)^u. Whole numbers and choices each get an equal part of
        [0, 1). In a logarithmic range of whole numbers, n gets [log n, log (n + 1)) of
        [log a, log (b + 1)).
        """
        if self.scale == "choice":
            return self.choices[int(share * len(self.choices))]
        high = self.high + 1 if self.whole else self.high
        if self.scale == "log":
            value = self.low * (high / self.low) ** share
        else:
            value = self.low + share * (high - self.low)
        if self.whole:
            number = min(math.floor(value), int(self.high))
            return number if self.as_int else float(number)
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)


def parse_range(word: str, kind: type[Trial]) -> Range:
    """Returns the range that `FIELD=SCALE:A:B` or `FIELD=choice:A,B,C` describes.

    FIELD is a field of the trial class `kind` or `source.NAME`. Raises UsageError for an unknown
    field, for A:B of a field that takes no numbers, for an empty or reversed range, and for a
    logarithmic range that contains 0.
    """
    name, equals, text = word.partition("=")
    scale, colon, rest = text.partition(":")
    if not (name and equals and colon and scale in ("lin", "log", "int", "choice")):
        raise UsageError(
            f"--search {word} does not describe a range. Write {FORMS}, as in "
            "--search lr=log:1e-4:1e-2."
        )
    if name in CHANCE:
        axis = "--set split=0 1 2" if name == "split" else f"--{name}s 0-4"
        raise UsageError(
            f"--search {word}: a search averages over {name} instead of searching it. "
            f"Give several values with {axis}."
        )
    owner, field = (Source, name[7:]) if name.startswith("source.") else (kind, name)
    number = _number(owner, field, rest)
    if scale == "choice":
        return _choices(word, name, text, [owner.parse(field, part) for part in rest.split(",")])
    if number is None:
        raise UsageError(
            f"--search {word}: {name} takes no numbers and so has no range. "
            f"List its values: --search {name}=choice:A,B."
        )
    low, high = _ends(word, rest)
    _check_ends(word, name, scale, low, high)
    whole = scale == "int" or number is int
    if whole and not (low.is_integer() and high.is_integer()):
        raise UsageError(
            f"--search {word}: an end of this range is not a whole number. Give two for {name}."
        )
    return Range(name, text, scale, low, high, whole=whole, as_int=number is int)


def _number(owner: type[Any], field: str, text: str) -> type | None:
    """Returns float or int, whichever the field takes, or None if it takes no numbers."""
    hints = get_type_hints(owner)
    if field not in hints:
        owner.parse(field, text)  # raises, with the known fields
    members = get_args(hints[field]) or (hints[field],)
    return float if float in members else int if int in members else None


def _choices(word: str, name: str, text: str, values: list[object]) -> Range:
    if len(set(values)) < max(2, len(values)):
        raise UsageError(
            f"--search {word} does not list two or more different values. "
            f"Give a single one with --set {name}=VALUE."
        )
    return Range(name, text, "choice", choices=tuple(values))


def _ends(word: str, text: str) -> tuple[float, float]:
    try:
        low, high = map(float, text.split(":"))
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UsageError(
            f"--search {word}: a range has two finite numbers. Write them as in lr=log:1e-4:1e-2."
        )
    return low, high


def _check_ends(word: str, name: str, scale: str, low: float, high: float) -> None:
    if low == high:
        raise UsageError(
            f"--search {word}: the range is empty. Give its value with --set {name}={low:g}."
        )
    if low > high:
        raise UsageError(
            f"--search {word}: the range is reversed. Write {name}={scale}:{high:g}:{low:g}."
        )
    if scale == "log" and low <= 0:
        raise UsageError(
            f"--search {word}: a logarithmic range must begin above 0. "
            f"Give a larger first number, or write {name}=lin:{low:g}:{high:g}."
        )


def points(ranges: Sequence[Range], samples: int) -> list[Point]:
    """Returns the first `samples` different points of a scrambled Sobol sequence in the ranges.

    The order of the ranges does not matter. Raises UsageError if they contain fewer points.
    """
    from scipy.stats import qmc

    ordered = sorted(ranges, key=lambda span: span.name)
    _check_samples(ordered, samples)
    sequence = qmc.Sobol(len(ordered), scramble=True, seed=SEED)
    distinct: dict[tuple[object, ...], None] = {}
    block = 1 << (samples - 1).bit_length()
    for _ in range(max(1, MOST_DRAWS // block)):
        for shares in sequence.random(block).tolist():
            distinct[tuple(span.at(u) for span, u in zip(ordered, shares, strict=True))] = None
            if len(distinct) == samples:
                return [dict(zip((r.name for r in ordered), p, strict=True)) for p in distinct]
    raise UsageError(
        f"--samples {samples}: the ranges contain {len(distinct)} different points, rounded to "
        f"{DIGITS} digits. Give --samples {len(distinct)}, or wider ranges."
    )


def _check_samples(ranges: Sequence[Range], samples: int) -> None:
    if samples < 1:
        raise UsageError(f"--samples {samples} is less than 1. Give at least 1.")
    if samples > MOST_SAMPLES:
        raise UsageError(
            f"--samples {samples} is more than {MOST_SAMPLES}. "
            "Give fewer, and narrow the ranges to the best results."
        )
    most = math.prod(span.distinct for span in ranges)
    if samples > most:
        raise UsageError(
            f"--samples {samples}: the ranges contain {most:g} different points. "
            f"Give --samples {most:g}, or wider ranges."
        )


@dataclass(frozen=True)
class Candidate:
    """Describes a trial of a search: its cell of the study and the point that it tries.

    The trials of a cell and point differ only in their random choices.
    """

    cell: int
    point: int
    trial: Trial


def sampled(trials: Iterable[Any], tried: Sequence[Point]) -> list[Candidate]:
    """Returns every trial at every point, in the order of the points.

    Trials that differ only in replicate, seed or split form a cell. Raises UsageError if a searched
    field is an axis of the trials, and if a trial cannot take a value.
    """
    base = list(dict.fromkeys(trials))
    cells: dict[Trial, int] = {}
    for trial in base:
        cells.setdefault(without_chance(trial), len(cells))
    for name, value in tried[0].items():
        if len({t for trial in base for t in grid(trial, **{name: [value]})}) < len(base):
            raise UsageError(
                f"--search {name}: {name} already is an axis of this study, with several values. "
                "Search another field."
            )
    return [
        Candidate(cells[without_chance(trial)], index, *grid(trial, **_axes(point)))
        for index, point in enumerate(tried)
        for trial in base
    ]


def _axes(point: Point) -> dict[str, list[object]]:
    return {name: [value] for name, value in point.items()}


def without_chance(trial: Kind) -> Kind:
    """Returns the trial without replicate, seed and split."""
    return replace(trial, replicate=None, seed=0, split=0)


def check_free(ranges: Sequence[Range], fields: Iterable[str]) -> None:
    """Raises UsageError if a field has two ranges, or both a range and a value."""
    names = [span.name for span in ranges]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise UsageError(f"--search names {listed(twice)} twice. Give each field one range.")
    both = set(names) & set(fields)
    if both:
        raise UsageError(
            f"--search and another flag both set {listed(both)}. Leave one of them out."
        )
