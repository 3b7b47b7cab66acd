"""Grids: the product of axes over trials, and trials moved to another data set."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from scaling.errors import UsageError, listed
from scaling.trial.catalog import DATASETS, RESIDUAL
from scaling.trial.keys import Kind, Trial
from scaling.trial.vae import VaeTrial


def grid(trials: Kind | Iterable[Kind], **axes: Sequence[Any]) -> list[Kind]:
    """The product of the axes over each trial, duplicates collapsed, in order.

    An axis over a field that the trials differ in replaces that field: so a command line overrides
    a preset. `source.NAME` (written `**{"source.NAME": values}`) is an axis inside the source.
    """
    base = [trials] if isinstance(trials, Trial) else list(trials)
    for name in axes:
        if not axes[name]:
            raise UsageError(f"The axis {name} is empty.")
    points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    apart = dict.fromkeys(_replace(trial, points[0]) for trial in base)  # by other fields
    made = (_replace(trial, point) for trial in apart for point in points)
    return list(dict.fromkeys(made))


def _replace(trial: Kind, changes: dict[str, Any]) -> Kind:
    inner = {name[len("source.") :]: v for name, v in changes.items() if name.startswith("source.")}
    outer = {name: v for name, v in changes.items() if not name.startswith("source.")}
    alien = set(outer) - {field.name for field in fields(trial)}
    if alien:
        raise UsageError(f"A {trial.kind} trial has no {listed(alien)}.")
    return trial.replaced(outer, inner)


def on_dataset(trials: Iterable[Kind], dataset: str) -> list[Kind]:
    """The trials on another data set: its network, likelihood, K, lr and batch, all its images."""
    row = DATASETS.get(dataset)
    settings = {"mixtures": VaeTrial.mixtures} | (row.settings if row else RESIDUAL)
    return list(dict.fromkeys(trial.on_dataset(dataset, settings) for trial in trials))
