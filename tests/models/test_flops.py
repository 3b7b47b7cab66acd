"""FLOPs of training, by hand and by torch's counter (rows of real runs: runs/test_work.py)."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from scaling.models.flops import half_asleep_flops, trained_flops, training_flops
from scaling.models.vae import build
from scaling.trial import TwoSampleTrial, VaeTrial
from scaling.trial.catalog import DATASETS

MNIST = VaeTrial("mnist", n_c=24, m_z=2, network="fully_connected", likelihood="bernoulli")
SMALL = VaeTrial("digits", n_c=6, m_z=2, mixtures=2)
ROW = DATASETS["digits"]


def test_a_step_has_three_passes_of_each_linear_map_but_the_images_gradient():
    """The network of Table 3 has layers 1024 -> 24 -> 24 -> 2 x 32, and back to 1024."""
    products = [1024 * 24, 24 * 24, 24 * 64, 32 * 24, 24 * 24, 24 * 1024]
    assert training_flops(MNIST) == 2 * (3 * sum(products) - products[0])


@pytest.mark.parametrize("trial", [MNIST, SMALL, replace(SMALL, res_second_kernel=1)])
def test_the_flops_of_a_step_equal_torchs_count(trial):
    row = DATASETS[trial.dataset]
    vae = build(trial, row.channels, row.side, row.levels)
    x = torch.randint(0, row.levels, (3, row.channels, row.side, row.side), dtype=torch.uint8)
    with FlopCounterMode(display=False) as counter:
        q = vae.encode(x)
        (-vae.decode(q.rsample()).log_prob(x).sum() + q.mean.square().sum()).backward()
    assert 3 * training_flops(trial) == pytest.approx(counter.get_total_flops(), rel=0.01)


@pytest.mark.parametrize(("mix", "images"), [("half", 2), ("only_samples", 1)])
def test_half_asleep_draws_a_sample_and_trains_the_encoder_alone(mix, images):
    trial = replace(SMALL, half_asleep_from=1, half_asleep_mix=mix)
    vae = build(trial, ROW.channels, ROW.side, ROW.levels)
    x = torch.rand(4, 1, 8, 8)
    with FlopCounterMode(display=False) as counter:
        with torch.no_grad():
            drawn = vae.decode(vae.encode(x).mean).mean
        for weight in vae.decoder.parameters():
            weight.requires_grad_(False)
        batch = torch.cat([x, drawn])[-4 * images :]
        F.mse_loss(vae.decode(vae.encode(batch).rsample()).mean, batch).backward()
    assert 4 * half_asleep_flops(trial) == pytest.approx(counter.get_total_flops(), rel=0.01)


@pytest.mark.parametrize("epochs", [1, 2, 3, 7])
def test_flops_add_up_over_epochs_with_and_without_half_asleep(epochs):
    trial = replace(SMALL, half_asleep_from=2)
    awake, asleep = training_flops(trial), half_asleep_flops(trial)
    slow = sum(10 * (awake if epoch <= 2 else asleep) for epoch in range(1, epochs + 1))
    assert trained_flops(trial, ROW, 10, epochs) == slow
    assert trained_flops(SMALL, ROW, 10, epochs) == epochs * 10 * training_flops(SMALL)


def test_epochs_of_other_kinds_have_equal_flops():
    trial = TwoSampleTrial("digits", stages=2, channels=4)
    assert trained_flops(trial, ROW, 10, 6) == 60 * training_flops(trial)
