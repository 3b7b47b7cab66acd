"""JSON files with wrong values: they are skipped or named, and other trials are unaffected."""

import json
from typing import Any

import pytest

from analysis.errors import ResultsError
from analysis.results import load
from scaling.cluster.profile import Profile
from scaling.errors import UsageError
from scaling.storage.store import Store
from scaling.trial import VaeTrial, key, to_dict
from scaling.trial.extensions import UnknownName

GOOD, BAD = VaeTrial("digits", n_c=2), VaeTrial("digits", n_c=4)
DEEP = b"[" * 100_000
HUGE = b'{"' + b"x" * (2 << 20) + b'": 1}'
VALUES: list[Any] = [
    None,
    [],
    {},
    "text",
    "\ud800",
    10**400,
    -1,
    float("inf"),
    float("nan"),
    True,
    [[]],
    {"a": {}},
]
ROW: dict[str, object] = {"epoch": 2, "test_elbo": -9.0, "seconds": 1.0}
DONE: dict[str, object] = {
    "state": "done",
    "epoch": 2,
    "device": "cpu",
    "profile": {"measuring": 1.0},
}
STUDY: dict[str, object] = {"study": "s", "launches": [{"profile": {"gpu_hours": 2.0}}],
         "trials": {key(GOOD): {"epochs": 2}, key(BAD): {"epochs": 2}}}  # fmt: skip
FILES: dict[str, dict[str, object]] = {
    "trial.json": to_dict(BAD),
    "done.json": DONE,
    "rows.jsonl": ROW,
    "study.json": STUDY,
}

TRIED = {"trial.json": ("kind", "dataset", "m_z", "lr", "source")}  # some of its many fields


def folder_of(root, trial):
    folder = Store(root).folder(key(trial))
    folder.create(trial)
    folder.append_row(ROW)
    folder.finish(2, device="cpu")
    return folder


def damaged():
    """Yields each file with wrong values of its fields, nested too deeply, or not in UTF-8."""
    for file, content in FILES.items():
        for name in TRIED.get(file, content):
            for value in VALUES:
                changed = json.dumps(content | {name: value}).encode()
                yield pytest.param(file, changed, id=f"{file}-{name}-{str(value)[:9]}")
        inner = {"source": {"keep_reel": True}}
        unknown = json.dumps(content | inner).encode()
        yield pytest.param(file, unknown, id=f"{file}-nested-unknown")
        for how, text in (
            ("deep", DEEP),
            ("deep-inside", b'{"a":' + DEEP),
            ("null", b"null"),
            ("bytes", b"\xff\xfe\x00"),
            ("huge", HUGE),
        ):
            yield pytest.param(file, text, id=f"{file}-{how}")


@pytest.fixture
def results(tmp_path):
    for trial in (GOOD, BAD):
        folder_of(tmp_path, trial)
    store = Store(tmp_path)
    store.update_study("s", lambda study: study | STUDY)
    return store


CASES = [*damaged()]


@pytest.mark.parametrize(("file", "content"), CASES)
def test_a_damaged_file_of_one_trial_does_not_affect_others(results, file, content):
    """A launch and a report read everything that they need for the trial GOOD."""
    path = results.study("s") if file == "study.json" else results.folder(key(BAD)).path
    (path / file).write_bytes(content + b"\n")
    assert key(GOOD) in results.finished("cpu")
    assert GOOD in results.vaes()
    results.studies_of({key(GOOD)})
    Profile(results, [key(GOOD), key(BAD)]).entry()
    for tell in (lambda: results.gpu_hours("s"), lambda: results.update_study("s", dict)):
        try:
            tell()
        except UsageError:  # only where a file says that it is of another format
            assert b'"format"' in content
    frame = load(results.root)
    assert key(GOOD) in set(frame["key"])
    try:
        load(results.study("s"))
    except ResultsError as error:
        assert file == "study.json" and str(results.study("s")) in str(error)


@pytest.mark.parametrize(("file", "content"), [p for p in CASES if p.values[0] != "study.json"])
def test_a_damaged_file_of_a_requested_trial_is_named(results, file, content):
    folder = results.folder(key(BAD))
    (folder.path / file).write_bytes(content + b"\n")
    try:
        folder.state(2)
        folder.create(BAD)
        assert folder.trial() == BAD
    except UsageError as error:
        assert str(folder.path) in str(error) or isinstance(error, UnknownName)
