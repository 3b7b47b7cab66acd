"""Builds grids, the product of axes over trials, and moves trials to another data set."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from scaling.errors import UsageError, listed
from scaling.trial.catalog import DATASETS, RESIDUAL, VaeSettings
from scaling.trial.keys import Kind, Trial
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
    # With the same point for all, only trials that differ in other fields remain different.
    distinct = dict.fromkeys(_replace(trial, points[0]) for trial in base)
    made = (_replace(trial, point) for trial in distinct for point in points)
    return list(dict.fromkeys(made))


def _replace(trial: Kind, changes: Changes) -> Kind:
    inner = {name[len("source.") :]: v for name, v in changes.items() if name.startswith("source.")}
    outer = {name: v for name, v in changes.items() if not name.startswith("source.")}
    if unknown := set(outer) - trial.__dataclass_fields__.keys():
        raise UsageError(f"A {trial.kind} trial has no {listed(unknown)}.")
    return trial.replaced(outer, inner)


def on_dataset(trials: Iterable[Kind], dataset: str) -> list[Kind]:
    """Returns the trials on all images of another data set.

    They take its network, likelihood, K, lr and batch.
    """
    entry = DATASETS.get(dataset)
    settings: VaeSettings = {"mixtures": VaeTrial.mixtures}
    settings |= entry.settings if entry else RESIDUAL
    return list(dict.fromkeys(trial.on_dataset(dataset, settings) for trial in trials))
