"""The record of a trial's chunks: copies of them, and checksums compared with the pool's."""

import numpy as np
import pytest

from scaling.pools.chunk import digest
from scaling.runs.ledger import Ledger
from tests.small_pool import chunk_of

SUMS = {index: digest(chunk_of(index)) for index in range(3)}


def test_chunks_are_copied_and_recorded_once():
    shared, read = {index: chunk_of(index) for index in range(3)}, []
    ledger = Ledger(lambda index: read.append(index) or shared[index], SUMS)
    for index in (2, 0, 2):
        taken = ledger(index)
        np.testing.assert_array_equal(taken, chunk_of(index))
        taken[:] = 0  # writes through a tensor
    assert read == [2, 0, 2]
    assert ledger.checksums == {"2": SUMS[2], "0": SUMS[0]}


def test_a_chunk_with_another_checksum_is_refused_with_a_remedy():
    ledger = Ledger(lambda index: chunk_of(1), SUMS)
    with pytest.raises(ValueError, match="chunk 0 does not match pool.json; .*pool verify NAME"):
        ledger(0)
    assert ledger.checksums == {}


def test_a_chunk_without_a_known_checksum_is_recorded_as_it_is():
    ledger = Ledger(chunk_of, {})
    ledger(5)
    assert ledger.checksums == {"5": digest(chunk_of(5))}


def test_reading_a_chunk_without_a_pool_is_an_error():
    with pytest.raises(ValueError, match="chunk 3 is needed, but the trial was given no pool"):
        Ledger(None, {})(3)


def test_a_pool_that_was_sampled_again_is_refused():
    ledger = Ledger(chunk_of, SUMS)
    earlier = {"0": SUMS[0], "9": "x"}  # chunk 9 is not read now
    assert ledger.recorded(earlier) == earlier
    with pytest.raises(ValueError, match="chunk 1 of its pool has been sampled again"):
        ledger.recorded({"0": SUMS[0], "1": SUMS[2]})
