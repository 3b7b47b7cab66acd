"""Prints the verdict on double descent as lines for the console."""

import pandas as pd

from analysis import curves
from analysis.double_descent import descent
from analysis.double_descent.changes import Change
from analysis.double_descent.descent import Move, Verdict
from analysis.double_descent.paths import Place
from analysis.errors import ResultsError
from analysis.statistics import levels
from analysis.statistics.intervals import FEW_SEEDS, Interval

SHOWN = 3  # missing points named before "and n more"


def lines(frame: pd.DataFrame) -> list[str]:
    """Judges a frame at its last epochs and at the best validation epoch, as in `verdict_lines`."""
    last = descent.verdict(frame)
    return verdict_lines(last, best_line(frame, last))


def best_line(frame: pd.DataFrame, last: Verdict) -> str:
    """Returns a line on the curve at each trial's best validation epoch, or on its absence."""
    try:
        best = descent.verdict(frame, last.source, curves.BEST)
    except ResultsError as error:
        reason = str(error).partition(". ")[0]
        return f"  at the {curves.BEST}: cannot be computed. {reason}."
    moves = ", ".join(f"{move.name} {_size(move.crossfit)}" for move in best.moves[1:])
    return f"  at the {curves.BEST} of each trial: {moves}: {survival(last, best)}"


def verdict_lines(verdict: Verdict, best: str = "") -> list[str]:
    """Returns at most fourteen lines, with sizes in nats per image and their 95 % intervals.

    `best` is the line on the best validation epoch (`best_line`).
    """
    return [
        verdict.sentence,
        _places(verdict),
        *[_move(move, move.crossfit.verdict) for move in verdict.moves],
        _move(verdict.lower, _lower(verdict.lower.crossfit), "first - second minimum"),
        _phase3(verdict.phase3),
        *([_gaps(verdict)] if verdict.gaps else []),
        *([f"  {verdict.spread}"] if verdict.spread else []),
        *([best] if best else []),
        _method(verdict),
        *([_missing(verdict)] if verdict.missing else []),
    ]


def _places(verdict: Verdict) -> str:
    start = (
        "  on the mean of all draws: "
        if verdict.shaped
        else "  the mean has no such shape; nearest: "
    )
    return start + (
        f"first minimum {_place(verdict.first_minimum)}, peak {_place(verdict.peak)}, "
        f"second minimum {_place(verdict.second_minimum)}"
    )


def _move(move: Move, judged: str, name: str = "") -> str:
    pooled = move.pooled
    ends = f" (pooled [{pooled.low:+.2f}, {pooled.high:+.2f}])" if pooled.n > 1 else ""
    return f"  {name or move.name:<23}{_size(move.crossfit)}  {judged}{ends}"


def _lower(difference: Interval) -> str:
    """States whether the second minimum is lower than the first."""
    if difference.sign == 0:
        return "which is lower is not decided"
    return f"the second is {'lower' if difference.sign > 0 else 'higher'}"


def _phase3(change: Change | None) -> str:
    if change is None:
        return "  phase 3: no finished point with a larger n_c at the largest m_z"
    moved = {1: "goes up", -1: "goes down", 0: "no direction shown"}[change.difference.sign]
    bent = "" if change.monotone else ", and turns on the way"
    return (
        f"  phase 3, {_place(change.start)} to {_place(change.end)}: negative test ELBO "
        f"{_size(change.difference)}, {moved}{bent}"
    )


def _gaps(verdict: Verdict) -> str:
    """States the gaps of each source, with n where sources have different numbers of draws."""
    counts = {source: change.difference.n for source, change in verdict.gaps.items()}
    differ = len(set(counts.values())) > 1
    texts = [
        f"{source} {change.first.mean:.2f} -> {change.last.mean:.2f} ({_size(change.difference)})"
        + f", n = {counts[source]}" * differ
        for source, change in verdict.gaps.items()
    ]
    ends = next(iter(verdict.gaps.values()))
    return (
        f"  generalization gap at n_c={ends.start[1]}, m_z={ends.start[0]} -> {ends.end[0]}: "
        + "; ".join(texts)
    )


def survival(last: Verdict, best: Verdict) -> str:
    """States whether rise and second descent are shown at the best validation epoch, at 95 %."""
    if len(best.units) < FEW_SEEDS:
        return "not decided whether the peak survives"
    if best.survives:
        return "the peak survives" if last.survives else "there the peak is shown"
    if last.survives:
        lost = descent.not_significant([n for n in best.weak if n in descent.MOVES[1:]])
        return f"the peak is not shown there: {lost}"
    return "no peak is shown there either"


def _method(verdict: Verdict) -> str:
    if len(verdict.units) == 1:
        return "  One draw: places and sizes come from the same numbers, sizes are too large."
    overlapping = " overlap of the splits allowed for;" * ("overlap" in _methods(verdict))
    return (
        f"  Nats per image, 95 %: t over {verdict.counted}; places taken from the others;"
        f"{overlapping} pooled: residual bootstrap, all differences at once, same noise at all "
        "points assumed."
    )


def _methods(verdict: Verdict) -> str:
    return verdict.moves[0].crossfit.method


def _missing(verdict: Verdict) -> str:
    text = "; ".join(verdict.missing[:SHOWN])
    more = len(verdict.missing) - SHOWN
    unit = levels.unit_of(verdict.level)
    out = ", ".join(map(_place, verdict.left_out))
    return (
        f"  Not finished: {text}{f'; and {more} more' if more > 0 else ''}. "
        + f"Left out of the path, measured by fewer {unit}s: {out}. " * bool(out)
        + f"Complete along the path: {unit}s {', '.join(map(str, verdict.units))}."
    )


def _size(interval: Interval) -> str:
    ends = f" [{interval.low:+.2f}, {interval.high:+.2f}]" if interval.n > 1 else ""
    return f"{interval.mean:+.2f}{ends}"


def _place(place: Place) -> str:
    return f"(m_z={place[0]}, n_c={place[1]})"
