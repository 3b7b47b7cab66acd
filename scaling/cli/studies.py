"""Finds the installed studies and runs one of them: `scaling-vae study NAME`."""

import ast
import sys
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Never

import scaling
from scaling.errors import UsageError, did_you_mean, listed

FOLDER = Path(scaling.__file__).parents[1] / "studies"  # beside the package, installed or not
OTHERS = ("__init__", "evaluate")  # files in it that are not studies


def names() -> list[str]:
    """Returns the names of the studies."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in OTHERS)


def run(words: Sequence[str]) -> Never:
    """Runs the study that the first word names, as `scaling-vae study NAME` does.

    Raises UsageError, with the names of all studies, if there is no such study.
    """
    if not words or words[0] in ("-h", "--help"):
        print("\n".join(listing()), flush=True)
        if not words:
            raise UsageError("study needs a name. Type one of these: scaling-vae study NAME")
        sys.exit(0)
    if words[0] not in names():
        near = did_you_mean(words[0], names())
        raise UsageError(f"Unknown study {words[0]!r}. {near}Known: {listed(names())}.")
    _run_as_main(FOLDER / f"{words[0]}.py")
    sys.exit(0)


def listing() -> list[str]:
    """Returns a line for each study, from the first line of its docstring."""
    lines = (f"  {name:20}{about(FOLDER / f'{name}.py')}" for name in names())
    return ["usage: scaling-vae study NAME [OPTION ...]", "", "studies:", *lines]


def about(path: Path) -> str:
    """Returns the first line of a file's docstring without importing the file."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def _run_as_main(path: Path) -> None:
    """Runs a file as the main module; unlike with runpy, `sys.argv` stays as typed."""
    loader = SourceFileLoader("__main__", str(path))
    spec = spec_from_loader("__main__", loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules["__main__"] = module
    loader.exec_module(module)
