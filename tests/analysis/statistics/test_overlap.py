"""The overlap of random splits, by simulation and row by row."""

import numpy as np
import pandas as pd
import pytest

from analysis.statistics import overlap
from tests.analysis.conftest import SPLIT


def test_overlap_is_the_correlation_of_splits_by_simulation():
    """It is the covariance of two splits' means over pools of independent image effects."""
    rng, train, test, images = np.random.default_rng(0), 30, 60, 120
    rho = overlap.overlap(train, test, images)
    rho = rho / (1 + rho)
    pairs = np.empty((20_000, 2))
    for pool in pairs:
        trained, tested = rng.standard_normal((2, images))
        for at in range(2):
            order = rng.permutation(images)
            pool[at] = trained[order[:train]].mean() + tested[order[train : train + test]].mean()
    assert np.asarray(np.corrcoef(pairs.T))[0, 1] == pytest.approx(rho, abs=0.02)


def test_each_data_set_has_its_own_overlap():
    rho = 2 * 300 * 1000 / 1300 / 1600
    rows = [
        {"dataset": dataset, "replicate": replicate, **SPLIT, "draws": draws}
        for dataset, draws in (("digits", "random splits"), ("mnist", "disjoint sets"))
        for replicate in range(2)
    ]
    found = overlap.overlaps(pd.DataFrame(rows))
    assert found.tolist() == pytest.approx([rho / (1 - rho)] * 2 + [0.0, 0.0])
    one = pd.DataFrame(rows).assign(replicate=0)
    assert overlap.overlaps(one).tolist() == [0.0] * 4
    assert overlap.overlaps(one.drop(columns="replicate")).tolist() == [0.0] * 4


def test_a_file_with_a_test_set_of_its_own_shares_it_between_splits():
    sizes = {"train_images": 30_000, "test_images": 10_000, "drawn_from": 60_000}
    one = pd.DataFrame([{"dataset": "own.npz", "draws": "random splits", **sizes}])
    assert overlap.overlap_of(one) == pytest.approx(1.0)  # rho = 1 / 2, that of D_train alone
    halves = one.assign(validation_images=20_000)
    assert overlap.overlap_of(halves) == pytest.approx(overlap.overlap(30_000, 10_000, 60_000))
