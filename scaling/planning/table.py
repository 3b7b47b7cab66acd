"""Formats a plan as text."""

import math
from collections.abc import Callable, Iterable, Sequence

from scaling.planning.groups import Group, grouped, source_of
from scaling.planning.images import image_lines
from scaling.planning.plan import Plan, PlanRow, Total
from scaling.planning.pool_rows import PoolRow
from scaling.trial import VaeTrial

SHORT_HOURS = 1 / 30  # of training: with less, the other parts of a launch take most of the time
STATES = {"new": "new", "partial": "to continue", "done": "done", "failed": "failed"}
COLUMNS = (
    *("m_z", "n_c", "source", "epochs", "repeats"),
    *("|Theta_z|", "|Theta_-z|", "memory", "GPU", "hours"),
)


def plan_lines(study: str, plan: Plan, free: float = math.inf) -> list[str]:
    """Returns lines about what a launch will do, on which images, and about what does not fit.

    `free` is the free space on disk in bytes.
    """
    total = plan.total
    counts = {s: sum(row.state == s for row in plan.trials) for s in STATES}
    states = ", ".join(f"{n} {STATES[s]}" for s, n in counts.items() if n)
    return [
        f"{study}: {total.trials} trials ({states})",
        f"planned: {_hours(total.hours)} on {plan.machine} ({plan.basis}), "
        f"{size(total.disk_bytes)} on disk, at most "
        f"{size(total.largest_memory_bytes)} of memory per trial{_start(total)}",
        *image_lines(row.trial for row in plan.trials),
        *_pools(plan.pools),
        *_of_alike(plan.trials, "Does not fit: ", lambda row: row.advice),
        *_of_alike(plan.trials, "", lambda row: row.note),
        *_too_much(total.disk_left_bytes, free),
    ]


def _start(total: Total) -> str:
    """Returns a hint for a short plan, most of whose time the launch itself will take."""
    if not 0 < total.hours < SHORT_HOURS:
        return ""
    return "; a launch takes half a minute besides, for Ray, processes and figures"


def _too_much(left: float, free: float) -> list[str]:
    """Returns a line if the free space on disk will not suffice."""
    if left <= free:
        return []
    text = f"Does not fit: about {size(left)} more on disk, and {size(free)} are free. Trials that"
    return [f"{text} finish before it is full are kept. Another --results may have more space."]


def _of_alike(
    rows: Sequence[PlanRow], begin: str, text_of: Callable[[PlanRow], str | None]
) -> list[str]:
    """Returns a line for each text, with the trials that it applies to."""
    alike: dict[str, list[str]] = {}
    for row in rows:
        if text := text_of(row):
            alike.setdefault(text, []).append(row.key)
    return [
        f"{begin}{keys[0]}{f' and {len(keys) - 1} more' if keys[1:] else ''} {text}."
        for text, keys in alike.items()
    ]


def _pools(pools: Sequence[PoolRow]) -> list[str]:
    """Returns a line for all pools with the same number of chunks."""
    by_size: dict[tuple[int, bool], list[PoolRow]] = {}
    for pool in pools:
        by_size.setdefault((pool.k, pool.fits), []).append(pool)
    return [_pool(group) for group in by_size.values()]


def _pool(pools: Sequence[PoolRow]) -> str:
    first, hours = pools[0], sum(pool.hours for pool in pools)
    where = "in the object store" if first.fits else "memory-mapped, since it does not fit"
    sampling = f", {_hours(hours)} to sample" if hours else ""
    several = "pool:" if len(pools) == 1 else f"{len(pools)} pools, each"
    total = size(sum(pool.bytes for pool in pools))
    text = f"{several} {first.k} chunks{sampling}, {total} of {size(first.store_bytes)}"
    return f"{text} object store, read {where}"


def plan_table(plan: Plan) -> list[str]:
    """Returns the whole plan: a line per trial without its chance, hours by cell, totals.

    A line's source is followed by the fields in which trials of this source differ. Lines are
    sorted by source, m_z and n_c, sources in the order of the plan.
    """
    groups = grouped(plan.trials)
    order = list(dict.fromkeys(source_of(group.rows[0].trial) for group in groups))

    def place(group: Group[PlanRow]) -> tuple[int, int, int]:
        first = group.rows[0].to_dict()
        index = order.index(source_of(group.rows[0].trial))
        return index, first["m_z"] or 0, first["n_c"] or 0

    lines = [list(COLUMNS)] + [_line(group) for group in sorted(groups, key=place)]
    cells = [line for source in order for line in _hours_by_cell(plan, source)]
    return [*_align(lines), *cells, "", *plan_lines("total", plan)]


def _hours_by_cell(plan: Plan, source: str) -> list[str]:
    """Returns the hours of a source by m_z and n_c with their sums, [] without both axes."""
    hours: dict[tuple[int, int], float] = {}
    for row in plan.trials:
        trial = row.trial
        if source_of(trial) == source and isinstance(trial, VaeTrial):
            cell = trial.m_z, trial.n_c
            hours[cell] = hours.get(cell, 0.0) + row.hours
    rows, columns = (sorted({cell[axis] for cell in hours}) for axis in (0, 1))
    if len(rows) < 2 or len(columns) < 2:
        return []
    table = [[r"m_z \ n_c", *map(str, columns), "all"]]
    for m_z in rows:
        own = [hours.get((m_z, n_c)) for n_c in columns]
        numbers = [value for value in own if value is not None]
        table.append([str(m_z), *("-" if h is None else f"{h:.3g}" for h in own),
                      f"{sum(numbers):.3g}"])  # fmt: skip
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    aligned = [zip(line, widths, strict=True) for line in table]
    lines = ["  ".join(word.rjust(width) for word, width in line) for line in aligned]
    return ["", f"hours, {source}: {sum(hours.values()):,.3g}", *lines]


def _line(group: Group[PlanRow]) -> list[str]:
    rows, first = group.rows, group.rows[0].to_dict()
    return [
        str(first["m_z"] or "-"),
        str(first["n_c"] or "-"),
        group.line,
        str(first["epochs"]),
        " ".join(map(str, dict.fromkeys(_repeat(row) for row in rows))),
        f"{first['parameters_z']:,}",
        f"{first['parameters_rest']:,}",
        size(first["memory_bytes"]),
        f"{first['gpus']:.2g}",
        f"{sum(row.hours for row in rows):.3g}",
    ]


def _repeat(row: PlanRow) -> int:
    """Returns the number of its replicate, or its seed if it has no replicate."""
    return row.trial.seed if row.trial.replicate is None else row.trial.replicate


def _align(lines: list[list[str]]) -> list[str]:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return ["  ".join(_pad(line, widths)).rstrip() for line in lines]


def _pad(line: list[str], widths: list[int]) -> Iterable[str]:
    left = {COLUMNS.index("source"), COLUMNS.index("repeats")}
    for i, (word, width) in enumerate(zip(line, widths, strict=True)):
        yield word.ljust(width) if i in left else word.rjust(width)


def size(count: float) -> str:
    """Formats a number of bytes with a readable unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def _hours(hours: float) -> str:
    """Formats hours for people: `4 s`, `12.3 min`, `3.5 h`."""
    if hours * 60 < 1:
        return f"{hours * 3600:.0f} s"
    return f"{hours * 60:.1f} min" if hours < 1.5 else f"{hours:,.1f} h"
