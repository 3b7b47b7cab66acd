"""Prints a comparison in plain lines: settings, code, data, trials, differences."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis import style
from analysis.columns import TRIAL_COLUMNS
from analysis.diff.differences import ALL_CELLS, Compared, Difference
from analysis.diff.sides import CHANCE, Shared, Side, values_of
from analysis.statistics.intervals import FEW_SEEDS
from analysis.storage.provenance import launches_of

SHOWN = 10  # differences or names before "and n more"
DATA = ("data", "fingerprint", "train_images", "validation_images", "test_images")
MACHINE = ("platform", "cpus")


def settings_lines(a: Side, b: Side) -> list[str]:
    """Returns a line per kind of trial that both have, with the settings that differ."""
    lines = []
    for kind in sorted(values_of(a.frame, "kind") & values_of(b.frame, "kind")):
        parts = [side.frame[side.frame["kind"] == kind] for side in (a, b)]
        names = [n for n in TRIAL_COLUMNS if n not in CHANCE and all(n in part for part in parts)]
        if values_of(parts[0], "source") != values_of(parts[1], "source"):
            names = [name for name in names if not name.startswith("source_")]  # implied
        texts = [_differing(name, *(values_of(part, name) for part in parts)) for name in names]
        ends = [set(s.finals.loc[s.finals["kind"] == kind, "epoch"].map(int)) for s in (a, b)]
        texts = [text for text in [*texts, _differing("epochs", *ends)] if text]
        lines.append(f"settings, {kind}: {'; '.join(texts) or 'the same'}")
    return lines


def code_lines(a: Side, b: Side) -> list[str]:
    """Returns a line on what differs in code, versions and machine of the last launches."""
    left, right = (_made_by(side) for side in (a, b))
    differing = [
        f"{name} {left.get(name, 'unknown')} | {right.get(name, 'unknown')}"
        for name in sorted({*left, *right})
        if left.get(name) != right.get(name)
    ]
    if not left and not right:
        return ["code: not recorded in either"]
    return [f"code: {'; '.join(differing)}" if differing else "code: the same"]


def _made_by(side: Side) -> dict[str, str]:
    last = (launches_of(side.about) or [{}])[-1]
    result: dict[str, str] = {}
    for part, names in (("code", None), ("versions", None), ("hardware", MACHINE)):
        facts = last.get(part)
        if isinstance(facts, dict):
            chosen = {n: v for n, v in facts.items() if names is None or n in names}
            result |= {
                n: str(v)[:12] if n in ("commit", "sha256") else str(v) for n, v in chosen.items()
            }
    return result


def data_lines(a: Side, b: Side, common: Shared) -> list[str]:
    """Returns lines on whether both were trained and tested on the same images."""
    texts = [
        line
        for name in DATA
        if (line := _differing(name, *(values_of(s.frame, name) - {None} for s in (a, b))))
    ]
    lines = [f"data: {'; '.join(texts)}" if texts else "data: the same, as far as recorded"]
    if common.data:
        lines.append(f"differs: the images of {_named(common.data)}, which have the same key")
    return lines


def _differing(name: str, left: set[Any], right: set[Any]) -> str:
    """Formats a difference, as in: lr 0.003 | 0.001; or lists the values that only one side has."""
    if left == right or not left or not right:
        return ""
    if len(left) == 1 == len(right):
        return f"{name} {_words(left)} | {_words(right)}"
    sides = [("A", left - right), ("B", right - left)]
    return ", ".join(f"{name} {_words(more)} only in {side}" for side, more in sides if more)


def _words(values: Iterable[Any]) -> str:
    """Formats values in order, with numbers as a user types them."""
    ordered = sorted(values, key=lambda v: (str(type(v)), v if v is not None else 0))
    texts = [f"{v:.10g}" if isinstance(v, float) else str(v) for v in ordered]
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def trial_lines(a: Side, b: Side, common: Shared, found: Compared) -> list[str]:
    """Returns lines on how trials were paired, and on trials whose states differ."""
    lines = [
        f"trials: {len(a.states)} in A, {len(b.states)} in B, {len(common.keys)} of them by the "
        f"same key ({len(common.equal)} with equal numbers, bit by bit)",
        f"paired: {found.paired} finished trials of A; in cells of one only: {found.only_a} of A, "
        f"{found.only_b} of B",
    ]
    lines += [f"differs: {key} is {x} in A and {y} in B" for key, x, y in common.states[:SHOWN]]
    return lines + [f"not compared: {text}" for text in found.skipped]


def difference_lines(compared: Compared) -> list[str]:
    """Returns lines with the means over cells, the differences beyond noise, and their counts."""
    decided = [d for d in compared.differences if d.adjusted is not None]
    differing = sorted((d for d in decided if d.differs), key=lambda d: d.p or 0.0)
    overall = [d for d in compared.differences if ALL_CELLS in d.cell]
    overall = overall if len(compared.differences) > SHOWN else compared.differences
    lines = [f"B - A, 95 % intervals over replicates; p for all {len(decided)} comparisons (Holm):"]
    lines += [f"  {line(d)}" for d in overall]
    lines += [f"  {line(d)}" for d in differing[:SHOWN] if d not in overall]
    undecided = len(compared.differences) - len(decided)
    if len(differing) > SHOWN:
        lines.append(f"  and {len(differing) - SHOWN} more, in the csv")
    few = f"; {undecided} undecided (fewer than {FEW_SEEDS} replicates)" if undecided else ""
    return [*lines, f"beyond noise: {len(differing)} of {len(decided)}{few}"]


def line(d: Difference) -> str:
    """Formats a difference with its verdict.

    As in: normal m_z=1 n_c=8, test_elbo: +3.1 [2.5, 3.7], n = 5, p = 0.001: differs.
    """
    interval = f"[{d.interval.low:+.3g}, {d.interval.high:+.3g}]" if d.interval.n > 1 else ""
    judged = (
        "not decided" if d.adjusted is None else "differs" if d.differs else "no difference shown"
    )
    p = "" if d.adjusted is None else f", p = {d.adjusted:.2g}"
    text = f"{cell_words(d.cell)}, {d.metric}: {d.interval.mean:+.3g} {interval}".rstrip()
    return f"{text}, n = {d.interval.n}{p}: {judged}"


def cell_words(cell: Mapping[str, object]) -> str:
    """Formats a cell, as in: normal m_z=1 n_c=8."""
    if ALL_CELLS in cell:
        return f"mean over {cell[ALL_CELLS]:.0f} cells"
    hidden = ("kind", "dataset", "source")
    first = style.source_label(str(cell["source"])) if cell.get("source") else str(cell["kind"])
    texts = [
        f"{n}={v:g}" if isinstance(v, float) else f"{n}={v}"
        for n, v in cell.items()
        if v is not None and n not in hidden and (n == "source_k" or not n.startswith("source_"))
    ]
    return " ".join([first, *texts])
