"""Grids: the product of axes over trials, and trials moved to another data set."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

from scaling.errors import UsageError, known
from scaling.trial.catalog import DATASETS, RESIDUAL
from scaling.trial.keys import Kind, Trial
from scaling.trial.kinds import READ_WHERE, VaeTrial
from scaling.trial.source import SAMPLES, Source


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
    if alien or (inner and not isinstance(trial, VaeTrial)):
        raise UsageError(f"A {trial.kind} trial has no {known(alien or {'source'})}.")
    if inner and isinstance(trial, VaeTrial):
        outer["source"] = _replace_source(outer.get("source", trial.source), inner)
    return replace(trial, **_unread(trial, outer), **outer)


def _unread(trial: Trial, changes: dict[str, Any]) -> dict[str, Any]:
    """Defaults of the fields that were not asked for and that the changed trial does not read."""
    if not isinstance(trial, VaeTrial):
        return {}
    return {
        name: getattr(VaeTrial, name)
        for name, (owner, readers) in READ_WHERE.items()
        if name not in changes and owner in changes and changes[owner] not in readers
    }


def _replace_source(source: Source, inner: dict[str, Any]) -> Source:
    """What concerns samples changes only the sources that read samples."""
    if inner.get("real_share", source.real_share) == 1:
        inner = {name: value for name, value in inner.items() if name not in SAMPLES}
    return replace(source, **inner)


def on_dataset(trials: Iterable[Kind], dataset: str) -> list[Kind]:
    """The trials on another data set: its network, likelihood, K, lr and batch, all its images."""
    row = DATASETS.get(dataset)
    settings = {"mixtures": VaeTrial.mixtures} | (row.settings if row else RESIDUAL)
    return list(dict.fromkeys(_moved(trial, dataset, settings) for trial in trials))


def _moved(trial: Kind, dataset: str, settings: dict[str, Any]) -> Kind:
    more = settings if isinstance(trial, VaeTrial) else {}
    return replace(trial, dataset=dataset, train_size=None, **more)
