"""Progress lines: what counts as done, and that a log of long trials is never silent."""

import io

import pytest

from scaling.cluster import progress
from scaling.cluster.progress import LOG_SECONDS, Progress


@pytest.fixture
def clock(monkeypatch):
    made = {"now": 0.0}
    monkeypatch.setattr(progress.time, "monotonic", lambda: made["now"])
    return made


def made(costs, epochs=100):
    return Progress(costs, dict.fromkeys(costs, epochs), io.StringIO())


def test_rows_of_a_running_trial_count_by_its_epochs(clock):
    shown = made({"a": 3.0, "b": 1.0})
    shown.running |= {"a", "b"}
    assert shown.share == 0
    shown.row("a", 20)  # the first row may be that of a trial that went on
    assert shown.share == 0
    shown.row("a", 60)
    assert shown.share == pytest.approx(0.75 * 40 / 80)
    shown.running.remove("a")
    shown.finished.add("a")
    assert shown.share == pytest.approx(0.75)


def test_the_time_left_follows_the_share(clock):
    shown = made({"a": 1.0})
    shown.running.add("a")
    shown.row("a", 50)
    shown.row("a", 75)
    clock["now"] = 600.0
    assert shown.line() == "0/1 trials done, 1 running, 0 failed, 10 min gone, about 10 min left"


def test_a_log_has_a_line_now_and_then_and_each_sixth(clock):
    shown = made({str(i): 1.0 for i in range(60)})
    for second in range(0, 3600, 10):
        clock["now"] = float(second)
        shown.show()
    quiet = len(shown.stream.getvalue().splitlines())
    assert quiet == 3600 // LOG_SECONDS - 1
    for i in range(60):
        shown.finished.add(str(i))
        shown.show()
    assert len(shown.stream.getvalue().splitlines()) == quiet + progress.LOG_LINES
