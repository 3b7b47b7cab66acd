"""Writes a page's texts: the verdict, the claims, the launches, and commands to continue with."""

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, TypedDict

import pandas as pd

from analysis import claims, readings
from analysis.claims.formats import whisker
from analysis.claims.rules.judging import FAILS, HOLDS, NOT_RUN, UNDECIDED
from analysis.claims.wording import ours, summary
from analysis.command import command, typed_path
from analysis.double_descent.descent import Verdict, verdict
from analysis.double_descent.verdicts import best_line, verdict_lines
from analysis.errors import ResultsError
from analysis.selection import early
from analysis.storage.provenance import launches_of, public

TONES = {HOLDS: "good", FAILS: "bad", UNDECIDED: "open", NOT_RUN: "none"}
SIGNS = {"good": "\N{CHECK MARK}", "bad": "\N{BALLOT X}", "open": "?", "none": "\N{EN DASH}"}
PLACES = ("--results", "--data-root", "--address", "--module")  # flags with folders and machines


class Whisker(TypedDict):
    """Holds a move along the path: its mean and interval in nats, and both as text."""

    name: str
    mean: float
    low: float
    high: float
    text: str


class PlacedWhisker(Whisker):
    """Holds a whisker with its places on a common axis from 0 to 100."""

    x_mean: float
    x_low: float
    x_high: float


class ShownMoves(TypedDict):
    """Holds all moves along the path, and the place of zero on their common axis."""

    zero: float
    rows: list[PlacedWhisker]


class ShownVerdict(TypedDict, total=False):
    """Holds the verdict on double descent; without a judged path, `plain` and `moves` are absent.

    It is {} for results without Figure 8.
    """

    tone: str
    sign: str
    sentence: str
    lines: list[str]
    plain: str
    best: str  # what is left at each trial's best validation epoch
    moves: ShownMoves


class ShownClaims(TypedDict):
    """Holds the claims as rows of the ledger with tone and sign, and the number per verdict."""

    rows: list[dict[Any, Any]]  # pandas' records of `claims.ledger`
    summary: str
    counts: list[tuple[str, str, int]]  # verdict, tone, number


def judged(parts: Mapping[str, pd.DataFrame]) -> ShownVerdict:
    """Returns tone, sentence and lines of the verdict on double descent.

    `parts` are a study's trials by name, as `choice.parts` splits them: the verdict is that of the
    first part, and the lines also have those of others (tuned learning rates).
    """
    (name, frame), *others = parts.items()
    result = _judged(frame)
    if others:
        result["sentence"] = f"{name}: {result['sentence']}"
    for label, part in others:
        part_result = _judged(part)
        result["lines"] += [f"{label}: {part_result['sentence']}", *part_result["lines"]]
    return result


def _judged(frame: pd.DataFrame) -> ShownVerdict:
    try:
        judgement = verdict(frame)
    except ResultsError as error:
        return undecided(str(error))
    tone = TONES[judgement.decision.verdict]
    best = best_line(frame, judgement)
    sentence, *lines = verdict_lines(judgement, best)
    moves = [_whisker(m.name, m.crossfit.mean, m.crossfit.low, m.crossfit.high)
             for m in judgement.moves]  # fmt: skip
    result: ShownVerdict = {"tone": tone, "sign": SIGNS[tone], "sentence": sentence, "lines": lines}
    best = best.strip()
    return result | {
        "plain": _plain(judgement), "moves": scaled(moves), "best": f"{best[:1].upper()}{best[1:]}"
    }  # fmt: skip


def read(frame: pd.DataFrame) -> ShownVerdict:
    """Returns how many readings matter, with a line for each (`analysis.readings`)."""
    try:
        items = readings.readings(frame)
    except ResultsError as error:
        return undecided(str(error))
    result = undecided(readings.summary(items))
    return result | {"lines": readings.lines(items)}


def undecided(why: str) -> ShownVerdict:
    """Returns a verdict that is open, with the reason as its sentence."""
    return {"tone": "open", "sign": SIGNS["open"], "sentence": why, "lines": []}


def _plain(judgement: Verdict) -> str:
    """Describes the moves: where they end, and their sizes in nats per image."""
    sizes = [f"{abs(move.crossfit.mean):.1f}" for move in judgement.moves]
    ways = [(("falls", "rises"), ("rises", "falls"), ("falls", "rises"))[i][move.crossfit.mean < 0]
            for i, move in enumerate(judgement.moves)]  # fmt: skip
    ends = (judgement.first_minimum, judgement.peak, judgement.second_minimum)
    steps = (f"{way} by {size} nats until m_z={m_z}, n_c={n_c}"
             for way, size, (m_z, n_c) in zip(ways, sizes, ends, strict=True))  # fmt: skip
    return (
        f"Along the path of growing models the loss (negative test ELBO) {', then '.join(steps)}. "
        f"Means over {judgement.counted} at the end of training."
    )


