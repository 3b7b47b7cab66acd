"""Trials of classifiers for the two-sample test: their images, their pool, refused fields."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.errors import UsageError
from scaling.trial import TwoSampleTrial
from scaling.trial.two_sample import HELD_OUT

TRIAL = TwoSampleTrial("digits", train_size=300)


@given(st.integers(2, 5000))
def test_one_image_in_five_of_each_class_does_not_train_it(images):
    trial = replace(TRIAL, images=images)
    assert HELD_OUT == 5
    assert abs(trial.epoch_images(300) - 2 * images * 4 / 5) < 1
    assert trial.measured_images(300, 1497) == 2 * images


def test_by_default_there_are_as_many_samples_as_real_images():
    assert TRIAL.epoch_images(300) == 480
    assert TRIAL.measured_images(300, 1497) == 600


@pytest.mark.parametrize(("images", "chunks"), [(None, 1), (2, 1), (300, 1), (301, 2), (900, 3)])
def test_a_classifier_reads_the_fewest_chunks_that_hold_its_images(images, chunks):
    assert replace(TRIAL, images=images).chunks_read(300) == chunks


def test_a_trial_lacks_a_pool_until_it_names_one():
    assert TRIAL.lacks_pool and TRIAL.reads_pool is None
    named = TRIAL.with_pool("p", 7)
    assert (named.lacks_pool, named.reads_pool) == (False, "p")
    assert replace(TRIAL, share=0.5).model_share == 0.5


def test_pool_replicate_seed_and_rate_are_no_part_of_the_architecture():
    other = replace(TRIAL, pool="p", replicate=3, seed=2, lr=0.1)
    assert other.architecture == TRIAL.architecture
    assert replace(TRIAL, stages=2).architecture != TRIAL.architecture


def test_replicates_differ_in_their_pools_and_seeds_do_not():
    drawn = [replace(TRIAL, replicate=n, pool=f"p{n}", seed=n) for n in (0, 1)]
    assert drawn[0].kin == drawn[1].kin
    seeds = [replace(TRIAL, pool=f"p{n}", seed=n) for n in (0, 1)]
    assert seeds[0].kin != seeds[1].kin


@pytest.mark.parametrize(("wrong", "message"), [
    ({"real": "test"}, "needs the number of test images"),
    ({"images": 1}, "images=1 is not"),
    ({"stages": 0}, "stages=0 is not"),
    ({"channels": 0}, "channels=0"),
    ({"batch": 0}, "batch=0"),
    ({"share": 0.0}, "share=0.0 is not"),
    ({"seed": -1}, "seed=-1"),
    ({"real": "both"}, "real='both' does not fit: train or test"),
])  # fmt: skip
def test_fields_that_make_no_sense_are_refused_by_name(wrong, message):
    with pytest.raises(UsageError, match=message):
        TwoSampleTrial("digits", **wrong)


def test_a_comparison_with_test_images_has_the_given_number_of_each():
    trial = TwoSampleTrial("digits", real="test", images=2)
    assert trial.epoch_images(300) == int(2 * 2 * 0.8)
