"""The plan's arithmetic against closed forms and the networks themselves."""

import itertools

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from scaling import plan
from scaling.models.unet import UNet
from scaling.models.vae import build
from scaling.trial import DiffusionTrial, VaeTrial, grid, on_dataset
from scaling.wanted import complete

WIDTHS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
LATENTS = [1, 2, 4, 8, 16, 32, 64]


@pytest.mark.parametrize(("n_c", "m_z"), [*itertools.product(WIDTHS, LATENTS)])
def test_parameters_equal_the_closed_form(n_c, m_z):
    found = plan.parameters(VaeTrial("cifar10", n_c=n_c, m_z=m_z))
    assert found["parameters"] == 120 * n_c**2 + 174 * n_c + 3 * n_c * m_z + 2 * m_z + 100
    assert found["parameters_z"] == 3 * n_c * m_z + 2 * m_z


VARIANTS = [
    VaeTrial("cifar10", n_c=12, m_z=3),
    VaeTrial("cifar10", n_c=12, m_z=3, res_second_kernel=1, latent_reading="channels_x64"),
    VaeTrial("digits", n_c=12, m_z=3, mixtures=5),
    *on_dataset([VaeTrial("digits", n_c=24, m_z=2)], "mnist"),
    *on_dataset([VaeTrial("digits", n_c=24, m_z=2)], "fashion_mnist"),
    VaeTrial("cifar10", n_c=24, network="fully_connected", batch_norm=True),
]


@pytest.mark.parametrize("trial", VARIANTS, ids=lambda t: f"{t.dataset}-{t.network}")
def test_counts_equal_the_networks(trial):
    row = plan.row_of(trial)
    vae = build(trial, row.channels, row.side, row.levels).eval()
    assert plan.parameters(trial) == vae.count_parameters()
    x = torch.zeros(2, row.channels, row.side, row.side, dtype=torch.uint8)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        vae.decoder(vae.encode(x).mean)
    assert counter.get_total_flops() == pytest.approx(2 * plan.flops(trial), rel=0.02)


def test_totals_count_what_is_left():
    trials = grid(VaeTrial("digits", n_c=8), m_z=[1, 2], seed=[0, 1])
    every = complete(trials, 10, 5, None)
    states = {every[0].key: "done", every[1].key: "partial"}
    made = plan.make(every, plan.CPU_CORE, states)
    assert [row["state"] for row in made["trials"]] == ["done", "partial", "new", "new"]
    assert made["total"]["to_run"] == 3
    assert made["total"]["hours"] == pytest.approx(sum(r["hours"] for r in made["trials"][1:]))
    assert made["total"]["gpu_hours"] == 0


def test_shares_hold_the_memory():
    for n_c in WIDTHS:
        trial = VaeTrial("cifar10", n_c=n_c)
        share = plan.gpu_share(trial, plan.GPU)
        assert 0 < share <= 1
        assert plan.memory(trial, plan.GPU) <= share * plan.GPU.bytes
        assert plan.gpu_share(trial, plan.CPU_CORE) == 0


EDM = [
    DiffusionTrial("cifar10"),
    DiffusionTrial("mnist"),
    DiffusionTrial("cifar10", channels=16, multipliers=(1, 2, 2), blocks=2, attention=(8, 16)),
    DiffusionTrial("digits", channels=32, multipliers=(1, 2), blocks=1, attention=(4,)),
]


def unet(trial):
    row = plan.row_of(trial)
    options = trial.channels, trial.multipliers, trial.blocks, trial.attention
    return UNet(row.channels, *options, side=row.side), row


@pytest.mark.parametrize("trial", EDM, ids=lambda t: f"{t.dataset}-{t.channels}")
def test_diffusion_counts_equal_the_network(trial):
    with torch.device("meta"):
        network, row = unet(trial)
    expected = sum(parameter.numel() for parameter in network.parameters())
    assert plan.parameters(trial)["parameters"] == expected


def test_diffusion_flops_equal_the_network():
    network, row = unet(EDM[2])
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.zeros(2, 3, 32, 32), torch.zeros(2))
    assert counter.get_total_flops() == pytest.approx(2 * plan.flops(EDM[2]), rel=0.02)


def test_the_default_unet_has_the_published_size():
    assert plan.parameters(EDM[0])["parameters"] == 55_732_739
    assert plan.parameters(EDM[1])["parameters"] == 55_725_825
