"""Costs of trials: counts against closed forms and networks, memory against real peaks."""

import itertools
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from scaling.data.datasets import Dataset
from scaling.metrics import amortization, attack, best_q, elbo, iwae, robustness
from scaling.models import edm, layers, logistics, precision
from scaling.models.unet import UNet
from scaling.models.vae import build
from scaling.planning import costs
from scaling.runs import diffusion
from scaling.runs.execute import Job, make_run
from scaling.runs.vae import VaeRun
from scaling.trial import DiffusionTrial, TwoSampleTrial, VaeTrial, on_dataset, to_dict
from scaling.trial.schedule import Scheduled

WIDTHS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
LATENTS = [1, 2, 4, 8, 16, 32, 64]


@pytest.mark.parametrize(("n_c", "m_z"), [*itertools.product(WIDTHS, LATENTS)])
def test_parameters_equal_the_closed_form(n_c, m_z):
    found = costs.parameters(VaeTrial("cifar10", n_c=n_c, m_z=m_z))
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
def test_parameters_equal_the_networks(trial):
    row = layers.images_of_trial(trial)
    vae = build(trial, row.channels, row.side, row.levels)
    assert costs.parameters(trial) == vae.count_parameters()


EDM = [
    DiffusionTrial("cifar10"),
    DiffusionTrial("mnist"),
    DiffusionTrial("cifar10", channels=16, multipliers=(1, 2, 2), blocks=2, attention=(8, 16)),
    DiffusionTrial("digits", channels=32, multipliers=(1, 2), blocks=1, attention=(4,)),
]


@pytest.mark.parametrize("trial", EDM, ids=lambda t: f"{t.dataset}-{t.channels}")
def test_parameters_equal_the_diffusion_models(trial):
    row = layers.images_of_trial(trial)
    options = trial.channels, trial.multipliers, trial.blocks, trial.attention
    with torch.device("meta"):
        network = UNet(row.channels, *options, side=row.side)
    expected = sum(parameter.numel() for parameter in network.parameters())
    assert costs.parameters(trial)["parameters"] == expected


def test_the_default_unet_has_the_published_size():
    assert costs.parameters(EDM[0])["parameters"] == 55_732_739
    assert costs.parameters(EDM[1])["parameters"] == 55_725_825


def test_a_replayed_step_needs_memory_for_all_its_outputs():
    small, smaller = (VaeTrial("cifar10", n_c=64, batch=batch) for batch in (20, 10))
    eager = [replace(trial, lr_decay_epochs=10) for trial in (small, smaller)]
    for machine in (costs.CPU_CORE, costs.GPU):  # measuring needs more memory than such a step
        assert costs.memory(eager[0], machine) == costs.memory(eager[1], machine)
    assert costs.memory(small, costs.CPU_CORE) == costs.memory(eager[0], costs.CPU_CORE)
    held = [
        costs.memory(t, costs.GPU) - costs.memory(e, costs.GPU)
        for t, e in zip((small, smaller), eager, strict=True)
    ]
    assert held[0] == pytest.approx(2 * held[1]) and held[1] > 0


def made_up(trial, train, test=2):
    row = layers.images_of_trial(trial)
    draw = np.random.default_rng(0).integers
    shapes = [(count, row.channels, row.side, row.side) for count in (train, test)]
    images, tested = (draw(0, row.levels, shape, dtype=np.uint8) for shape in shapes)
    none = np.zeros(0, int)
    return Dataset("made up", images, tested, none, none, row.levels)


def attended(query, key, value, *rest, **more):
    return sdpa_flop_count(query, key, value)


def attended_back(gradient, query, key, value, *rest, **more):
    return sdpa_backward_flop_count(gradient, query, key, value)


ATTENTION = {  # on a CPU, where not every torch counts it
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attended,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: attended_back,
}
ASLEEP = VaeTrial("digits", n_c=6, m_z=2, mixtures=2, half_asleep_from=1)
STEPS = [
    VaeTrial("cifar10", n_c=1, likelihood="gaussian"),
    VaeTrial("cifar10", n_c=4, m_z=64, mixtures=1),
    VaeTrial("digits", n_c=8, mixtures=2),
    *on_dataset([VaeTrial("digits", n_c=24, m_z=2)], "mnist"),
    ASLEEP,
    replace(ASLEEP, half_asleep_mix="only_samples"),
    DiffusionTrial("digits", channels=16, multipliers=(1, 1), blocks=1, attention=()),
    DiffusionTrial("mnist", channels=8, multipliers=(1, 2, 2), blocks=1, attention=(8, 16)),
    TwoSampleTrial("digits", channels=8, stages=3, pool="any"),
]


@pytest.mark.parametrize("trial", STEPS, ids=lambda t: f"{t.kind}-{t.dataset}-{t.batch}")
def test_flops_of_an_epoch_equal_those_counted(trial, monkeypatch):
    """The epoch is the last of two, which is reverse half asleep in some trials."""
    trial = replace(trial, train_size=4)
    data = made_up(trial, 4)
    run = make_run(trial, data, Job(2, 10), lambda index: data.train)
    run.epoch = 1
    if isinstance(run, VaeRun):
        run.half_asleep = bool(trial.half_asleep_from)
        run.vae.decoder.requires_grad_(not run.half_asleep)
    monkeypatch.setattr(run, "measure", dict)
    with FlopCounterMode(display=False, custom_mapping=ATTENTION) as counter:
        list(run)
    planned = costs.training_work(trial, 2).flops - costs.training_work(trial, 1).flops
    assert counter.get_total_flops() == pytest.approx(planned, rel=0.02)


