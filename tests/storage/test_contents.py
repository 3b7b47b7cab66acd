"""Files of a results folder have exactly the fields that their types describe."""

import json
from types import UnionType
from typing import (
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import pytest

from scaling.cli.axes import override
from scaling.cli.options import parser
from scaling.cli.planned import identify
from scaling.cli.selection import study_trials_of
from scaling.cluster.profile import Profile
from scaling.planning import plan, speeds
from scaling.planning.costs import CPU_CORE
from scaling.runs.execute import Job, execute
from scaling.storage.contents import Done, Holder, PlanJson, Record
from scaling.storage.lock import Lock
from scaling.storage.provenance import LaunchEntry, LaunchProfile, launch_entry
from scaling.storage.store import Store
from scaling.trial import DMAAPX, NORMAL, DiffusionTrial, VaeTrial, grid, key
from scaling.trial.schedule import Diffusion, schedule
from studies import double_descent


def fits(value: Any, hint: Any) -> bool:
    """Returns whether a value that came from JSON is of the type."""
    origin, members = get_origin(hint), get_args(hint)
    if hint in (Any, object):
        return True
    if is_typeddict(hint):
        hints = get_type_hints(hint)
        known = isinstance(value, dict) and hint.__required_keys__ <= set(value) <= set(hints)
        return known and all(fits(each, hints[name]) for name, each in value.items())
    if origin is NotRequired:
        return fits(value, members[0])
    if origin in (Union, UnionType):
        return any(fits(value, member) for member in members)
    if origin is Literal:
        return value in members
    if origin is list:
        return isinstance(value, list) and all(fits(each, members[0]) for each in value)
    if origin is tuple:
        return isinstance(value, list) and all(map(fits, value, members))
    if origin is dict:
        return isinstance(value, dict) and all(fits(each, members[1]) for each in value.values())
    return type(value) in ((int, float) if hint is float else (hint,))


def as_json(value):
    return json.loads(json.dumps(value))


@pytest.mark.parametrize(("value", "hint", "expected"), [
    ({"epochs": 1, "points": 2}, "RungRecord", True), ({"epochs": 1}, "RungRecord", False),
    ({"epochs": 1, "points": 2, "more": 3}, "RungRecord", False),
    ({"epochs": 1, "points": True}, "RungRecord", False),
    ({"epochs": 1, "points": None}, "RungRecord", False),
    ({"gpu": ["a", 0.5]}, "Done", True), ({"gpu": ["a", "b"]}, "Done", False),
    ({"state": "new"}, "Done", False), ({"chunks": {"0": 1}}, "Done", False),
])  # fmt: skip
def test_the_check_finds_values_that_do_not_fit(value, hint, expected):
    from scaling.storage import contents

    assert fits(value, getattr(contents, hint)) is expected


def test_done_json_has_its_described_fields(tmp_path, trial, tiny):
    folder = Store(tmp_path).folder(key(trial))
    folder.create(trial)
    job = Job(2, 1, gpu=("0", 0.5), micro_batch=8)
    execute(folder, tiny, job, lambda row: None)
    made = as_json(folder.done())
    assert fits(made, Done)
    assert {*Done.__annotations__} - {*made} == {"error", "censored", "chunks"}


def test_the_json_plan_has_its_described_fields():
    model = Diffusion(DiffusionTrial("digits", channels=16), epochs=4, k=2)
    trials = grid(VaeTrial("digits", n_c=2), source=[NORMAL, DMAAPX])
    made = plan.make(schedule(trials, 4, 2, model), speeds.Speeds(CPU_CORE), {})
    written = as_json(made.to_dict())
    assert fits(written, PlanJson)
    assert len(written["trials"]) == 3 and len(written["pools"]) == 1
    assert set(written) == set(PlanJson.__annotations__)


def test_the_entry_of_a_launch_has_its_described_fields(tmp_path):
    assert fits(as_json(launch_entry(["study", "smoke"])), LaunchEntry)
    assert fits(as_json(Profile(Store(tmp_path), []).entry()), LaunchProfile)


def test_the_lock_has_its_described_fields(tmp_path):
    written = json.loads(Lock(tmp_path / "launch.lock").content())
    assert fits(written, Holder)
    assert set(written) == set(get_type_hints(Holder))


def test_the_record_of_a_search_has_its_described_fields(tmp_path):
    words = ["--smoke-test", "--search", "lr=log:1e-4:1e-2", "--samples", "3", "--halving", "3"]
    preset = double_descent.PRESETS["smoke"]
    options = parser("", double_descent.PRESETS).parse_args(words)
    chosen = override(double_descent.trials(preset), options)
    record = study_trials_of(options, preset, chosen, 4, identify(options)).record(Store(tmp_path))
    assert fits(as_json(record), Record)
    assert record["search"] and record["search"]["halving"] == 3
