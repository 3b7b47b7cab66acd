"""Trials: what is trained, named by what changes its result; grids over their fields (section 4).

Standard library only, so that plans, keys and command lines need neither torch nor Ray.
"""

import functools
import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace
from pathlib import PurePath
from typing import Any, TypeVar

from scaling.checked import UsageError, known
from scaling.kinds import READ_WHERE
from scaling.kinds import DiffusionTrial as DiffusionTrial
from scaling.kinds import TwoSampleTrial as TwoSampleTrial
from scaling.kinds import VaeTrial as VaeTrial
from scaling.shapes import DATASETS, RESIDUAL
from scaling.source import DMAAPX as DMAAPX
from scaling.source import NORMAL as NORMAL
from scaling.source import SAMPLES, Source
from scaling.source import SOURCES as SOURCES
from scaling.source import parse_source as parse_source

Trial = VaeTrial | DiffusionTrial | TwoSampleTrial
Kind = TypeVar("Kind", VaeTrial, DiffusionTrial, TwoSampleTrial)
KINDS: dict[str, type[Trial]] = {
    "vae": VaeTrial,
    "diffusion": DiffusionTrial,
    "two_sample": TwoSampleTrial,
}


def to_dict(trial: Trial) -> dict[str, Any]:
    """The JSON form, as in `trial.json`: the kind and every field."""
    return {"kind": trial.kind} | asdict(trial)


def from_dict(values: dict[str, Any]) -> Trial:
    """The trial of a `trial.json`; raises UsageError for unknown kinds and fields."""
    kind = values.get("kind")
    if kind not in KINDS:
        raise UsageError(f"Unknown kind of trial {kind!r}. Known: {known(KINDS)}.")
    return KINDS[kind].from_dict({name: v for name, v in values.items() if name != "kind"})


@functools.cache
def key(trial: Trial) -> str:
    """Readable part and hash of what changes the result.

    Fields at their default are left out of the hash, so that a later option renames no old trial;
    the store refuses a key whose `trial.json` says otherwise.
    """
    values = _changed(trial)
    text = json.dumps({"kind": trial.kind} | values, sort_keys=True, separators=(",", ":"))
    readable = _readable(trial)
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "_", readable)[:80]
    return f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _readable(trial: Trial) -> str:
    name = PurePath(trial.dataset).stem
    if isinstance(trial, DiffusionTrial):
        return f"{name}-edm-c{trial.channels}-share{trial.share:g}-s{trial.seed}"
    if isinstance(trial, TwoSampleTrial):
        return f"{name}-two_sample-share{trial.share:g}-s{trial.seed}"
    return f"{name}-mz{trial.m_z}-nc{trial.n_c}-{trial.source.name}-s{trial.seed}"


def group_name(trial: Trial) -> str:
    """The name of what a trial has in common with its other seeds."""
    return key(replace(trial, seed=0)).replace("-s0-", "-")


Data = tuple[str, str]


def data_of(trial: Trial) -> Data:
    """The data set, and how BinaryMNIST is made of it: what `datasets.load` needs to know."""
    return trial.dataset, trial.binarise if isinstance(trial, VaeTrial) else VaeTrial.binarise


def headline(trial: Trial) -> dict[str, Any]:
    """What tells a trial from others: its axes and the fields that are not at their default."""
    changed = _changed(trial)
    if not isinstance(trial, VaeTrial):
        return {"kind": trial.kind, "dataset": trial.dataset} | changed
    changed |= {f"source.{name}": value for name, value in changed.pop("source", {}).items()}
    axes = {name: getattr(trial, name) for name in ("dataset", "m_z", "n_c", "seed", "lr", "batch")}
    return axes | changed | {"source": trial.source.name}


def _changed(trial: Any) -> dict[str, Any]:
    """The fields that differ from their default, sources inside included."""
    changed = {}
    for field in fields(trial):
        value = getattr(trial, field.name)
        if value != field.default:
            changed[field.name] = _changed(value) if isinstance(value, Source) else value
    return changed


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
