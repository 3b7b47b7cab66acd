"""Trials of diffusion models: images per epoch, and fields that make no sense."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.errors import UsageError
from scaling.trial import DiffusionTrial, from_dict, key, to_dict

TRIAL = DiffusionTrial("digits", train_size=300)


@given(share=st.floats(0.001, 1.0), images=st.integers(1, 60_000))
def test_an_epoch_has_the_same_images_at_every_share_or_one_pass_over_the_share(share, images):
    trial = replace(TRIAL, share=share)
    assert trial.epoch_images(images) == images
    passes = replace(trial, budget="epochs").epoch_images(images)
    assert abs(passes - share * images) <= 0.5 or passes == 1
    assert 1 <= passes <= images


@pytest.mark.parametrize(("train", "test", "measured"), [
    (300, 1497, 1797), (2000, 2000, 4000), (60_000, 10_000, 4000), (60_000, 50, 2050),
])  # fmt: skip
def test_a_loss_is_measured_on_at_most_2000_images_of_each_set(train, test, measured):
    assert TRIAL.measured_images(train, test) == measured


@pytest.mark.parametrize("wrong", [
    {"share": 0.0}, {"share": 1.5}, {"channels": 0}, {"blocks": 0}, {"batch": 0}, {"seed": -1},
    {"ema_images": 0}, {"ramp_images": -1}, {"train_size": 0}, {"precision": "fp8"},
    {"budget": "hours"}, {"recipe": "mine"}, {"multipliers": (1, 2.5)}, {"lr": float("nan")},
])  # fmt: skip
def test_fields_that_make_no_sense_are_refused_by_name(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        DiffusionTrial("digits", **wrong)


def test_the_label_is_in_the_key_and_lists_come_back_from_json_as_tuples():
    trial = replace(TRIAL, share=0.25, channels=16, attention=(8, 4))
    assert trial.label == "edm-c16-share0.25"
    assert key(trial).startswith("digits-edm-c16-share0.25-s0-")
    read = from_dict(to_dict(trial) | {"attention": [8, 4], "multipliers": [2, 2, 2]})
    assert read == trial and key(read) == key(trial)


def test_only_what_changes_an_epochs_length_is_its_architecture():
    again = replace(TRIAL, seed=3, split=2, lr=0.1)
    assert again.architecture == TRIAL.architecture
    assert replace(TRIAL, replicate=4).architecture == TRIAL.architecture
    for other in ({"channels": 64}, {"batch": 64}, {"precision": "bf16"}, {"attention": ()}):
        assert replace(TRIAL, **other).architecture != TRIAL.architecture


def test_bf16_is_used_only_if_it_is_chosen_at_every_side():
    cases: tuple[tuple[Any, bool], ...] = (("float32", False), ("tf32", False), ("bf16", True))
    for precision, trains in cases:
        trial = replace(TRIAL, precision=precision)
        assert [trial.trains_in_bf16(side) for side in (8, 32)] == [trains, trains]


def test_a_diffusion_trial_makes_pools_and_reads_none():
    assert TRIAL.makes_pools and TRIAL.reads_pool is None and not TRIAL.lacks_pool
    with pytest.raises(UsageError, match="A diffusion trial reads no pool"):
        TRIAL.with_pool("p", 2)
    with pytest.raises(UsageError, match="has no source"):
        TRIAL.replaced({}, {"k": 3})
