"""Differences of random splits, which overlap."""

import numpy as np
import pytest

from analysis.diff.differences import compare
from analysis.statistics.overlap import overlap
from tests.analysis.diff.test_diff import cells_of, frame_of, side


def test_the_overlap_of_random_splits_widens_every_difference():
    """By simulation the plain t test claims far more false differences than it promises."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(5, 3)), rng.normal(1, 1, (5, 3))
    sizes = {
        "draws": "random splits",
        "train_images": 600,
        "test_images": 700,
        "drawn_from": 1600,
        "validation_images": 300,
    }
    rho = overlap(600, 700, 1600)
    first = frame_of(x).assign(**sizes)
    for other, variance in ((0, (y - x).var(ddof=1, axis=0)), (10, None)):
        second = frame_of(y, lr=0.001, first=other).assign(**sizes)
        found = cells_of(compare(side(first), side(second)))[4].interval
        plain = cells_of(compare(side(frame_of(x)), side(frame_of(y, lr=0.001, first=other))))[4]
        ratio = (found.high - found.low) / (plain.interval.high - plain.interval.low)
        assert ratio == pytest.approx(np.sqrt((1 / 5 + rho) * 5))
        assert variance is None or found.error == pytest.approx(
            np.sqrt(variance[1] * (1 / 5 + rho))
        )
