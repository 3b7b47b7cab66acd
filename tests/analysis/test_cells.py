"""Which trials are compared: equal settings, at epochs that all of them have."""

import pandas as pd

from analysis.claims.cells import cells
from tests.analysis.claim_frames import SEEDS, frame

NARROW, WIDE = {(1, 8): SEEDS}, {(1, 32): SEEDS + 5}


def test_a_grid_trained_in_two_precisions_is_one_setting():
    both = pd.concat(
        [frame(NARROW).assign(precision="float32"), frame(WIDE).assign(precision="bf16")]
    )
    (cell,) = cells(both)
    assert set(cell.trials["n_c"]) == {8, 32}


def test_a_trial_that_trained_longer_is_compared_as_it_was():
    """Another study went on to epoch 20 with the wide trials."""
    longer = frame(WIDE).assign(epoch=20, test_elbo=0.0)
    short, long = cells(pd.concat([frame(NARROW), frame(WIDE), longer]))
    assert (short.label, long.label) == ("digits, epoch=10", "digits, epoch=20")
    assert set(short.trials["n_c"]) == {8, 32} and set(short.trials["epoch"]) == {10}
    assert sorted(short.trials.loc[short.trials["n_c"] == 32, "test_elbo"]) == [4, 5, 6]
    assert set(long.trials["n_c"]) == {32} and set(long.trials["test_elbo"]) == {0}
    unmeasured = cells(pd.concat([frame(NARROW), longer]))
    assert [set(cell.trials["n_c"]) for cell in unmeasured] == [{8}, {32}]
