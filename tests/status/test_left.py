"""The time left: the plan at the beginning, the measured pace in the end, never below 0."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.status.left import PRIOR_SECONDS, TimeLeft, duration

HOUR = 3600.0


def test_it_starts_from_the_plan_on_all_workers():
    left = TimeLeft({str(i): 1.0 for i in range(10)}, width=4)
    assert left.seconds({}, 0.0) == pytest.approx(2.5 * HOUR)


def test_no_end_before_that_of_the_longest_piece():
    left = TimeLeft({"long": 3.0, "short": 1.0}, width=4)
    assert left.seconds({"short": 1.0}, 0.0) >= 3 * HOUR * 0.1  # the prior slows nothing down
    assert left.seconds({}, 0.0) == pytest.approx(3 * HOUR)


def test_work_that_takes_twice_as_long_ends_at_twice_the_plan():
    """Followed to the end at half the planned pace, the forecast of the end comes to be right."""
    left, ends = TimeLeft({str(i): 1.0 for i in range(100)}), []
    for done in range(100):
        elapsed = 2 * HOUR * done
        parts = {str(i): 1.0 for i in range(done)}
        ends.append(elapsed + left.seconds(parts, elapsed))
    assert ends[0] == pytest.approx(100 * HOUR)
    assert ends[50] == pytest.approx(200 * HOUR, rel=0.1)
    assert ends[-1] == pytest.approx(200 * HOUR, rel=0.01)


def test_the_start_of_processes_does_not_multiply_a_short_plan():
    """Of a plan of 4 s, 10 s without a result make no hours: a ratio alone would be infinite."""
    left = TimeLeft({"a": 4 / HOUR})
    assert left.seconds({}, 10.0) == pytest.approx(4 * (1 + 10 / PRIOR_SECONDS))


@given(
    st.dictionaries(st.text(max_size=3), st.floats(0, 1e4), max_size=5),
    st.dictionaries(st.text(max_size=3), st.floats(-2, 3), max_size=5),
    st.floats(-10, 1e7),
    st.integers(0, 50),
)
def test_it_is_never_negative_and_the_share_lies_in_0_to_1(hours, parts, elapsed, width):
    left = TimeLeft(hours, width)
    assert left.seconds(parts, elapsed) >= 0
    assert -1e-9 <= left.share(parts) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("seconds", "said"), [(-0.4, "0 s"), (45, "45 s"), (720, "12 min"), (12600, "3.5 h")]
)
def test_durations(seconds, said):
    assert duration(seconds) == said
