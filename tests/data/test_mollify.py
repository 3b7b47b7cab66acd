"""Mollification: the schedule's published values, the noise, and clean images afterwards."""

import numpy as np
import pytest
import torch

from scaling.data.mollify import gamma, mollified
from scaling.data.sources import epoch_images
from scaling.trial import Source, VaeTrial
from scaling.trial.schedule import schedule

# spec: gamma(t) of Tran et al.'s sigmoid schedule, s = 0, e = 3, tau = 0.7
GAMMA = {0: 1, 0.1: 0.783044, 0.25: 0.496594, 0.5: 0.187951, 0.75: 0.051508, 0.9: 0.014626, 1: 1e-9}
GREY = torch.full((4000, 1, 8, 8), 8, dtype=torch.uint8)  # the middle of 17 levels: x = 0


def gaussian(**source):
    return VaeTrial("digits", likelihood="gaussian", batch=1000, source=Source(**source))


def test_the_schedule_has_its_published_values():
    found = gamma(torch.tensor(list(GAMMA), dtype=torch.float64))
    np.testing.assert_allclose(found, list(GAMMA.values()), atol=5e-7)
    assert gamma(torch.tensor([1.0])).item() == pytest.approx(1e-9)


def test_the_noise_of_each_step_has_its_variance():
    trial = gaussian(mollify_epochs=2)
    for epoch in (1, 2):
        steps = mollified(trial, GREY, 17, epoch).split(1000)
        for i, x in enumerate(steps):
            share = gamma(torch.tensor(((epoch - 1) * 4 + i) / 8)).item()
            symmetric = 2 * x - 1
            assert symmetric.var().item() == pytest.approx(share, rel=0.03)
            assert symmetric.mean().item() == pytest.approx(0, abs=4 * (share / 64_000) ** 0.5)


def test_the_signal_shrinks_as_the_noise_grows():
    white = torch.full_like(GREY, 16)
    trial = gaussian(mollify_epochs=2)
    first = 2 * mollified(trial, white, 17, 2)[:1000] - 1
    assert first.mean().item() == pytest.approx((1 - GAMMA[0.5]) ** 0.5, abs=0.01)


def test_noisy_levels_are_levels_and_noisy_binary_images_are_binary():
    images = mollified(VaeTrial("digits", source=Source(mollify_epochs=2)), GREY, 17, 1)
    assert images.dtype == torch.uint8
    assert set(images.unique().tolist()) == set(range(17))
    trial = VaeTrial("mnist", likelihood="bernoulli", source=Source(mollify_epochs=2))
    binary = mollified(trial, (GREY > 100).to(torch.uint8), 2, 1)
    assert set(binary.unique().tolist()) == {0, 1}
    floats = VaeTrial(
        "mnist", likelihood="bernoulli", source=Source(mollify_epochs=2, requantise=False)
    )
    assert 0 <= mollified(floats, GREY, 17, 1).min() <= mollified(floats, GREY, 17, 1).max() <= 1


def test_after_the_schedule_the_images_are_clean():
    trial = gaussian(mollify_epochs=2)
    assert not torch.equal(epoch_images(trial, GREY, 17, 2), GREY)
    assert torch.equal(epoch_images(trial, GREY, 17, 3), GREY)


def test_the_length_is_half_of_the_study_by_default_and_part_of_the_key():
    trial = VaeTrial("digits", source=Source(mollify_epochs=-1))
    (short,), (long,) = (schedule([trial], epochs, 5, None) for epochs in (30, 80))
    assert short.key != long.key
    sources = [one.trial.source for one in (short, long) if isinstance(one.trial, VaeTrial)]
    assert [source.mollify_epochs for source in sources] == [15, 40]
    assert {source.name for source in sources} == {"mollify"}
