"""Plans or runs the replicates that would decide open claims: `scaling-vae replicates`.

It prints how many more replicates would decide each claim, and how long they take. `--until-decided
CLAIM ...` runs them, one planned size after the other, while a claim is open.
"""

import json
import shlex
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling.cli.options import Parser, add_results, positive
from scaling.cli.process import CAPPED, DONE, FAILED
from scaling.errors import UsageError, did_you_mean, listed, to_type
from scaling.storage.formats import read_versioned
from scaling.storage.store import Store

if TYPE_CHECKING:
    from analysis.claims.outlook import Outlook

WITHIN = ("--seeds", "--diffusion-per-seed")  # within one replicate
OWN = ("--replicates", "--max-hours", "--dry-run", "--json", "--results")
RUN = (sys.executable, "-m", "scaling")  # runs a study's command in a process of its own


def add_to(subparsers: Any) -> None:
    """Adds the command `replicates` to the command line."""
    parser: Parser = subparsers.add_parser(
        "replicates",
        help="show how many more replicates would decide a claim",
        description=__doc__,
        allow_abbrev=False,
    )
    add_results(parser)
    add = parser.add_argument
    add(
        "--until-decided",
        nargs="+",
        action="extend",
        metavar="CLAIM",
        help="run them, one planned size after the other",
    )
    add("--max-hours", type=positive, metavar="H", help="with --until-decided: stop after H hours")
    parser.set_defaults(command=run)


def run(options: Namespace) -> int:
    """Prints the open claims and what would decide them, or runs that; returns the exit code."""
    if options.until_decided is None:
        if options.max_hours is not None:
            raise UsageError(
                "--max-hours needs --until-decided. Add it, with the claims to decide."
            )
        claims = _measured(options.results)
        print("\n".join(_lines(claims, options.results)))
        return DONE
    names = _primary(options.until_decided)
    return _until_decided(names, options.results, options.max_hours)


def _measured(results: Path, names: Sequence[str] = ()) -> "list[Outlook]":
    """Returns the claims that the results measure; raises UsageError if there are none."""
    from analysis import results as read
    from analysis.claims import CLAIMS
    from analysis.claims.outlook import outlooks
    from analysis.errors import ResultsError

    try:
        frame = read.load(results)
        claims = outlooks(frame, [c for c in CLAIMS if not names or c.name in names])
    except ResultsError as error:
        raise UsageError(str(error)) from None
    lacking = set(names) - {claim.claim for claim in claims}
    if lacking or not claims:
        what = f"The claim {min(lacking)!r} is not" if lacking else "No claim is"
        raise UsageError(
            f"{what} measured in {results}. Run a study first: "
            f"{to_type('study', 'double_descent', '--results', results, '--replicates', '0-4')}"
        )
    return claims


def _primary(names: Sequence[str]) -> list[str]:
    """Checks the names of claims; only primary claims may be tested repeatedly."""
    from analysis.claims import CLAIMS
    from analysis.claims.primary import PRIMARY

    for name in names:
        if name not in {claim.name for claim in CLAIMS}:
            raise UsageError(
                f"Unknown claim {name!r}. {did_you_mean(name, PRIMARY)}Known: {_quoted(PRIMARY)}."
            )
        if name not in PRIMARY:
            raise UsageError(
                f"{name!r} is exploratory: repeated tests until a decision would be wrong too "
                f"often. Choose a primary claim: {_quoted(PRIMARY)}."
            )
    return list(dict.fromkeys(names))


def _quoted(names: Sequence[str]) -> str:
    return listed(map(shlex.quote, names))


def _lines(claims: "list[Outlook]", results: Path) -> list[str]:
    """Returns lines for each open claim: what would decide it, how long it takes, the command."""
    lines, planned = [], dict[tuple[str, ...], str]()
    open_claims = [claim for claim in claims if claim.is_open]
    for claim in open_claims:
        lines += [f"{claim.claim} [{claim.dataset}] ({claim.kind})", f"  {claim.text}"]
        size = claim.needed.planned if claim.needed else claim.following
        if size is None:
            continue
        for command in commands(claim, results, size):
            if tuple(command) not in planned:
                planned[tuple(command)] = _hours(command)
            lines += [f"  {planned[tuple(command)]}: {to_type(*command)}"]
    lines.append(f"{len(open_claims)} open, {len(claims) - len(open_claims)} decided.")
    return lines


