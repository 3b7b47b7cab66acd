"""TensorBoard follows the trials that Tune runs, and a refusing disk is reported once."""

from types import SimpleNamespace
from typing import Any

import pytest

from scaling.cluster.events import EventsCallback


class Events:
    """Records what is written; a full disk refuses everything."""

    def __init__(self, full=False):
        self.written, self.full = [], full

    def _write(self, *words):
        if self.full:
            raise OSError(28, "No space left on device")
        self.written.append(words)

    def describe(self):
        self._write("description")

    def row(self, key):
        self._write("row", key)

    def end(self, key):
        self._write("end", key)


def trial(key):
    return SimpleNamespace(config={"key": key})


def run(callback, key):
    callback.on_trial_start(0, [], trial(key))
    callback.on_trial_result(0, [], trial(key), {"epoch": 2})
    callback.on_trial_result(0, [], trial(key), {"finished": True})
    callback.on_trial_complete(0, [], trial(key))


def test_the_description_is_written_once_and_then_each_row_and_end():
    events: Any = Events()
    callback = EventsCallback(events, pytest.fail)
    run(callback, "a")
    run(callback, "b")
    assert events.written == [
        ("description",), ("row", "a"), ("end", "a"), ("row", "b"), ("end", "b"),
    ]  # fmt: skip


def test_a_disk_that_refuses_is_reported_once_and_trials_continue():
    output: list[str] = []
    events: Any = Events(full=True)
    callback = EventsCallback(events, output.append)
    run(callback, "a")
    run(callback, "b")
    (line,) = output
    assert "No space left on device" in line
