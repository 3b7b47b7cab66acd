"""A trial's key: a readable part and a hash of what changes its result; and its JSON form.

Standard library only, as all of `scaling.trial`: plans and command lines start without torch.
"""

import functools
import hashlib
import json
import re
from dataclasses import asdict, fields, replace
from pathlib import PurePath
from typing import Any, TypeVar

from scaling.errors import UsageError, known
from scaling.trial.kinds import DiffusionTrial, TwoSampleTrial, VaeTrial
from scaling.trial.source import Source

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
