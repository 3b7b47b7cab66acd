"""Trains a finished trial again and compares its rows: `scaling-vae reproduce KEY`."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling.cli.moved_files import add_moved, moved_loader
from scaling.cli.options import Parser, add_data, add_module, add_results
from scaling.errors import UsageError, did_you_mean
from scaling.trial.hardware import has_gpu

if TYPE_CHECKING:
    from scaling.runs.reproduce import Reproduction

SAME, DIFFERS = 0, 1
SHOWN = 10  # maximum number of columns or trial names that are listed


def add_to(subparsers: Any) -> None:
    """Adds the command `reproduce` to the command line."""
    parser: Parser = subparsers.add_parser(
        "reproduce",
        help="train one finished trial again and compare its rows",
        description="Trains one finished trial again in a temporary folder, without Ray, and "
        "compares its rows. Exit code: 0 all equal, 1 some differ.",
    )
    parser.add_argument("key", metavar="KEY", help="key of the trial, its beginning or its hash")
    add_results(parser)
    add_data(parser)
    add_moved(parser)
    add_module(parser)
    parser.set_defaults(command=run)


def run(options: Namespace) -> int:
    """Prints whether the trial gives the same rows again; returns the exit code."""
    from scaling.runs.reproduce import reproduce
    from scaling.storage.store import Store
    from scaling.trial import data_of

    store = Store(options.results.absolute())
    name = whole_key(store.root, options.key)
    folder = store.folder(name)
    recorded = str((folder.done() or {}).get("device", "cpu"))
    device = "cuda" if recorded.startswith("cuda") and has_gpu() else "cpu"
    data = moved_loader(options, [folder.trial()])(*data_of(folder.trial()))
    result = reproduce(store, name, data, device)
    print("\n".join(lines(name, result, device)))
    return DIFFERS if result.mismatches or result.lacking else SAME


def whole_key(root: Path, word: str) -> str:
    """Returns the only key that equals `word`, or that begins or ends with it.

    Raises UsageError if there is none, or more than one.
    """
    keys = sorted(path.parent.name for path in root.glob("trials/*/trial.json"))
    if not keys:
        raise UsageError(
            f"{root} contains no trials. Give the folder that contains trials/: --results results."
        )
    matches = [key for key in keys if key == word]
    matches = matches or [key for key in keys if key.startswith(word) or key.endswith(word)]
    if not matches:
        raise UsageError(
            f"No trial in {root} has the key {word!r}. {did_you_mean(word, keys)}"
            f"There are {len(keys)}, such as {keys[0]}."
        )
    if len(matches) > 1:
        more = f" and {len(matches) - SHOWN} more" if len(matches) > SHOWN else ""
        raise UsageError(
            f"{len(matches)} trials begin or end with {word!r}. Give one of them: "
            f"{', '.join(matches[:SHOWN])}{more}."
        )
    return matches[0]


def lines(name: str, result: "Reproduction", device: str) -> list[str]:
    """Describes in lines what is equal, what differs, and which circumstances differ."""
    left_out = "without times"
    if result.not_measured:
        left_out += f"; measured later and not again: {', '.join(result.not_measured)}"
    parts = []
    if result.lacking:
        parts.append(f"{name}: epochs {', '.join(map(str, result.lacking))} have no row this time")
    if not result.mismatches:
        return [
            *parts,
            f"{name}: all {result.rows} rows the same, bit by bit ({left_out})",
            *_how(result),
        ]
    parts.append(
        f"{name}: {len(result.mismatches)} columns differ in {result.rows} rows ({left_out})"
    )
    for one in result.mismatches[:SHOWN]:
        size = "" if one.largest is None else f", at most {one.largest:.2g} of the value"
        parts.append(
            f"  {one.column}: first at epoch {one.first}, {one.before!r} before and {one.now!r} "
            f"now; {one.epochs} epochs{size}"
        )
    if len(result.mismatches) > SHOWN:
        parts.append(f"  and {len(result.mismatches) - SHOWN} more columns")
    if device != "cpu":
        parts.append("On a GPU, equal numbers bit by bit are not guaranteed.")
    return [*parts, *_how(result)]


def _how(result: "Reproduction") -> list[str]:
    """Returns lines about circumstances that differ, or one line if columns differ without any."""
    if not result.circumstances:
        same = "Code, PyTorch, threads, device and host equal the recorded ones."
        return [same] if result.mismatches else []
    return [
        f"  {name} was {before}, and is {now}"
        for name, (before, now) in result.circumstances.items()
    ]
