"""Modules of the user's own, `--module my_models.py`, that add to the project's dicts.

`OPEN` names those dicts. A module is imported once in a process and under its own name: by the
command that it is given to, and by every worker process before it reads a trial.
"""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from scaling.errors import UsageError, listed

OPEN = (  # what a name in the dict stands for, the module that has the dict, the dict
    ("network", "scaling.models.networks", "NETWORKS"),
    ("network", "scaling.models.layers", "VAE_LAYERS"),
    ("likelihood", "scaling.models.likelihoods", "LIKELIHOODS"),
    ("likelihood", "scaling.trial.catalog", "LIKELIHOODS"),
    ("likelihood", "scaling.models.layers", "WIDTHS"),
    ("dataset", "scaling.trial.catalog", "DATASETS"),
    ("dataset", "scaling.data.datasets", "LOADERS"),
    ("metric", "scaling.metrics", "EXTRA"),
)
HINT = "What is your own is known with --module FILE.py"


@dataclass(frozen=True)
class Module:
    """A module of the user's: what to type for it, its name, the folder that it is imported from.

    Word and folder are the same from every working directory.
    """

    word: str
    name: str
    folder: str

    @property
    def file(self) -> Path:
        """Where it is imported from; of a package its first file."""
        path = Path(self.folder, *self.name.split("."))
        return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


ADDED: dict[tuple[str, str], Module] = {}  # what is in use here, such as ("network", "pooling")
_loaded: list[Module] = []


class UnknownName(UsageError):
    """A network, likelihood or data set that neither the project nor a loaded module has."""


def loaded() -> tuple[Module, ...]:
    """The modules of this process, for its worker processes to load too."""
    return tuple(_loaded)


def known(what: str, built_in: Iterable[str] = ()) -> set[str]:
    """The names of the project and those that have been added, without importing anything."""
    dicts = [
        getattr(sys.modules[module], name)
        for kind, module, name in OPEN
        if kind == what and module in sys.modules
    ]
    return {*built_in, *(key for names in dicts for key in names)}


def needed(values: dict[str, Any]) -> dict[str, str]:
    """Which fields of a trial are from a module, and what to type for that."""
    return {what: m.word for (what, name), m in ADDED.items() if values.get(what) == name}


def find(word: str) -> Module:
    """The module of a path/to/file.py or of a dotted name; raises UsageError where none is."""
    if not word.endswith(".py") and "/" not in word:
        return Module(word, word, str(_folder(word)))
    file = Path(word).absolute()
    if not file.is_file():
        raise UsageError(f"--module {word}: there is no such file. Give the path of a Python file.")
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise UsageError(
            f"--module {word}: Python cannot import a file of that name. Call it such as "
            "my_models.py."
        )
    return Module(str(file), file.stem, str(file.parent))


def _folder(dotted: str) -> Path:
    """Where the package of a dotted name lies; the working directory counts too."""
    top = dotted.split(".")[0]
    if not all(part.isidentifier() for part in dotted.split(".")):
        raise UsageError(f"--module {dotted}: a file.py or a dotted name is expected.")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    spec = importlib.util.find_spec(top)
    if spec is None:
        raise UsageError(
            f"--module {dotted}: Python finds no module {top!r}. Install it, or give the path of "
            "its file."
        )
    places = list(spec.submodule_search_locations or []) or [spec.origin or here]
    return Path(places[0]).absolute().parent


def load(module: Module) -> None:
    """Imports the module, once; raises UsageError that names it where it does not load.

    Then none of the project's dicts has changed.
    """
    if module in _loaded:
        return
    path = [*sys.path, module.folder]
    _check_name_is_free(module, path)
    with _additions(module):
        if module.folder not in sys.path:
            sys.path[:] = path
        try:
            importlib.import_module(module.name)
        except SyntaxError as error:
            raise UsageError(
                f"--module {module.word} is not Python: {error.msg}, line {error.lineno}. Mend it."
            ) from None
        except (Exception, SystemExit) as error:  # whatever a module may raise
            raise UsageError(f"--module {module.word} {_raised(module, error)}. Mend it.") from None
    _loaded.append(module)


def load_all(modules: Iterable[Module]) -> None:
    """`load` of each, in a worker process: what its command has loaded."""
    for module in modules:
        load(module)


def _check_name_is_free(module: Module, path: list[str]) -> None:
    """A file must not have the name of another module: importing it would give that one."""
    if not module.word.endswith(".py"):
        return
    there, spec = sys.modules.get(module.name), None
    if there is None:
        spec = importlib.util.find_spec(module.name) or PathFinder.find_spec(module.name, path)
    found = getattr(there, "__file__", None) if there else getattr(spec, "origin", None)
    origin: str | None = found
    if origin is None or not Path(origin).exists() or not Path(module.word).samefile(origin):
        raise UsageError(
            f"--module {module.word}: there is another module {module.name!r} in Python"
            f"{f' ({origin})' if origin else ''}. Rename the file."
        )


def _raised(module: Module, error: BaseException) -> str:
    """`raises ValueError: ..., line 3`, by the last line of the module that was reached."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == module.word]
    text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
    return f"raises {text}" + (f", line {lines[-1]}" if lines else "")


@contextmanager
def _additions(module: Module) -> Iterator[None]:
    """Notes what is added inside; takes it back, and raises, where a name was there before."""
    owners = [(what, importlib.import_module(name), attribute) for what, name, attribute in OPEN]
    dicts = [(what, getattr(owner, attribute)) for what, owner, attribute in owners]
    before, path = [dict(names) for _, names in dicts], list(sys.path)
    try:
        yield
        for (what, names), old in zip(dicts, before, strict=True):
            taken = [name for name, value in old.items() if names.get(name) is not value]
            if taken:
                raise UsageError(
                    f"--module {module.word}: the {what} {listed(taken)} exists already. "
                    "Add it under another name."
                )
        for owner in {id(owner): owner for _, owner, _ in owners}.values():
            _check(module, owner)
    except BaseException:
        for (_, names), old in zip(dicts, before, strict=True):
            names.clear()
            names.update(old)
        sys.path[:] = path
        sys.modules.pop(module.name, None)
        raise
    for (what, names), old in zip(dicts, before, strict=True):
        ADDED.update({(what, name): module for name in names if name not in old})


def _check(module: Module, owner: ModuleType) -> None:
    """What the owner of a dict asks of its additions, by its function `check_added`."""
    check = getattr(owner, "check_added", None)
    try:
        if check:
            check()
    except UsageError as error:
        raise UsageError(f"--module {module.word}: {error}") from None
