"""Builds grids, the product of axes over trials, and moves trials to another data set."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from scaling.errors import UsageError, listed
from scaling.trial.catalog import DATASETS, RESIDUAL, VaeSettings
from scaling.trial.keys import Kind, Trial
from scaling.trial.source import Source
from scaling.trial.vae import VaeTrial
from scaling.trial.validation import Changes


def grid(trials: Kind | Iterable[Kind], **axes: Sequence[Any]) -> list[Kind]:
    """Returns every trial with every combination of the axes' values, in order, without duplicates.

    An axis over a field in which the trials differ replaces the values of that field; this is how
    a command line overrides a preset. `source.NAME` (written `**{"source.NAME": values}`) is an
    axis inside the source. Raises UsageError for an empty axis and for an unknown field.
    """
    base = [trials] if isinstance(trials, Trial) else list(trials)
    for name in axes:
        if not axes[name]:
            raise UsageError(f"The axis {name} is empty. Give at least one value.")
    if not axes:
        return list(dict.fromkeys(base))
    points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    # Each point changes the trials as given: a field that one point resets is there for the others.
    distinct: dict[object, Kind] = {}
    for trial in base:
        distinct.setdefault(besides(trial, axes), trial)
    combinations = (_replace(trial, point) for trial in distinct.values() for point in points)
    return list(dict.fromkeys(combinations))


def besides(trial: Trial, axes: Iterable[str]) -> tuple[object, ...]:
    """Returns the kind and the values of all fields but those that the axes replace."""
    replaced = {*axes}
    values: list[object] = [trial.kind]
    for name in trial.__dataclass_fields__:
        value = getattr(trial, name)
        if name not in replaced:
            inner = value.__dataclass_fields__ if isinstance(value, Source) else ()
            values += [getattr(value, n) for n in inner if f"{name}.{n}" not in replaced] or [value]
    return tuple(values)


def _replace(trial: Kind, changes: Changes) -> Kind:
    inner = {name[len("source.") :]: v for name, v in changes.items() if name.startswith("source.")}
    outer = {name: v for name, v in changes.items() if not name.startswith("source.")}
    if unknown := set(outer) - trial.__dataclass_fields__.keys():
        raise UsageError(f"A {trial.kind} trial has no {listed(unknown)}.")
    return trial.replaced(outer, inner)


def on_dataset(trials: Iterable[Kind], dataset: str) -> list[Kind]:
    """Returns the trials on all images of another data set.

    They take its network, likelihood, K, lr and batch. Sizes of D_train and rates that are an axis
    of the trials stay: they are what the study compares.
    """
    base = list(trials)
    entry = DATASETS.get(dataset)
    settings: VaeSettings = {"mixtures": VaeTrial.mixtures}
    settings |= entry.settings if entry else RESIDUAL
    axes = [name for name in ("train_size", "lr") if _is_axis(base, name)]
    copies = (
        _replace(trial.on_dataset(dataset, settings), {name: getattr(trial, name) for name in axes})
        for trial in base
    )
    return list(dict.fromkeys(copies))


def _is_axis(trials: Iterable[Trial], name: str) -> bool:
    """Returns True if some trials differ in this field alone."""
    distinct = dict.fromkeys(trials)
    return len({besides(trial, [name]) for trial in distinct}) < len(distinct)
