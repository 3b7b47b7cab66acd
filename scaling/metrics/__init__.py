"""The metrics of section 2 and Appendices B, D, F and G: one module each, found by its name.

A module has `COLUMNS`, the numbers that it makes; `Settings`, its options with the paper's
defaults; and `measure(subject, settings)`, which gives numbers for the row and arrays for pictures.
One of the user's own is put into EXTRA by a file that `--module` names.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np

from scaling.errors import UsageError, did_you_mean, listed
from scaling.metrics.subject import Subject

Options = Mapping[str, Mapping[str, Any]]  # metric -> its settings that are not at their default
Numbers = dict[str, float | str]
Arrays = dict[str, np.ndarray]
PARTS = ("COLUMNS", "Settings", "measure")
EXTRA: dict[str, ModuleType] = {}  # those of the user's modules, by the name that they have here


@cache  # of what is found: a refused name is looked up anew
def find(name: str) -> ModuleType:
    """The metric of that module's name, or one of whose numbers has it; else UsageError."""
    metrics = _built_in() | EXTRA
    for own, metric in metrics.items():
        if name == own or name in metric.COLUMNS:
            return metric
    near = did_you_mean(name, {*metrics}.union(*(m.COLUMNS for m in metrics.values())))
    raise UsageError(
        f"Unknown metric {name!r}. {near}Known: {listed(metrics)}, or a column of theirs."
    )


def _built_in() -> dict[str, ModuleType]:
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    return {_name(module): module for module in modules if hasattr(module, "COLUMNS")}


def check_added() -> None:
    """Raises UsageError where a metric of EXTRA lacks a part, or takes a name that is in use."""
    taken = {name: own for own, metric in _built_in().items() for name in (own, *metric.COLUMNS)}
    for own, metric in EXTRA.items():
        for part in PARTS:
            if not hasattr(metric, part):
                raise UsageError(f"the metric {own} has no {part}. It needs {listed(PARTS)}.")
        for name in (own, *(name for name in metric.COLUMNS if name != own)):
            if name in taken:
                raise UsageError(
                    f"the metric {own} makes {name}, which {taken[name]} makes already. "
                    "Give it another name."
                )
            taken[name] = own


def settings(names: Sequence[str], words: Sequence[str]) -> Options:
    """`FIELD=VALUE` of the command line, typed, for each of these metrics that has the field."""
    made: dict[str, dict[str, Any]] = {_name(find(name)): {} for name in names}
    for word in words:
        field, _, text = word.partition("=")
        owners = [name for name in made if field in find(name).Settings.__dataclass_fields__]
        for name in owners:
            made[name][field] = find(name).Settings.parse(field, text)
        if not owners:
            fields = {f for name in made for f in find(name).Settings.__dataclass_fields__}
            near = did_you_mean(field, fields)
            raise UsageError(
                f"No metric here has the setting {field!r}. {near}Known: {listed(fields)}."
            )
    return made


def compute(
    subject: Subject, names: Sequence[str], options: Options = MappingProxyType({})
) -> tuple[Numbers, Arrays]:
    """Numbers and arrays of these metrics for the VAE as it is; `options` change their settings."""
    numbers: Numbers = {}
    arrays: Arrays = {}
    for metric in dict.fromkeys(find(name) for name in names):
        made, shown = metric.measure(subject, metric.Settings(**options.get(_name(metric), {})))
        lost = [name for name, v in made.items() if isinstance(v, float) and not math.isfinite(v)]
        if lost:
            made = {name: value for name, value in made.items() if name not in lost}
            made[f"{_name(metric)}_absent"] = f"not finite: {', '.join(lost)}"
        numbers |= made
        arrays |= shown
    return numbers, arrays


def _name(metric: ModuleType) -> str:
    added = {id(module): name for name, module in EXTRA.items()}
    return added.get(id(metric)) or metric.__name__.rpartition(".")[2]
