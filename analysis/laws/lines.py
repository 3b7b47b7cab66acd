"""Prints laws, how well they extrapolate, and why curves have none."""

from collections.abc import Sequence

from analysis.laws.frames import Variables
from analysis.laws.law import FEW_SIZES, Law, Refusal
from analysis.statistics.intervals import FEW_SEEDS, Interval


def law_lines(outcomes: Sequence[Law | Refusal], what: Variables) -> list[str]:
    """Returns the lines of all curves; those with too few sizes share one."""
    short = [f for f in outcomes if isinstance(f, Refusal) and len(f.curve.sizes) < FEW_SIZES]
    lines = [f"{what.loss} = E + A {what.x}^-alpha"]
    for outcome in outcomes:
        if outcome not in short:
            lines += (
                _law(outcome, what)
                if isinstance(outcome, Law)
                else [f"{outcome.curve.name}: no law, "]
            )
            if isinstance(outcome, Refusal):
                lines[-1] += outcome.sentence
    if short:
        names = "; ".join(refusal.curve.name for refusal in short)
        lines.append(f"No law, fewer than {FEW_SIZES} sizes: {names}.")
    return lines + (_method(outcomes, what) if len(short) < len(outcomes) else [])


def _law(law: Law, what: Variables) -> list[str]:
    sizes, n = law.curve.sizes[: law.used], len(law.curve.y)
    span = f"{law.used} sizes from {sizes[0]:,.6g} to {sizes[-1]:,.6g}"
    lines = [
        f"{law.curve.name} ({n} {what.unit}{'s' if n != 1 else ''}, {span}): "
        f"exponent alpha = {_number(law.exponent)}",
        f"  E = {_number(law.floor)}, A = {_number(law.scale)}",
    ]
    if law.open_floor:
        for_all = ": alpha and A are for every E of its interval"
        lines.append(f"  E = 0 fits within the noise, too{for_all if n >= FEW_SEEDS else ''}")
    left = law.curve.sizes[law.used :]
    if len(left):
        beyond = ", ".join(f"{size:,.6g}" for size in left)
        lines.append(f"  the means turn at {sizes[-1]:,.6g}: left out {beyond}")
    if law.curve.stopped:
        lines.append(
            f"  {len(law.curve.stopped)} trials ended early; their {what.unit}s do not count"
        )
    if not law.held_out:
        return [*lines, f"  extrapolation not checked: it needs {FEW_SIZES + 1} sizes"]
    first = law.held_out[0].size
    for held in law.held_out:
        lines.append(
            f"  fitted below {first:,.6g}: at {held.size:,.6g} it predicts {held.predicted:.2f}, "
            f"measured {held.measured:.2f}, error {_error(held.error)}"
        )
    return lines


def _number(interval: Interval) -> str:
    """Formats a number with its interval, which needs three replicates."""
    if interval.n < FEW_SEEDS:
        return f"{interval.mean:.3g} (no interval: n = {interval.n} < {FEW_SEEDS})"
    return f"{interval.mean:.3g} [{interval.low:.3g}, {interval.high:.3g}]"


def _error(error: Interval) -> str:
    if error.n < FEW_SEEDS:
        return f"{error.mean:+.2f} (no interval: n = {error.n} < {FEW_SEEDS})"
    judged = "it is off beyond the noise" if error.low > 0 or error.high < 0 else "within the noise"
    return f"{error.mean:+.2f} [{error.low:+.2f}, {error.high:+.2f}], {judged}"


def _method(outcomes: Sequence[Law | Refusal], what: Variables) -> list[str]:
    data = "" if what.unit == "replicate" else "; data and diffusion model are the same for all"
    if any(outcome.curve.overlap for outcome in outcomes):
        data += ", with the overlap of random splits"
    return [
        f"Huber loss of log residuals from several starts (Hoffmann et al. 2022); 95 %, jackknife "
        f"t over whole {what.unit}s{data}."
    ]
