"""The plan as text."""

import math
from collections.abc import Iterable, Sequence

from scaling.planning.plan import Plan, PlanRow
from scaling.planning.pool_rows import PoolRow

STATES = {"new": "new", "partial": "to go on", "done": "done", "failed": "failed"}
COLUMNS = (
    *("m_z", "n_c", "source", "epochs", "repeats"),
    *("|Theta_z|", "|Theta_-z|", "memory", "GPU", "hours"),
)


def plan_lines(study: str, plan: Plan, free: float = math.inf) -> list[str]:
    """What a launch is about to do, in two lines, and what does not fit; `free` bytes on disk."""
    total = plan.total
    counts = {s: sum(row.state == s for row in plan.trials) for s in STATES}
    states = ", ".join(f"{n} {STATES[s]}" for s, n in counts.items() if n)
    return [
        f"{study}: {total.trials} trials ({states})",
        f"planned: {_hours(total.hours)} on {plan.machine} ({plan.basis}), "
        f"{size(total.disk_bytes)} on disk, at most "
        f"{size(total.largest_memory_bytes)} of memory a trial",
        *_pools(plan.pools),
        *_too_large(plan.trials),
        *_too_much(total.disk_left_bytes, free),
    ]


def _too_much(left: float, free: float) -> list[str]:
    """Where the disk is going to be full."""
    if left <= free:
        return []
    text = f"Does not fit: about {size(left)} more on disk, and {size(free)} are free. What is"
    return [f"{text} finished by then is kept; another --results folder may have more room."]


def _too_large(rows: Sequence[PlanRow]) -> list[str]:
    """What does not fit into memory, a line for all trials of the same need."""
    needs: dict[str, list[str]] = {}
    for row in rows:
        if row.advice:
            needs.setdefault(row.advice, []).append(row.key)
    return [
        f"Does not fit: {keys[0]}{f' and {len(keys) - 1} more' if keys[1:] else ''} {advice}."
        for advice, keys in needs.items()
    ]


def _pools(pools: Sequence[PoolRow]) -> list[str]:
    """The pools beside the object store, a line for all of the same number of chunks."""
    alike: dict[tuple[int, bool], list[PoolRow]] = {}
    for pool in pools:
        alike.setdefault((pool.k, pool.fits), []).append(pool)
    return [_pool(group) for group in alike.values()]


def _pool(pools: Sequence[PoolRow]) -> str:
    first, hours = pools[0], sum(pool.hours for pool in pools)
    kept = "in the object store" if first.fits else "memory-mapped, it does not fit"
    made = f", {_hours(hours)} to sample" if hours else ""
    several = "pool:" if len(pools) == 1 else f"{len(pools)} pools, each"
    total = size(sum(pool.bytes for pool in pools))
    text = f"{several} {first.k} chunks{made}, {total} of {size(first.store_bytes)}"
    return f"{text} object store, read {kept}"


def plan_table(plan: Plan) -> list[str]:
    """The whole plan: a line an architecture and source, then the totals."""
    groups: dict[tuple[object, ...], list[PlanRow]] = {}
    for row in plan.trials:
        groups.setdefault(_without_seed(row), []).append(row)
    lines = [list(COLUMNS)] + [_line(rows) for rows in groups.values()]
    return _align(lines) + ["", *plan_lines("total", plan)]


def _without_seed(row: PlanRow) -> tuple[object, ...]:
    axes = ("kind", "dataset", "m_z", "n_c", "source", "share", "epochs", "parameters")
    fields = row.to_dict()
    return tuple(fields[name] for name in axes)


def _line(rows: Sequence[PlanRow]) -> list[str]:
    first = rows[0].to_dict()
    return [
        str(first["m_z"] or "-"),
        str(first["n_c"] or "-"),
        first["source"] or f"diffusion, share {first['share']:g}",
        str(first["epochs"]),
        " ".join(map(str, dict.fromkeys(_repeat(row) for row in rows))),
        f"{first['parameters_z']:,}",
        f"{first['parameters_rest']:,}",
        size(first["memory_bytes"]),
        f"{first['gpus']:.2g}",
        f"{sum(row.hours for row in rows):.3g}",
    ]


def _repeat(row: PlanRow) -> int:
    """Its replicate, or its seed where it has none."""
    return row.trial.seed if row.trial.replicate is None else row.trial.replicate


def _align(lines: list[list[str]]) -> list[str]:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return ["  ".join(_pad(line, widths)).rstrip() for line in lines]


def _pad(line: list[str], widths: list[int]) -> Iterable[str]:
    left = {COLUMNS.index("source"), COLUMNS.index("repeats")}
    for i, (word, width) in enumerate(zip(line, widths, strict=True)):
        yield word.ljust(width) if i in left else word.rjust(width)


def size(count: float) -> str:
    """Bytes as a person says them."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def _hours(hours: float) -> str:
    return f"{hours * 60:.1f} min" if hours < 1.5 else f"{hours:,.1f} h"
