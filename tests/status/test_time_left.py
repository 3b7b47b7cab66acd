"""The time left: first from the plan, then from the measured pace, and never below 0."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.status.time_left import PRIOR_SECONDS, DoneShare, TimeLeft, duration

HOUR = 3600.0


def test_the_time_left_starts_from_the_plan_on_all_workers():
    left = TimeLeft({str(i): 1.0 for i in range(10)}, width=4)
    assert left.seconds({}, 0.0) == pytest.approx(2.5 * HOUR)


def test_the_end_is_not_before_that_of_the_longest_trial():
    left = TimeLeft({"long": 3.0, "short": 1.0}, width=4)
    assert left.seconds({"short": 1.0}, 0.0) >= 3 * HOUR * 0.1  # the prior slows nothing down
    assert left.seconds({}, 0.0) == pytest.approx(3 * HOUR)


def test_work_that_takes_twice_as_long_ends_at_twice_the_plan():
    """At half the planned pace the forecast approaches the true end."""
    left, ends = TimeLeft({str(i): 1.0 for i in range(100)}), []
    for done in range(100):
        elapsed = 2 * HOUR * done
        parts = {str(i): 1.0 for i in range(done)}
        ends.append(elapsed + left.seconds(parts, elapsed))
    assert ends[0] == pytest.approx(100 * HOUR)
    assert ends[50] == pytest.approx(200 * HOUR, rel=0.1)
    assert ends[-1] == pytest.approx(200 * HOUR, rel=0.01)


def test_the_start_of_processes_does_not_multiply_a_short_plan():
    """After 10 s without a result in a plan of 4 s, a ratio alone would be infinite."""
    left = TimeLeft({"a": 4 / HOUR})
    assert left.seconds({}, 10.0) == pytest.approx(4 * (1 + 10 / PRIOR_SECONDS))


@given(
    st.dictionaries(st.text(max_size=3), st.floats(0, 1e4), max_size=5),
    st.dictionaries(st.text(max_size=3), st.floats(-2, 3), max_size=5),
    st.floats(-10, 1e7),
    st.integers(0, 50),
)
def test_the_time_left_is_never_negative(hours, parts, elapsed, width):
    assert TimeLeft(hours, width).seconds(parts, elapsed) >= 0


@given(
    st.dictionaries(st.sampled_from("abcde"), st.floats(0, 1e4)),
    st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(-2, 3) | st.just(1.0)), max_size=30),
)
def test_the_share_of_finished_work_equals_the_slow_sum(hours, news):
    """They agree after each report; work that was not planned is ignored."""
    share, parts = DoneShare(hours, {}), dict.fromkeys(hours, 0.0)
    for name, part in news:
        share.note(name, part)
        parts[name] = min(1.0, max(0.0, part))
        total, done = sum(hours.values()), sum(hours[n] * parts[n] for n in hours)
        assert share.value == pytest.approx(done / total if total else 1.0, abs=1e-6)
        if all(parts[n] == 1 for n in hours):
            assert share.value == 1.0


@pytest.mark.parametrize(
    ("seconds", "message"), [(-0.4, "0 s"), (45, "45 s"), (720, "12 min"), (12600, "3.5 h")]
)
def test_durations_are_written_in_fitting_units(seconds, message):
    assert duration(seconds) == message
