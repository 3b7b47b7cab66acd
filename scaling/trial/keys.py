"""A trial's key: a readable part and a hash of what changes its result; and its JSON form.

Standard library only, as all of `scaling.trial`: plans and command lines start without torch.
"""

import functools
import hashlib
import json
import re
from dataclasses import asdict, fields
from pathlib import PurePath
from typing import Any, TypeVar

from scaling.errors import UsageError, did_you_mean, listed
from scaling.trial.diffusion import DiffusionTrial
from scaling.trial.extensions import UnknownName
from scaling.trial.source import Source
from scaling.trial.two_sample import TwoSampleTrial
from scaling.trial.vae import VaeTrial

Trial = VaeTrial | DiffusionTrial | TwoSampleTrial
Kind = TypeVar("Kind", VaeTrial, DiffusionTrial, TwoSampleTrial)
KINDS: dict[str, type[Trial]] = {
    kind.kind: kind for kind in (VaeTrial, DiffusionTrial, TwoSampleTrial)
}

# Fields that a later version removed, by kind, with what their default was; `source.NAME` of the
# source. A trial.json that has them at it is read as if they were absent: its key is the same.
REMOVED: dict[str, dict[str, Any]] = {}


def to_dict(trial: Trial) -> dict[str, Any]:
    """The JSON form, as in `trial.json`: the kind and every field.

    `trial.json` also has `modules` where the trial needs modules of the user's.
    """
    return {"kind": trial.kind} | asdict(trial)


def from_dict(values: dict[str, Any]) -> Trial:
    """The trial of a `trial.json`; raises UsageError for unknown kinds and fields."""
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        near = did_you_mean(str(kind), KINDS)
        raise UsageError(f"Unknown kind of trial {kind!r}. {near}Known: {listed(KINDS)}.")
    modules = values.get("modules")
    left = {name: v for name, v in values.items() if name not in ("kind", "modules")}
    for name, default in REMOVED.get(kind, {}).items():
        left = _without(left, name, default)
    try:
        return KINDS[kind].from_dict(left)
    except UnknownName as error:
        if not isinstance(modules, dict) or not modules:
            raise
        words = " ".join(f"--module {word}" for word in sorted(set(modules.values())))
        unknown = str(error).partition(". ")[0]
        raise UnknownName(f"{unknown}: the trial was made with {words}. Add that.") from None


def _without(values: dict[str, Any], name: str, default: object) -> dict[str, Any]:
    """The values without a removed field; raises UsageError where it is not at its default."""
    outer, _, inner = name.partition(".")
    if inner and isinstance(values.get(outer), dict):
        return values | {outer: _without(values[outer], inner, default)}
    if values.get(name, default) != default:
        raise UsageError(
            f"{name}={values[name]!r} was removed from this version, which only reads {default!r}."
        )
    return {kept: value for kept, value in values.items() if kept != name}


@functools.cache
def key(trial: Trial) -> str:
    """Readable part and hash of what changes the result; of an own file its content, not its path.

    Fields at their default are left out of the hash, so that a later option renames no old trial;
    the store refuses a key whose `trial.json` says otherwise.
    """
    values = _changed(trial)
    if trial.content is not None:  # which is in the key in place of the path
        del values["dataset"]
    text = json.dumps({"kind": trial.kind} | values, sort_keys=True, separators=(",", ":"))
    draw = "" if trial.replicate is None else f"-r{trial.replicate}"
    readable = f"{PurePath(data_name(trial)).stem}-{trial.label}{draw}-s{trial.seed}"
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "_", readable)[:80]
    return f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def group_name(trial: Trial) -> str:
    """The name of what a trial has in common with its other replicates and seeds."""
    return re.sub(r"(-r0)?-s0-", "-", key(trial.kin))


def data_name(trial: Trial) -> str:
    """What its data set is called in names of trials and pools, and in what pools say of it."""
    return trial.dataset if trial.content is None else f"own-{trial.content}"


Data = tuple[str, str]


def data_of(trial: Trial) -> Data:
    """The data set, and how BinaryMNIST is made of it: what `datasets.load` needs to know."""
    return trial.dataset, trial.binarised


def headline(trial: Trial) -> dict[str, Any]:
    """What tells a trial from others: its axes and the fields that are not at their default."""
    return trial.headline(_changed(trial))


def _changed(trial: Any) -> dict[str, Any]:
    """The fields that differ from their default, sources inside included."""
    changed = {}
    for field in fields(trial):
        value = getattr(trial, field.name)
        if value != field.default:
            changed[field.name] = _changed(value) if isinstance(value, Source) else value
    return changed
