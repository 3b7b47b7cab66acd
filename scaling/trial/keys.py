"""Computes a trial's key, a readable part and a hash of what affects its result, and its JSON form.

Like all of `scaling.trial`, it needs the standard library only, so that plans and command lines
start without torch.
"""

import functools
import hashlib
import json
import re
from dataclasses import fields
from pathlib import PurePath
from typing import Any, TypeVar

from scaling.errors import UsageError, did_you_mean, listed
from scaling.trial.diffusion import DiffusionTrial
from scaling.trial.extensions import UnknownName
from scaling.trial.source import Source
from scaling.trial.two_sample import TwoSampleTrial
from scaling.trial.vae import VaeTrial
from scaling.trial.validation import Fields

Trial = VaeTrial | DiffusionTrial | TwoSampleTrial
Kind = TypeVar("Kind", VaeTrial, DiffusionTrial, TwoSampleTrial)
KINDS: dict[str, type[Trial]] = {
    kind.kind: kind for kind in (VaeTrial, DiffusionTrial, TwoSampleTrial)
}

# The defaults of fields that a later version removed, by kind; `source.NAME` is a field of the
# source. A trial.json in which they have that value is read without them, and its key is the same.
REMOVED: dict[str, Fields] = {}


def to_dict(trial: Trial) -> Fields:
    """Returns the JSON form of a trial, as in `trial.json`: its kind and every field.

    `trial.json` also contains `modules` if the trial needs modules of the user.
    """
    return {"kind": trial.kind} | _plain(trial)


def _plain(part: Any) -> Fields:
    """Returns the fields of a trial or a source: as `asdict`, of which most time is copies."""
    values = {field.name: getattr(part, field.name) for field in fields(part)}
    return {n: _plain(value) if isinstance(value, Source) else value for n, value in values.items()}


def from_dict(values: Fields) -> Trial:
    """Returns the trial that a `trial.json` describes.

    Raises UsageError for unknown kinds and fields.
    """
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
        flags = " ".join(f"--module {word}" for word in sorted(set(modules.values())))
        unknown = str(error).partition(". ")[0]
        raise UnknownName(f"{unknown}: the trial was created with {flags}. Add that.") from None


def _without(values: Fields, name: str, default: object) -> Fields:
    """Returns the values without a removed field.

    Raises UsageError if the field is not at its former default.
    """
    outer, _, inner = name.partition(".")
    part = values.get(outer)
    if inner and isinstance(part, dict):
        return values | {outer: _without(part, inner, default)}
    if values.get(name, default) != default:
        raise UsageError(
            f"{name}={values[name]!r} is no longer supported; this version reads only {default!r}. "
            "Use the version that trained this trial."
        )
    return {field: value for field, value in values.items() if field != name}


@functools.cache
def key(trial: Trial) -> str:
    """Returns the trial's name: a readable part and a hash of everything that affects its result.

    A user's file enters with its content, not its path. Fields at their default are left out of
    the hash, so that a later option renames no old trial. The store refuses a key whose
    `trial.json` describes another trial.
    """
    values = _changed(trial)
    if trial.content is not None:  # it replaces the path
        del values["dataset"]
    text = json.dumps({"kind": trial.kind} | values, sort_keys=True, separators=(",", ":"))
    draw = "" if trial.replicate is None else f"-r{trial.replicate}"
    readable = f"{PurePath(data_name(trial)).stem}-{trial.label}{draw}-s{trial.seed}"
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "_", readable)[:80]
    return f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def group_name(trial: Trial) -> str:
    """Returns the name of the group of a trial's replicates and seeds."""
    return re.sub(r"(-r0)?-s0-", "-", key(trial.kin))


def data_name(trial: Trial) -> str:
    """Returns the name of its data set in the names of trials and pools and in `pool.json`."""
    return trial.dataset if trial.content is None else f"own-{trial.content}"


Data = tuple[str, str]


def data_of(trial: Trial) -> Data:
    """Returns the arguments of `datasets.load`: the data set and the method of binarisation."""
    return trial.dataset, trial.binarised


def headline(trial: Trial) -> Fields:
    """Returns the fields that identify a trial: its axes and those not at their default."""
    return trial.headline(_changed(trial))


def _changed(trial: Any) -> Fields:
    """Returns the fields that differ from their default, also those inside a source."""
    changed: Fields = {}
    for field in fields(trial):
        value = getattr(trial, field.name)
        if value != field.default:
            changed[field.name] = _changed(value) if isinstance(value, Source) else value
    return changed
