"""Defines the metrics of section 2 and Appendices B, D, F and G, one module each with its name.

A module has `COLUMNS`, the names of its numbers; `Settings`, its options with the paper's
defaults; and `measure(subject, settings)`, which returns numbers for the row and arrays for
pictures. A file given by `--module` adds the user's own metrics to EXTRA.
"""

import math
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING

import numpy as np

from scaling.errors import UsageError, did_you_mean, listed
from scaling.metrics.options import OPTIONS, changed
from scaling.metrics.reserved_names import ABSENT, ARRAYS, is_reserved
from scaling.trial.schedule import MetricSettings

if TYPE_CHECKING:
    from scaling.metrics.subject import Subject

Numbers = dict[str, float | str]
Arrays = dict[str, np.ndarray]
PARTS = ("COLUMNS", "Settings", "measure")
EXTRA: dict[str, ModuleType] = {}  # metrics of the user's modules, by name


@cache  # only successful look-ups are cached
def find(name: str) -> ModuleType:
    """Returns the metric whose module or one of whose columns has that name.

    Raises UsageError if there is none.
    """
    metrics = _built_in() | EXTRA
    for own, metric in metrics.items():
        if name == own or name in metric.COLUMNS:
            return metric
    near = did_you_mean(name, {*metrics}.union(*(m.COLUMNS for m in metrics.values())))
    raise UsageError(
        f"Unknown metric {name!r}. {near}Known: {listed(metrics)}, or one of their columns."
    )


def _built_in() -> dict[str, ModuleType]:
    modules = [import_module(f"{__name__}.{info.name}") for info in iter_modules(__path__)]
    return {_name(module): module for module in modules if hasattr(module, "COLUMNS")}


def check_added() -> None:
    """Raises UsageError if a metric of EXTRA lacks a part or uses a name that is taken.

    Taken are the names of other metrics, and the columns of rows and trials.
    """
    owners = {name: own for own, metric in _built_in().items() for name in (own, *metric.COLUMNS)}
    for own, metric in EXTRA.items():
        for part in PARTS:
            if not hasattr(metric, part):
                raise UsageError(f"the metric {own} has no {part}. It needs {listed(PARTS)}.")
        if isinstance(metric.COLUMNS, str):
            raise UsageError(
                f"the COLUMNS of the metric {own} are one text. Give a tuple of names, such as "
                f'("{own}",).'
            )
        if lost := [name for name in metric.COLUMNS if is_reserved(name)]:
            raise UsageError(
                f"the metric {own} defines {lost[0]}, a column that rows or trials have anyway. "
                "Give it another name."
            )
        for name in (own, *(name for name in metric.COLUMNS if name != own)):
            if name in owners:
                raise UsageError(
                    f"the metric {own} defines {name}, which {owners[name]} already defines. "
                    "Give it another name."
                )
            owners[name] = own


def settings(names: Sequence[str], words: Sequence[str]) -> MetricSettings:
    """Converts `FIELD=VALUE` words of the command line to settings of the metrics with that field.

    Raises UsageError for a field that none of the metrics `names` has.
    """
    chosen: dict[str, dict[str, object]] = {_name(find(name)): {} for name in names}
    for word in words:
        field, _, text = word.partition("=")
        owners = [name for name in chosen if field in find(name).Settings.__dataclass_fields__]
        for name in owners:
            chosen[name][field] = find(name).Settings.parse(field, text)
        if not owners:
            fields = {f for name in chosen for f in find(name).Settings.__dataclass_fields__}
            near = did_you_mean(field, fields)
            raise UsageError(
                f"No chosen metric has the setting {field!r}. {near}Known: {listed(fields)}."
            )
    return chosen


def compute(
    subject: "Subject", names: Sequence[str], options: MetricSettings = MappingProxyType({})
) -> tuple[Numbers, Arrays]:
    """Measures these metrics of the VAE; `options` change their settings.

    Returns numbers for the row, with the options that are not the defaults as `METRIC_options`
    (`scaling.metrics.options`), and arrays. Numbers that are not finite are left out;
    `METRIC_absent` then lists them. Raises UsageError if a metric of EXTRA returns other names than
    its COLUMNS and `METRIC_absent`, or arrays of a built-in metric.
    """
    numbers: Numbers = {}
    arrays: Arrays = {}
    for metric in dict.fromkeys(find(name) for name in names):
        chosen = metric.Settings(**options.get(_name(metric), {}))
        values, metric_arrays = metric.measure(subject, chosen)
        _check_measured(metric, values, metric_arrays)
        lost = [name for name, v in values.items() if isinstance(v, float) and not math.isfinite(v)]
        if lost:
            values = {name: value for name, value in values.items() if name not in lost}
            values[f"{_name(metric)}{ABSENT}"] = f"not finite: {', '.join(lost)}"
        numbers |= values | _options(metric, values, changed(chosen, subject))
        arrays |= metric_arrays
    return numbers, arrays


def _options(metric: ModuleType, numbers: Numbers, text: str) -> Numbers:
    """Returns the columns that name the options of these numbers, {} if there are none.

    A user's metric has one for each number, so that its name alone shows to which it belongs.
    """
    columns = [name for name, value in numbers.items() if not isinstance(value, str)]
    names = columns if (own := _name(metric)) in EXTRA else [own] * bool(columns)
    return {f"{name}{OPTIONS}": text for name in names} if text else {}


def _check_measured(metric: ModuleType, numbers: Numbers, arrays: Arrays) -> None:
    """Raises UsageError for names of a user's metric that would replace other numbers or arrays."""
    own = _name(metric)
    if own not in EXTRA:
        return
    if wrong := numbers.keys() - {*metric.COLUMNS, f"{own}{ABSENT}"}:
        raise UsageError(
            f"The metric {own} returns {listed(wrong)}, which its COLUMNS do not name. Add them "
            f"there, or return {listed(metric.COLUMNS)} alone."
        )
    if wrong := arrays.keys() & ARRAYS:
        raise UsageError(
            f"The metric {own} returns arrays named {listed(wrong)}, as the project's own are. "
            f"Name them after the metric, such as {own}_{min(wrong)}."
        )


def _name(metric: ModuleType) -> str:
    added = {id(module): name for name, module in EXTRA.items()}
    return added.get(id(metric)) or metric.__name__.rpartition(".")[2]
