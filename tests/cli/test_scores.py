"""Scores of points: means of the last tenth of a rung, and never of a later epoch."""

import pytest

from scaling.cli.scores import score_of
from scaling.trial.halving import LOST


def test_scores_are_means_of_the_last_tenth():
    rows = [{"epoch": e, "validation_elbo": float(e), "test_elbo": 1e9} for e in range(1, 101)]
    assert score_of(rows, 100) == pytest.approx(sum(range(91, 101)) / 10)
    assert score_of(rows, 50) == pytest.approx(sum(range(46, 51)) / 5)
    sparse = [{"epoch": e, "validation_elbo": float(e)} for e in (10, 40, 80)]
    assert score_of(sparse, 50) == 40.0  # a longer run that measured more seldom
    assert score_of([{"epoch": 50, "test_elbo": 3.0}], 50) == LOST


def test_a_row_after_the_rung_never_counts():
    late = [{"epoch": 40, "validation_elbo": -1.0}]
    assert score_of(late, 4) == LOST
    assert score_of([{"epoch": 3, "validation_elbo": -9.0}, *late], 4) == -9.0
