"""Rows of the arms of a claim: by a slow reading, and the same when read again."""

import pandas as pd
import pytest

from analysis.claims.trials.arms import Along, Arm
from analysis.claims.trials.measured_rows import MeasuredRows


@pytest.fixture
def trials():
    """Makes six trials: normal at two places, and samples of two k; one has no value."""
    made = pd.DataFrame({
        "unit": [0, 0, 1, 0, 0, 1], "seed": 0,
        "real_share": [1.0, 1.0, 1.0, 0.0, 0.0, 0.0], "diffusion_share": 1.0, "augment": "",
        "mollified": False, "half_asleep": False, "m_z": [1, 2, 1, 1, 1, 1], "n_c": 8,
        "k": [0.0, 0.0, 0.0, 5.0, 10.0, 5.0], "a": [1.0, 2.0, None, 4.0, 5.0, 6.0],
        "b": [3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
    })  # fmt: skip
    return made


NORMAL, SAMPLES = Arm(), Arm(real_share=0.0)


def test_an_arm_has_the_trials_of_its_method_with_a_value(trials):
    rows = MeasuredRows(trials)
    assert rows.of(NORMAL, ("a",))["value"].tolist() == [1.0, 2.0]
    assert rows.of(NORMAL, ("b",))["value"].tolist() == [3.0, 4.0, 5.0]
    assert rows.of(SAMPLES, ("a", "b"))["value"].tolist() == [5.0, 6.0, 7.0]
    assert rows.of(Arm(real_share=Along()), ("b",))["value"].tolist() == trials["b"].tolist()


def test_points_are_those_of_the_arm(trials):
    rows = MeasuredRows(trials)
    assert rows.points(NORMAL, ("a",)) == {(1, 8), (2, 8)}
    assert rows.points(SAMPLES, ("a",)) == {(1, 8)}
    assert rows.points(SAMPLES, ("c",)) == set()


@pytest.mark.parametrize("place, values", [
    ({"m_z": 2}, [4.0]), ({"m_z": 1, "n_c": 8}, [3.0, 5.0]), ({"n_c": 4}, []),
    ({"real_share": 0.0, "k": 5.0}, [6.0, 8.0]), ({"real_share": 0.0}, [6.0, 7.0, 8.0]),
    ({"k": 5.0}, [3.0, 4.0, 5.0]),
])  # fmt: skip
def test_a_place_selects_rows_and_k_selects_among_samples_only(trials, place, values):
    assert MeasuredRows(trials).on_place(Arm(**place), ("b",))["value"].tolist() == values


def test_cached_rows_are_those_of_the_arm_and_the_columns(trials):
    rows = MeasuredRows(trials)
    arms = [NORMAL, SAMPLES, Arm(m_z=2), Arm(real_share=0.0, k=5.0)]
    for _ in range(2):
        for arm in arms:
            for columns in (("a",), ("b",), ("a", "b")):
                fresh = MeasuredRows(trials).on_place(arm, columns)
                pd.testing.assert_frame_equal(rows.on_place(arm, columns), fresh)
                assert rows.points(arm, columns) == MeasuredRows(trials).points(arm, columns)
    assert rows.of(NORMAL, ("a",)) is rows.of(Arm(m_z=2), ("a",))
