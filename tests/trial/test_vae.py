"""Trials of VAEs: values that follow from their fields, and those that their study fills in."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.errors import UsageError
from scaling.trial import DMAAPX, NORMAL, Source, VaeTrial
from scaling.trial.source import HALF
from scaling.trial.vae import values_per_component

TRIAL = VaeTrial("digits", train_size=300)


def test_a_mixture_has_a_logit_two_numbers_a_colour_and_three_coefficients_in_rgb():
    assert values_per_component(1) == 1 + 2  # grey
    assert values_per_component(3) == 1 + 2 * 3 + 3


def test_channels_of_z_by_either_reading_of_the_multiplier():
    trial = VaeTrial("cifar10", m_z=3)
    assert trial.latent_channels == 3
    assert replace(trial, latent_reading="channels_x64").latent_channels == 3 * 64


@given(
    epochs=st.integers(1, 400),
    every=st.integers(1, 60),
)
def test_rows_are_four_times_as_frequent_in_the_last_tenth(epochs, every):
    rows = {epoch for epoch in range(1, epochs + 1) if TRIAL.is_measured(epoch, epochs, every)}
    obvious = {e for e in range(1, epochs + 1) if e % every == 0} | {epochs}
    late = [e for e in range(1, epochs + 1) if 10 * e > 9 * epochs]
    obvious |= {e for e in late if e % max(1, every // 4) == 0}
    assert rows == obvious


@pytest.mark.parametrize(("fields", "images"), [
    ({}, 20),
    ({"half_asleep_from": 5}, 40),
    ({"half_asleep_from": 5, "half_asleep_mix": "only_samples"}, 20),
])  # fmt: skip
def test_a_half_asleep_step_has_samples_and_its_batch(fields, images):
    assert replace(TRIAL, batch=20, **fields).step_images == images


@pytest.mark.parametrize(("network", "precision", "side", "found"), [
    ("residual", "auto", 32, True),
    ("residual", "auto", 28, False),
    ("fully_connected", "auto", 32, False),
    ("residual", "float32", 64, False),
    ("fully_connected", "bf16", 8, True),
])  # fmt: skip
def test_auto_is_bf16_for_convolutions_on_images_of_32_pixels(network, precision, side, found):
    trial = replace(TRIAL, network=network, precision=precision)
    assert trial.trains_in_bf16(side) is found


@pytest.mark.parametrize(("when", "collapsed", "diverged"), [
    ("never", False, False), ("collapsed", True, False), ("diverged", False, True),
    ("either", True, True),
])  # fmt: skip
def test_stop_when_chooses_the_rules_that_end_a_trial_early(when, collapsed, diverged):
    trial = replace(TRIAL, stop_when=when)
    assert (trial.stops("collapsed"), trial.stops("diverged")) == (collapsed, diverged)


def test_a_likelihood_that_does_not_fit_the_levels_is_refused_naming_one_that_does():
    bernoulli = VaeTrial("mnist", likelihood="bernoulli")
    bernoulli.check_levels(2)
    with pytest.raises(UsageError, match="images with 2 levels, and mnist has 256.*likelihood="):
        bernoulli.check_levels(256)
    for levels in (2, 17, 256):
        TRIAL.check_levels(levels)


def test_a_trials_own_number_of_chunks_precedes_the_presets():
    assert replace(TRIAL, source=DMAAPX).with_pool("p", 10).source == replace(
        DMAAPX, pool="p", k=10
    )
    own = replace(TRIAL, source=replace(DMAAPX, k=3)).with_pool("p", 10)
    assert (own.source.k, own.reads_pool, own.lacks_pool) == (3, "p", False)
    assert (own.chunks_read(300), TRIAL.chunks_read(300)) == (3, 1)


@pytest.mark.parametrize(("epochs", "length"), [(80, 40), (81, 40), (2, 1), (1, 1)])
def test_noise_is_mollified_over_half_of_the_studys_epochs(epochs, length):
    trial = replace(TRIAL, source=Source(mollify_epochs=HALF))
    assert trial.completed(epochs, None).source.mollify_epochs == length
    fixed = replace(TRIAL, source=Source(mollify_epochs=7))
    assert fixed.completed(epochs, None) == fixed


def test_an_imported_pool_without_a_number_of_chunks_is_refused():
    trial = replace(TRIAL, source=replace(DMAAPX, pool="mine"))
    with pytest.raises(UsageError, match="--set source.k=K"):
        trial.completed(80, None)
    assert trial.completed(80, 4).source.k == 4


def test_real_images_need_no_pool():
    assert (TRIAL.reads_pool, TRIAL.lacks_pool) == (None, False)
    assert (replace(TRIAL, source=DMAAPX).lacks_pool, TRIAL.model_share) == (True, 1.0)
    half = replace(TRIAL, source=replace(DMAAPX, diffusion_share=0.5))
    assert half.model_share == 0.5


def test_with_samples_their_elbo_is_measured_in_addition_to_that_of_d_train():
    assert TRIAL.measured_images(300, 1000) == 1300
    assert replace(TRIAL, source=DMAAPX).measured_images(300, 1000) == 1600


def test_only_what_changes_an_epochs_length_is_its_architecture():
    pooled = replace(TRIAL, source=replace(DMAAPX, pool="a", k=2), stop_when="either", stop_after=3)
    other = replace(TRIAL, source=replace(DMAAPX, pool="b", k=2), seed=4, lr=0.1, replicate=1)
    assert pooled.architecture == other.architecture
    assert pooled.architecture != TRIAL.architecture
    assert replace(TRIAL, n_c=8).architecture != TRIAL.architecture


def test_a_changing_learning_rate_is_no_step_that_a_gpu_replays():
    assert TRIAL.replays_steps and not replace(TRIAL, lr_decay_epochs=10).replays_steps


def test_the_headline_has_the_axes_and_all_changed_fields():
    changed = {"sigma": 0.1, "source": {"k": 3}}
    headline = replace(TRIAL, n_c=8).headline(changed)
    assert headline["n_c"] == 8 and headline["dataset"] == "digits"
    assert headline["source"] == NORMAL.name
    assert (headline["sigma"], headline["source.k"]) == (0.1, 3)


def test_another_data_set_brings_its_settings_and_all_its_images():
    moved = TRIAL.on_dataset("mnist", {"likelihood": "bernoulli", "lr": 1e-3})
    assert (moved.dataset, moved.train_size, moved.lr) == ("mnist", None, 1e-3)


@pytest.mark.parametrize(("wrong", "message"), [
    ({"m_z": 0}, "m_z=0 is not"), ({"n_c": 0}, "n_c=0"), ({"batch": 0}, "batch=0"),
    ({"lr": 0.0}, "lr=0.0 is not"), ({"lr": -1.0}, "lr=-1.0"), ({"seed": -1}, "seed=-1"),
    ({"half_asleep_from": -1}, "half_asleep_from=-1"), ({"m_z": 1.5}, "m_z=1.5 does not fit"),
    ({"stop_when": "either", "stop_kl": 0.0}, "stop_kl=0.0 is not"),
    ({"likelihood": "gaussian", "sigma": 0.0}, "sigma=0.0 is not"),
    ({"train_size": 0}, "train_size=0"), ({"res_second_kernel": 5}, "3 or 1 is expected"),
])  # fmt: skip
def test_fields_that_make_no_sense_are_refused_by_name(wrong, message):
    with pytest.raises(UsageError, match=message):
        VaeTrial("digits", **wrong)