def commands(claim: "Outlook", results: Path, size: int) -> list[list[str]]:
    """Returns the studies' commands, as last typed, with the replicates 0 to size - 1.

    Seeds that a launch gave beside its replicates stay: a size is planned for means over them.
    The study is the one that the claim names, if its trials are among those judged; else all
    studies with such trials are used.
    """
    store = Store(results)
    folders = store.studies_of(set(claim.keys))
    named = [folder for folder in folders if f" study {folder.name} " in f"{claim.command} "]
    result = []
    for folder in named or folders:
        launches = (read_versioned(folder / "study.json") or {}).get("launches")
        last = launches[-1] if isinstance(launches, list) and launches else {}
        argv = [str(word) for word in last.get("argv", [])]
        typed_options = _options(argv)
        own = OWN if _has(typed_options, "--replicates") else (*OWN, *WITHIN)
        options = _without(typed_options, own)
        more = ["--results", str(results), "--replicates", f"0-{size - 1}"]
        result.append(["study", folder.name, *options, *more])
    return result


def _options(argv: Sequence[str]) -> list[str]:
    """Returns the options of a study's command line, from the first word with a hyphen."""
    first = next((index for index, word in enumerate(argv) if word.startswith("-")), len(argv))
    return list(argv[first:])


def _has(words: Sequence[str], flag: str) -> bool:
    """Returns True if one of the words is this flag, alone or with a value after =."""
    return any(word.partition("=")[0] == flag for word in words)


def _without(words: Sequence[str], flags: Sequence[str]) -> list[str]:
    """Returns the words without these flags and their values."""
    result, dropped = [], False
    for word in words:
        if word.startswith("--"):
            dropped = word.partition("=")[0] in flags
        result += [] if dropped else [word]
    return result


def _hours(command: Sequence[str]) -> str:
    """Returns the planned hours of a command on one worker, or why there is no plan."""
    done = subprocess.run(
        [*RUN, *command, "--dry-run", "--json"], capture_output=True, text=True, check=False
    )
    try:
        total = json.loads(done.stdout)["total"]
        return f"{total['hours']:.2g} h for {total['to_run']} more trials"
    except (ValueError, KeyError, TypeError):
        reason = done.stderr.strip().splitlines() or ["the study printed no reason"]
        return f"no plan ({reason[-1].removeprefix('Error: ')})"


def _until_decided(names: list[str], results: Path, max_hours: float | None) -> int:
    """Runs studies to the next planned size of open claims, until all are decided or at a cap.

    Returns the exit code.
    """
    end = None if max_hours is None else time.monotonic() + 3600 * max_hours
    reached = 0
    while True:
        claims = _measured(results, names)
        open_claims = [claim for claim in claims if claim.is_open]
        print("\n".join(f"{e.claim} [{e.dataset}]: {e.text}" for e in claims), flush=True)
        pairs = [(claim.following, claim) for claim in open_claims if claim.following is not None]
        if not pairs:
            if open_claims:
                print("No planned size is left.")
            return DONE
        size = min(following for following, _ in pairs)
        if size <= reached:
            print(
                f"The replicates 0-{size - 1} have been run, but a claim still lacks some of them. "
                f"To see which, type: {to_type('status', results)}",
                file=sys.stderr,
            )
            return FAILED
        reached = size
        code = _run([claim for following, claim in pairs if following == size], results, size, end)
        if code != DONE:
            return code


def _run(claims: "list[Outlook]", results: Path, size: int, end: float | None) -> int:
    """Runs the studies that these claims need for a size.

    Returns the exit code of the first study that is not done, else DONE.
    """
    all_commands = [command for claim in claims for command in commands(claim, results, size)]
    for command in dict.fromkeys(map(tuple, all_commands)):
        left = None if end is None else (end - time.monotonic()) / 3600
        if left is not None and left <= 0:
            print(f"--max-hours reached. Continue with: {to_type(*command)}")
            return CAPPED
        capped = [] if left is None else ["--max-hours", f"{left:.4g}"]
        print(f"Running: {to_type(*command, *capped)}", flush=True)
        code = subprocess.run([*RUN, *command, *capped], check=False).returncode
        if code != DONE:
            return code if code > 0 else 128 - code
    return DONE
