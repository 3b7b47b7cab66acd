"""Loads the user's own modules, `--module my_models.py`, which add entries to the project's dicts.

`OPEN` lists those dicts. A process imports a module once, under its own name: the command with the
flag does, and so does every worker process before it reads a trial.
"""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from scaling.errors import UsageError, listed

OPEN = (  # what the keys of the dict name, the module of the dict, the name of the dict
    ("network", "scaling.models.networks", "NETWORKS"),
    ("network", "scaling.models.layers", "VAE_LAYERS"),
    ("likelihood", "scaling.models.likelihoods", "LIKELIHOODS"),
    ("likelihood", "scaling.trial.catalog", "LIKELIHOODS"),
    ("likelihood", "scaling.models.layers", "WIDTHS"),
    ("dataset", "scaling.trial.catalog", "DATASETS"),
    ("dataset", "scaling.data.datasets", "LOADERS"),
    ("metric", "scaling.metrics", "EXTRA"),
)
HINT = "Load a module that defines your own with --module FILE.py"


@dataclass(frozen=True)
class Module:
    """Describes a user's module: the word after --module, its name, the folder it is imported from.

    Word and folder are valid from every working directory.
    """

    word: str
    name: str
    folder: str

    @property
    def file(self) -> Path:
        """Returns the path of the module's file; for a package, of its `__init__.py`."""
        path = Path(self.folder, *self.name.split("."))
        return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


ADDED: dict[tuple[str, str], Module] = {}  # the module of an entry such as ("network", "pooling")
_loaded: list[Module] = []


class UnknownName(UsageError):
    """Reports a network, likelihood or data set that no loaded module defines."""


def loaded() -> tuple[Module, ...]:
    """Returns the modules that this process has loaded; its worker processes load them, too."""
    return tuple(_loaded)


def known(what: str, built_in: Iterable[str] = ()) -> set[str]:
    """Returns all names of one sort, built in and added, without importing anything.

    `what` is network, likelihood, dataset or metric.
    """
    dicts = [
        getattr(sys.modules[module], name)
        for kind, module, name in OPEN
        if kind == what and module in sys.modules
    ]
    return {*built_in, *(key for names in dicts for key in names)}


def needed(values: Mapping[str, object]) -> dict[str, str]:
    """Returns the fields whose values a user's module defines, each with its --module word."""
    return {what: m.word for (what, name), m in ADDED.items() if values.get(what) == name}


def find(word: str) -> Module:
    """Returns the module at a path/to/file.py or with a dotted name.

    Raises UsageError if there is none.
    """
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
    """Returns the folder that contains the package of a dotted name.

    The working directory is searched, too.
    """
    top = dotted.split(".")[0]
    if not all(part.isidentifier() for part in dotted.split(".")):
        raise UsageError(
            f"--module {dotted} is neither a Python file nor a dotted name. "
            "Give one, such as my_models.py."
        )
    working_folder = str(Path.cwd())
    if working_folder not in sys.path:
        sys.path.append(working_folder)
    spec = importlib.util.find_spec(top)
    if spec is None:
        raise UsageError(
            f"--module {dotted}: Python finds no module {top!r}. Install it, or give the path of "
            "its file."
        )
    places = list(spec.submodule_search_locations or []) or [spec.origin or working_folder]
    return Path(places[0]).absolute().parent


def load(module: Module) -> None:
    """Imports the module, unless this process has already done so.

    Raises UsageError that names the module if it cannot be loaded; the project's dicts are then
    unchanged.
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
                f"--module {module.word} is not Python: {error.msg}, line {error.lineno}. "
                "Correct it."
            ) from None
        except (Exception, SystemExit) as error:  # a user's module may raise anything
            raised = _raised(module, error)
            raise UsageError(f"--module {module.word} {raised}. Correct it.") from None
    _loaded.append(module)


def load_all(modules: Iterable[Module]) -> None:
    """Loads the modules in a worker process that the command has loaded."""
    for module in modules:
        load(module)


def _check_name_is_free(module: Module, path: list[str]) -> None:
    """Raises UsageError if another module has the file's name: importing would load that one."""
    if not module.word.endswith(".py"):
        return
    loaded_module, spec = sys.modules.get(module.name), None
    if loaded_module is None:
        spec = importlib.util.find_spec(module.name) or PathFinder.find_spec(module.name, path)
    file = (
        getattr(loaded_module, "__file__", None) if loaded_module else getattr(spec, "origin", None)
    )
    origin: str | None = file
    if origin is None or not Path(origin).exists() or not Path(module.word).samefile(origin):
        raise UsageError(
            f"--module {module.word}: there is another module {module.name!r} in Python"
            f"{f' ({origin})' if origin else ''}. Rename the file."
        )


def _raised(module: Module, error: BaseException) -> str:
    """Returns `raises ValueError: ..., line 3`, with the last line of the module that was run."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == module.word]
    text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
    return f"raises {text}" + (f", line {lines[-1]}" if lines else "")


@contextmanager
def _additions(module: Module) -> Iterator[None]:
    """Records the entries that the block adds to the project's dicts.

    Undoes them and raises UsageError if a name existed before.
    """
    owners = [(what, importlib.import_module(name), attribute) for what, name, attribute in OPEN]
    dicts = [(what, getattr(owner, attribute)) for what, owner, attribute in owners]
    before, path = [dict(names) for _, names in dicts], list(sys.path)
    try:
        yield
        for (what, names), old in zip(dicts, before, strict=True):
            replaced = [name for name, value in old.items() if names.get(name) is not value]
            if replaced:
                raise UsageError(
                    f"--module {module.word}: the {what} {listed(replaced)} exists already. "
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
    """Calls the function `check_added`, if any, of the module that owns a dict with additions."""
    check = getattr(owner, "check_added", None)
    try:
        if check:
            check()
    except UsageError as error:
        raise UsageError(f"--module {module.word}: {error}") from None