def test_constants_are_those_of_the_modules_that_use_them():
    assert logistics.COMPILE_FROM == costs.COMPILE_FROM
    assert edm.SAMPLE_BATCH == costs.SAMPLE_BATCH
    calls = []
    edm.heun_sample(lambda x, sigma: calls.append(sigma) or x, torch.zeros(1))
    assert len(calls) == costs.NFE
    assert elbo.EVAL_BATCH == costs.COPIES["vae"].measured_together
    assert diffusion.MEASURED_BATCH == costs.COPIES["diffusion"].measured_together
    assert (best_q.AT_ONCE, robustness.AT_ONCE) == (costs.AT_ONCE, costs.ATTACKED)
    settings = amortization.Settings()
    for name, value in costs.AMORTIZATION.items():
        assert getattr(settings, name) == value
    bound = iwae.Settings()
    assert {name: getattr(bound, name) for name in costs.IWAE} == costs.IWAE
    for rgb, strength in ((False, attack.GREY), (True, attack.RGB)):
        for name, value in costs.ROBUSTNESS[rgb].items():
            assert getattr(strength, name) == value


@pytest.mark.parametrize(("epochs", "every", "kept"), [
    (80, 16, ()), (200, 10, (50, 51)), (1, 1, ()), (7, 20, (3,)), (95, 4, ()),
])  # fmt: skip
def test_the_number_of_measurements_equals_that_of_a_run(
    trial, tiny, monkeypatch, epochs, every, kept
):
    run = make_run(trial, tiny, Job(epochs, every, kept_epochs=kept), None)
    monkeypatch.setattr(run, "train_epoch", lambda: 0.0)
    monkeypatch.setattr(run, "measure", dict)
    scheduled = Scheduled(trial, epochs, every, kept_epochs=kept)
    assert scheduled.measurements == len(list(run))


def test_amortization_costs_half_an_epoch():
    """Measured: 500 images for 100 steps take 0.46 of a 50,000-image epoch."""
    scheduled = Scheduled(VaeTrial("cifar10", n_c=64), 1, 1, ("amortization",), (1,))
    options = {"amortization": {"n_images": 500, "steps": 100, "mc_eval": 1}}
    machine = costs.CPU_CORE
    metric = machine.seconds(scheduled.trial, costs.metrics_work(scheduled, options))
    epoch = machine.seconds(scheduled.trial, costs.training_work(scheduled.trial, 1))
    assert 0.35 < metric / epoch < 0.65


def test_a_thousand_draws_cost_as_many_passes_through_the_decoder():
    """Forward only: a gradient step of q* costs two of them."""
    scheduled = Scheduled(VaeTrial("cifar10", n_c=64), 1, 1, ("iwae",), (1,))
    bound = costs.metrics_work(scheduled, {"iwae": {"n_images": 50, "draws": 100}})
    steps = replace(scheduled, metrics=("amortization",))
    options = {"amortization": {"n_images": 50, "steps": 49, "mc_eval": 1}}
    assert bound == costs.metrics_work(steps, options)


GAUSSIAN = VaeTrial("cifar10", likelihood="gaussian")
QUICK = [
    VaeTrial("digits", n_c=32, mixtures=5, batch=30),
    replace(GAUSSIAN, n_c=128, batch=50, precision="float32"),
]
GRID = [
    VaeTrial("cifar10", n_c=8),
    VaeTrial("cifar10", n_c=32),
    VaeTrial("cifar10", n_c=128, precision="float32"),
    VaeTrial("digits", n_c=128, mixtures=5, batch=300),
    *on_dataset([VaeTrial("digits", n_c=512)], "mnist"),
    DiffusionTrial("digits", channels=16, multipliers=(1, 1), blocks=1, attention=(), batch=50),
    DiffusionTrial("mnist", channels=24, multipliers=(1, 2, 2), blocks=1, attention=(), batch=32),
    DiffusionTrial("cifar10", channels=32, blocks=1, batch=64),
    TwoSampleTrial("cifar10", channels=32, batch=64, pool="any"),
]


def peaks(trials):
    """Returns bytes before and at the peak of each trial, in one process, smallest first."""
    command = [sys.executable, "-m", "tests.peaks"]
    text = json.dumps([to_dict(trial) for trial in trials])
    root = Path(__file__).parents[2]
    done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_peaks(trials):
    has_bf16 = precision.has_bf16(torch.device("cpu"))
    trials = [replace(trial, train_size=2 * trial.batch) for trial in trials]
    for trial, (before, peak) in zip(trials, peaks(trials), strict=True):
        machine = replace(costs.CPU_CORE, base_bytes=before, bf16=0.5 if has_bf16 else 1)
        estimate = costs.memory(trial, machine)
        assert estimate == pytest.approx(peak, rel=0.25), trial


linux = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks need Linux")


@linux
def test_memory_equals_measured_peaks():
    check_peaks(QUICK)


@linux
@pytest.mark.slow
@pytest.mark.parametrize("trial", GRID, ids=lambda t: f"{t.kind}-{t.dataset}-{t.batch}")
def test_memory_equals_measured_peaks_over_the_grid(trial):
    check_peaks([trial])
