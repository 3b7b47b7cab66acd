"""Lays out a study's status as text: for each line of trials a board m_z x n_c, then what runs.

A line is a list of spans, (text, colour), so that it can be cut to a width before it is coloured. A
line of trials is a set that differs in m_z, n_c and chance alone.
"""

import os
import textwrap
from collections.abc import Iterable, Sequence
from itertools import accumulate

from scaling.status.listed import BEGUN, DONE, FAILED, RUNNING, WAITING, Listed, Seen
from scaling.status.status import Status
from scaling.status.time_left import duration

Span = tuple[str, str]
Line = list[Span]
COLOURS = {"green": 32, "yellow": 33, "red": 31, "cyan": 36, "dim": 2, "bold": 1, "": 0}
BY_STATE = {DONE: "green", RUNNING: "cyan", BEGUN: "yellow", WAITING: "dim", FAILED: "red"}
GLYPHS = {DONE: "#", WAITING: ".", FAILED: "x"}  # other states show tenths of the epochs
GAP, BAR, INDENT = 2, 24, 9
AT_MOST = 2  # lines of a trial where room is limited
BEGUN_SHOWN = 8  # if more trials have begun and wait, they are counted instead of named
LEGEND = (
    "# done   0-9 tenths of its epochs   . waiting   x failed",
    "(one sign a replicate or seed)",
)


def board(status: Status, width: int, most: int | None = None) -> list[Line]:
    """Lays a status out in at most `most` lines (None: any number) of at most `width` columns."""
    head = [*_head(status, width), *_work(status, width)]
    grids = [line for name in _names(status) for line in _grid(status, name, width)]
    tail = _owner(status, width)
    room = None if most is None else max(0, most - len(head) - len(tail))
    if room is not None and len(grids) > room:
        grids = []  # part of a board says less than the list of running trials
    body = [*grids, *_legend(width)] if grids else []
    left = None if room is None else max(0, room - len(body))
    return [cut(line, width) for line in [*head, *body, *_trials(status, width, left), *tail]][
        :most
    ]


def cut(line: Line, width: int) -> Line:
    """Cuts a line to a width."""
    spans: Line = []
    for text, colour in line:
        spans.append((text[:width], colour))
        width -= len(spans[-1][0])
    return [span for span in spans if span[0]]


def paint(lines: Iterable[Line], coloured: bool) -> list[str]:
    """Turns lines into text, with or without colours."""
    return ["".join(_painted(*span) if coloured else span[0] for span in line) for line in lines]


def _painted(text: str, colour: str) -> str:
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if colour else text


def wants_colour(terminal: bool) -> bool:
    """Returns True if output shall be coloured: on a terminal, unless the environment forbids it.

    NO_COLOR, if set, and TERM=dumb forbid it.
    """
    return terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def counted(status: Status) -> str:
    """Counts the trials in words: `12/40 trials done, 2 running, 1 failed, 1 retried`."""
    counts = status.counts
    text = f"{counts[DONE]}/{len(status.trials)} trials done, {counts[RUNNING]} running"
    retried = len(status.activity.retried) if status.activity else 0
    return text + f", {counts[FAILED]} failed" + (f", {retried} retried" if retried else "")


def timed(status: Status) -> str:
    """Gives the time of a launch in words, `, 3 min elapsed, about 4 min left`, or nothing."""
    if status.activity is None:
        return ""
    left = status.activity.left_seconds
    elapsed = f", {duration(status.activity.seconds)} elapsed"
    return elapsed + (f", about {duration(left)} left" if left is not None and left >= 1 else "")


def _head(status: Status, width: int) -> list[Line]:
    """Returns the name, bar, counts and times, on several lines if they do not fit on one."""
    total = len(status.trials) or 1
    share = sum(_part(trial, _of(status, key)) for key, trial in status.trials.items()) / total
    text = f"{counted(status)}{timed(status)}"
    name = f"{status.study} {status.preset}".strip()
    long = min(BAR, width - len(name) - len(text) - 2 * GAP - 9)
    summary: Span = (text, "red" if status.counts[FAILED] else "")
    if long < 4 and len(name) + GAP + len(text) > width:
        folded = textwrap.wrap(text, max(1, width)) or [""]
        head: Line = [(name, "bold"), (f"  {100 * share:.0f} %", "")]
        return [head, *([(part, summary[1])] for part in folded)]
    full = round(share * long)
    bar = f"[{'=' * full}{' ' * (long - full)}] {100 * share:3.0f} %  " if long >= 4 else ""
    return [[(name, "bold"), ("  ", ""), (bar, "green"), summary]]


def _of(status: Status, key: str) -> Seen:
    return status.seen.get(key, Seen())


def _part(trial: Listed, seen: Seen) -> float:
    """Returns the share of the trial's epochs that is done, from 0 to 1."""
    return 1.0 if seen.state == DONE else min(1.0, seen.epoch / max(1, trial.epochs))


def _legend(width: int) -> list[Line]:
    """Explains the signs of the board, on as many lines as the width needs."""
    text = "   ".join(LEGEND)
    parts = [text] if len(text) <= width else LEGEND
    if max(map(len, parts)) > width:
        parts = [*LEGEND[0].split("   "), LEGEND[1]]
    return [[(part, "dim")] for part in parts]


