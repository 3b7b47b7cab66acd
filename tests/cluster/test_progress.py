"""Progress of a launch: the share of finished work, lines of a log, and notes on disk."""

import io
from types import SimpleNamespace
from typing import Any

import pytest

from scaling.cluster import progress
from scaling.cluster.progress import LOG_SECONDS, Progress, ProgressCallback, last_line
from scaling.status import tracking
from scaling.status.activity import Notes, read_now
from scaling.status.listed import Listed
from tests.narrow import not_none


@pytest.fixture
def clock(monkeypatch):
    made = {"now": 0.0}
    for module in (progress, tracking):
        monkeypatch.setattr(module.time, "monotonic", lambda: made["now"])
    return made


def made(costs, epochs=100, **more):
    return Progress.of(costs, dict.fromkeys(costs, epochs), stream=io.StringIO(), **more)


def test_rows_of_a_running_trial_count_by_its_epochs(clock):
    shown = made({"a": 3.0, "b": 1.0})
    shown.start("a", "1 CPU")
    shown.start("b", "1 CPU")
    assert shown.done_share == 0
    shown.row("a", 60)
    assert shown.done_share == pytest.approx(0.75 * 0.6)
    shown.end("a")
    assert shown.done_share == pytest.approx(0.75)
    assert shown.running == {"b"}


def test_epochs_before_the_launch_do_not_count(clock):
    trial = Listed("a", "a", None, None, None, 0, 100, hours=1.0, begun=20)
    shown = Progress([trial], stream=io.StringIO())
    shown.start("a", "")
    shown.row("a", 60)
    assert shown.done_share == pytest.approx(0.5)


def test_the_time_left_starts_from_the_plan_and_disappears_at_the_end(clock):
    shown = made({"a": 1.0})
    assert shown.line().endswith("0 s elapsed, about 60 min left")
    shown.start("a", "")
    clock["now"] = 3600.0
    shown.row("a", 50)
    assert shown.line() == "0/1 trials done, 1 running, 0 failed, 60 min elapsed, about 55 min left"
    shown.end("a")
    assert shown.line() == "1/1 trials done, 0 running, 0 failed, 60 min elapsed"


def test_pools_and_metrics_count_as_work(clock):
    shown = made({"a": 1.0}, sampling={"pool p": 1.0})
    shown.start("a", "")
    shown.end("a")
    assert shown.done_share == pytest.approx(0.5)
    shown.under_way("pool p", 30, 60, "images")
    assert shown.done_share == pytest.approx(0.75)
    shown.under_way("metrics", 0, 4, "trials")
    assert shown.status().activity.left_seconds is None  # nothing is known yet
    clock["now"] = 60.0
    shown.under_way("metrics", 1, 4, "trials")
    assert shown.status().activity.left_seconds == pytest.approx(180.0)


def test_a_log_has_regular_lines_and_one_per_sixth_of_the_work(clock):
    shown = made({str(i): 1.0 for i in range(60)})
    for second in range(0, 3600, 10):
        clock["now"] = float(second)
        shown.show()
    quiet = len(shown.stream.getvalue().splitlines())
    assert quiet == 3600 // LOG_SECONDS - 1
    for i in range(60):
        shown.end(str(i))
        shown.show()
    assert len(shown.stream.getvalue().splitlines()) == quiet + progress.LOG_LINES


@pytest.mark.parametrize("at_end", [True, False])
def test_the_last_line_of_a_log_is_printed_once(clock, at_end):
    shown = made({str(i): 1.0 for i in range(7)})
    for i in range(7):
        shown.end(str(i), "it broke" if i == 6 else None)
        if at_end or i < 6:
            shown.show()
    shown.close()
    lines = shown.stream.getvalue().splitlines()
    assert lines[-1].startswith("6/7 trials done, 0 running, 1 failed")
    assert sum(line.startswith("6/7 trials done, 0 running, 1 failed") for line in lines) == 1


def test_the_activity_is_on_disk_until_the_launch_ends(clock, tmp_path):
    shown = made({"a": 1.0}, notes=Notes(tmp_path, "launch"))
    shown.start("a", "0.5 GPU")
    shown.show(at_once=True)
    launch, activity, age = not_none(read_now(tmp_path))
    assert launch == "launch" and activity.running == {"a": "0.5 GPU"}
    assert activity.left_seconds == pytest.approx(3600.0)
    shown.close()
    assert read_now(tmp_path) is None


def test_a_disk_that_refuses_notes_stops_nothing(clock, tmp_path):
    shown = made({"a": 1.0}, notes=Notes(tmp_path / "not there", "launch"))
    shown.start("a", "0.5 GPU")
    shown.show(at_once=True)
    shown.close()
    assert "0/1 trials done, 1 running" in shown.stream.getvalue()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("error", "message"), [
    ("Traceback\n  line\nValueError: bad\n", "ValueError: bad"),
    ("", "its error could not be written: is the disk of the results folder full?"),
    (None, "no reason known (NoneType)"),
])  # fmt: skip
def test_the_reason_of_a_failure_is_the_last_line_of_its_error(error, message):
    assert last_line(error) == message


def test_the_watchers_of_hosts_and_lost_trials_see_every_event(clock):
    notes: list[tuple[str, str]] = []
    names = ("start", "row", "fail", "end", "check")
    watcher: Any = SimpleNamespace(
        **{name: lambda *words, name=name: notes.append((name, *words[:1])) for name in names}
    )
    hooks = ProgressCallback(
        made({"k": 1.0}), lambda running: None, lost=watcher, bad_hosts=watcher
    )
    trial: Any = SimpleNamespace(config={"key": "k"})
    hooks.on_trial_start(0, [], trial)
    hooks.on_trial_result(0, [], trial, {"epoch": 3})
    hooks.on_trial_result(0, [], trial, {})  # a sign of life, not a row
    hooks.on_trial_recover(0, [], trial)
    assert notes == [("start", "k"), ("start", "k"), ("row", "k"), ("end", "k"), ("fail", "k")]
    assert hooks.progress.activity.retried == {"k": 1}
    assert "0 failed, 1 retried" in hooks.progress.line()
    hooks.on_trial_recover(0, [], trial)
    assert hooks.progress.activity.retried == {"k": 2}
