"""`scaling-vae reproduce KEY`: trains one finished trial again, and compares its rows."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling.cli.options import Parser, add_data, add_module, add_results
from scaling.errors import UsageError, did_you_mean
from scaling.planning.hardware import has_gpu

if TYPE_CHECKING:
    from scaling.runs.again import Again

SAME, DIFFERS = 0, 1
SHOWN = 10  # columns, or names of trials, that are listed


def add_to(words: Any) -> None:
    """Adds the word and its options to the command line."""
    made: Parser = words.add_parser(
        "reproduce",
        help="train one finished trial again and compare its rows",
        description="Trains one finished trial again in a temporary folder, without Ray, and "
        "compares its rows: 0 all the same, 1 some differ.",
    )
    made.add_argument("key", metavar="KEY", help="of the trial, its beginning or its hash")
    add_results(made)
    add_data(made)
    add_module(made)
    made.set_defaults(command=run)


def run(options: Namespace) -> int:
    """Prints whether the trial gives the same rows again; returns the exit code."""
    from scaling.data import datasets
    from scaling.runs.again import again
    from scaling.storage.store import Store
    from scaling.trial import data_of

    store = Store(options.results.absolute())
    name = whole_key(store.root, options.key)
    folder = store.folder(name)
    recorded = str((folder.done() or {}).get("device", "cpu"))
    device = "cuda" if recorded.startswith("cuda") and has_gpu() else "cpu"
    data = datasets.loader(options.data_root, options.offline)(*data_of(folder.trial()))
    found = again(store, name, data, device)
    print("\n".join(lines(name, found, device)))
    return DIFFERS if found.mismatches or found.lacking else SAME


def whole_key(root: Path, word: str) -> str:
    """Returns the one key that is `word`, or begins or ends with it.

    Raises UsageError where there is none, or several.
    """
    keys = sorted(path.parent.name for path in root.glob("trials/*/trial.json"))
    if not keys:
        raise UsageError(
            f"{root} holds no trials. Give the folder in which trials/ lies: --results results."
        )
    found = [key for key in keys if key == word]
    found = found or [key for key in keys if key.startswith(word) or key.endswith(word)]
    if not found:
        raise UsageError(
            f"No trial in {root} has the key {word!r}. {did_you_mean(word, keys)}"
            f"There are {len(keys)}, such as {keys[0]}."
        )
    if len(found) > 1:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise UsageError(
            f"{len(found)} trials begin or end with {word!r}. Name one: "
            f"{', '.join(found[:SHOWN])}{more}."
        )
    return found[0]


def lines(name: str, found: "Again", device: str) -> list[str]:
    """What is the same, what is not, and what was not the same about how it was made."""
    left_out = "times excepted"
    if found.not_measured:
        left_out += f"; measured later and not again: {', '.join(found.not_measured)}"
    said = []
    if found.lacking:
        said.append(f"{name}: epochs {', '.join(map(str, found.lacking))} have no row this time")
    if not found.mismatches:
        return [
            *said,
            f"{name}: all {found.rows} rows the same, bit by bit ({left_out})",
            *_how(found),
        ]
    said.append(f"{name}: {len(found.mismatches)} columns differ in {found.rows} rows ({left_out})")
    for one in found.mismatches[:SHOWN]:
        size = "" if one.largest is None else f", at most {one.largest:.2g} of the value"
        said.append(
            f"  {one.column}: first at epoch {one.first}, {one.before!r} before and {one.now!r} "
            f"now; {one.epochs} epochs{size}"
        )
    if len(found.mismatches) > SHOWN:
        said.append(f"  and {len(found.mismatches) - SHOWN} columns more")
    if device != "cpu":
        said.append("On a GPU the same numbers are not promised bit by bit.")
    return [*said, *_how(found)]


def _how(found: "Again") -> list[str]:
    """The circumstances that differ; where none does, that is said of what differs."""
    if not found.circumstances:
        same = "Code, PyTorch, threads, device and host are those recorded."
        return [same] if found.mismatches else []
    return [
        f"  {name} was {before}, and is {now}"
        for name, (before, now) in found.circumstances.items()
    ]