def _names(status: Status) -> list[str]:
    return list(dict.fromkeys(trial.line for trial in status.trials.values()))


def _grid(status: Status, name: str, width: int) -> list[Line]:
    """Returns the board of one line of trials: a row for each m_z, a column for each n_c."""
    own = [trial for trial in status.trials.values() if trial.line == name]
    cells: dict[tuple[int, int], list[Listed]] = {}
    for trial in sorted(own, key=lambda t: (t.replicate or 0, t.seed)):
        cells.setdefault((trial.m_z or 0, trial.n_c or 0), []).append(trial)
    if all(trial.m_z is None for trial in own):
        return [[(f"{name}  ", ""), *_cell(status, own, len(own) if len(own) < 40 else 7)]]
    columns = sorted({n_c for _, n_c in cells})
    first = max(len(name), len(f"m_z {max(m_z for m_z, _ in cells)}")) + GAP
    wide = max(max(map(len, cells.values())), *(len(str(n)) for n in columns))
    if first + len(columns) * (wide + GAP) > width or wide > 12:
        wide = max(len(f"{len(own)}/{len(own)}"), 3)
    across = max(1, (width - first) // (wide + GAP))
    lines: list[Line] = []
    for start in range(0, len(columns), across):
        part = columns[start : start + across]
        heads = "".join(f"{n:<{wide + GAP}}" for n in part)
        lines.append([(f"{name:<{first}}", "bold"), ("n_c ", "dim"), (heads.rstrip(), "dim")])
        for m_z in sorted({m_z for m_z, _ in cells}):
            line: Line = [(f"m_z {m_z}".ljust(first), "dim"), ("    ", "")]
            for n_c in part:
                line += _cell(status, cells.get((m_z, n_c), []), wide)
            lines.append(line)
    return lines


def _cell(status: Status, trials: Sequence[Listed], wide: int) -> Line:
    """Returns a sign for each trial or, if that is too wide, how many are done; then blanks."""
    seen = [_of(status, trial.key) for trial in trials]
    if len(trials) > wide:
        done = sum(item.state == DONE for item in seen)
        text = f"{done}/{len(trials)}"
        states = {item.state for item in seen}
        state = next((s for s in (FAILED, RUNNING, BEGUN) if s in states), seen[0].state)
        return [(text, BY_STATE[state]), (" " * (wide + GAP - len(text)), "")]
    signs = [(_sign(t, s), BY_STATE[s.state]) for t, s in zip(trials, seen, strict=True)]
    return [*signs, (" " * (wide + GAP - len(trials)), "")]


def _sign(trial: Listed, seen: Seen) -> str:
    return GLYPHS.get(seen.state) or str(min(9, int(10 * _part(trial, seen))))


def _work(status: Status, width: int) -> list[Line]:
    """Returns lines for the launch's phase, for pools and metrics in progress, and for caps."""
    activity = status.activity
    if activity is None:
        return []
    lines = _entry("now", activity.phase, width)
    for name, (done, total, unit) in activity.work.items():
        if done < total:
            lines += _entry("now", f"{name}: {done:,} of {total:,} {unit}", width, "cyan")
    for flag, (used, allowed) in activity.caps.items():
        lines += _entry("cap", f"{flag} {allowed:g}: {used:.2g} h used", width)
    return lines


def _trials(status: Status, width: int, most: int | None) -> list[Line]:
    """Returns lines for trials that failed, that run, and that have begun and wait.

    If they take more than `most` lines, the last one gives the number of the others.
    """
    entries: list[list[Line]] = []
    running = status.activity.running if status.activity else {}
    for state in (FAILED, RUNNING, BEGUN):
        pairs = [(key, seen) for key, seen in status.seen.items() if seen.state == state]
        if state == BEGUN and len(pairs) > BEGUN_SHOWN:
            entries.append(_entry(state, f"{len(pairs)} trials", width, BY_STATE[state]))
            continue
        for key, seen in pairs:
            trial = status.trials[key]
            text = f"{trial.name}, epoch {seen.epoch}/{trial.epochs}"
            detail = seen.error if state == FAILED else running.get(key, "")
            text += f": {detail}" if state == FAILED else f", {detail}" if detail else ""
            entries.append(_entry(state, text, width, BY_STATE[state]))
    entries = entries if most is None else [entry[:AT_MOST] for entry in entries]
    if most is not None and sum(map(len, entries)) > most:
        count = sum(lines < most for lines in accumulate(map(len, entries)))
        entries = [*entries[:count], [[(f"and {len(entries) - count} more", "dim")]]]
    return [line for entry in entries for line in entry]


def _entry(head: str, text: str, width: int, colour: str = "dim") -> list[Line]:
    """Returns a head with its text, folded between words to a width and indented."""
    parts = textwrap.wrap(text, max(1, width - INDENT)) or [""]
    heads = [head, *[""] * (len(parts) - 1)]
    return [[(f"{title:<{INDENT}}", colour), (part, "")]
            for title, part in zip(heads, parts, strict=True)]  # fmt: skip


def _owner(status: Status, width: int) -> list[Line]:
    return _entry("lock", status.owner, width) if status.owner else []