def _whisker(name: str, mean: float, low: float, high: float) -> Whisker:
    has_interval = not math.isnan(low)
    ends = f" [{low:+.2f}, {high:+.2f}]" if has_interval else ""
    return {"name": name, "mean": mean, "low": low if has_interval else mean,
            "high": high if has_interval else mean, "text": f"{mean:+.2f}{ends}"}  # fmt: skip


def scaled(moves: list[Whisker]) -> ShownMoves:
    """Scales whiskers to a common axis from 0 to 100; `zero` is the position of zero on it."""
    low = min([0.0, *(move["low"] for move in moves)])
    span = max([0.0, *(move["high"] for move in moves)]) - low or 1.0

    def at(value: float) -> float:
        return 100 * (value - low) / span

    rows: list[PlacedWhisker] = [
        {**move, "x_mean": at(move["mean"]), "x_low": at(move["low"]), "x_high": at(move["high"])}
        for move in moves
    ]
    return {"zero": -100 * low / span, "rows": rows}


def ledger(frame: pd.DataFrame) -> ShownClaims:
    """Returns the claims that these results can judge, and a summary and counts of verdicts."""
    try:
        table = claims.ledger(frame)
    except ResultsError as error:
        return {"rows": [], "summary": str(error), "counts": []}
    rows, best = [], _at_best(frame)
    for row in table[table["verdict"] != NOT_RUN].to_dict("records"):
        tone, then = TONES[row["verdict"]], best.get((row["claim"], row["dataset"]), {})
        looks = {"tone": tone, "sign": SIGNS[tone], "ours": ours(row)}
        rows.append(row | whisker(row) | looks | {"best": then})
    rows.sort(key=lambda row: list(TONES).index(row["verdict"]))
    several = len({row["dataset"] for row in rows}) > 1
    rows = [row | {"setting": row["dataset"] if several else ""} for row in rows]
    counts = [(verdict, TONES[verdict], sum(r["verdict"] == verdict for r in rows))
              for verdict in (HOLDS, FAILS, UNDECIDED)]  # fmt: skip
    return {"rows": rows, "summary": summary(table), "counts": counts}


def _at_best(frame: pd.DataFrame) -> dict[tuple[str, str], dict[str, str]]:
    """Returns the verdicts, and our numbers, at the VAEs' best epochs by claim and setting.

    The result is {} without validation images.
    """
    try:
        table = claims.ledger(early.at_best(frame))
    except ResultsError:
        return {}
    rows = table[table["verdict"] != NOT_RUN].to_dict("records")
    return {
        (row["claim"], row["dataset"]): {
            "verdict": row["verdict"], "ours": ours(row)
        }
        for row in rows
    }  # fmt: skip


def launches(record: dict[str, object]) -> list[dict[str, object]]:
    """Returns the launches, the newest first, with their command lines, code and versions.

    A page may be sent to others, so neither hosts nor folders are named.
    """
    result = []
    for launch in reversed(launches_of(record)):
        argv = launch.get("argv")
        arguments = [str(word) for word in argv] if isinstance(argv, list) else []
        result.append(public(launch) | {"typed": typed(arguments)})
    return result


def typed(argv: Sequence[str]) -> str:
    """Returns a command line without the options that name folders and machines.

    The user's own files keep their names only.
    """
    arguments, skip = [], False
    for index, word in enumerate(argv):
        flag, _, value = word.partition("=")
        if skip or flag in PLACES:
            skip = flag in PLACES and not value
            continue
        start, equals, end = word.rpartition("=") if word.endswith(".npz") else (word, "", "")
        arguments.append(Path(word).name if not index else f"{start}{equals}{PurePath(end).name}")
    return shlex.join(arguments)


def go_on(record: dict[str, object], path: Path, states: dict[str, int]) -> list[dict[str, str]]:
    """Returns commands to continue with, each with a description."""
    study, preset = str(record.get("study") or ""), str(record.get("preset") or "")
    steps = []
    if study:
        smoke = ["--smoke-test"] if preset == "smoke" else ["--preset", preset] if preset else []
        rerun = ["scaling-vae", "study", study, *smoke]
        if states.get("failed") or states.get("unreadable"):
            steps.append(("Run failed trials again", [*rerun, "--retry-failed"]))
        if sum(states.values()) > states.get("done", 0) + states.get("failed", 0):
            steps.append(("Continue the study where it stopped", rerun))
        steps.append(("Add replicates; finished trials are kept", [*rerun, "--replicates", "0-9"]))
        steps.append(("Show what that costs", [*rerun, "--replicates", "0-9", "--dry-run"]))
    lines = [{"about": does, "command": shlex.join(arguments)} for does, arguments in steps]
    name = typed_path(path)
    lines += [
        {"about": "Write this page again", "command": command("page", name)},
        {"about": "Check every claim", "command": command("claims", "--results", name)},
    ]
    if path.is_dir():
        tensorboard = shlex.join(["tensorboard", "--logdir", str(Path(name) / "tensorboard")])
        lines.append({"about": "Show curves in TensorBoard", "command": tensorboard})
    return lines
