"""How every kind of trial uses its replicate, split and seed."""

from dataclasses import replace

import pytest

from scaling.errors import UsageError
from scaling.trial import DMAAPX, DiffusionTrial, Source, TwoSampleTrial, VaeTrial, group_name, key

KINDS = (VaeTrial("digits"), DiffusionTrial("digits"), TwoSampleTrial("digits"))


@pytest.mark.parametrize("trial", KINDS)
def test_without_a_replicate_the_split_draws_images_and_the_seed_the_rest(trial):
    drawn = replace(trial, split=3, seed=4)
    assert (drawn.draw, drawn.stream) == (3, 4)


@pytest.mark.parametrize("trial", KINDS)
def test_a_replicate_decides_the_images_and_the_generators(trial):
    streams = {
        replace(trial, replicate=replicate, seed=seed).stream
        for replicate in (None, 0, 1, 11)
        for seed in (0, 1)
    }
    assert len(streams) == 8
    assert replace(trial, replicate=5).draw == 5


@pytest.mark.parametrize("trial", KINDS)
def test_a_replicate_is_in_the_hash_and_the_readable_part_of_the_key(trial):
    names = {key(replace(trial, replicate=replicate)) for replicate in (None, 0, 1)}
    assert len(names) == 3
    assert "-r1-s0-" in key(replace(trial, replicate=1))


@pytest.mark.parametrize("trial", KINDS)
def test_a_replicate_with_a_split_and_a_negative_replicate_are_refused(trial):
    with pytest.raises(UsageError, match="split=2 has no effect beside replicate"):
        replace(trial, replicate=1, split=2)
    with pytest.raises(UsageError, match="replicate=-1 is not at least 0"):
        replace(trial, replicate=-1)


def test_replicates_of_a_cell_are_one_group_though_their_pools_differ():
    source = [replace(DMAAPX, pool=f"pool-{name}", k=2) for name in "ab"]
    trials = [VaeTrial("digits", replicate=n, source=source[n], seed=n) for n in (0, 1)]
    assert len({group_name(trial) for trial in trials}) == 1
    alone = [replace(trial, replicate=None) for trial in trials]
    assert len({group_name(trial) for trial in alone}) == 2


@pytest.mark.parametrize("replicate", [None, 3])
def test_kin_is_a_valid_trial_that_all_draws_and_seeds_share(replicate):
    """A study of many trials asks for it often, so its values are not validated."""
    source = Source(real_share=0.0, k=2, pool="digits-edm")
    one = VaeTrial("digits", seed=5, replicate=replicate, source=source)
    expected = replace(one, seed=0, replicate=None if replicate is None else 0)
    if replicate is not None:  # each replicate has its own pool
        expected = replace(expected, source=replace(source, pool=None))
    assert one.kin == expected and hash(one.kin) == hash(expected)
    assert one.seed == 5 and one.source is source
