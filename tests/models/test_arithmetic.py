"""The precision of a diffusion model's network, and that its sampler stays in float64."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from scaling.cluster.pool_requests import SAMPLER, sampler_of
from scaling.models import edm
from scaling.models.arithmetic import networks_in, products_in
from scaling.models.edm import Denoiser
from scaling.runs.diffusion import DiffusionRun
from scaling.trial import DiffusionTrial

FLAGS: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)


@pytest.fixture(params=[(False, True), (True, True), (False, False)])
def outside(request):
    before = [flag.allow_tf32 for flag in FLAGS]
    for flag, value in zip(FLAGS, request.param, strict=True):
        flag.allow_tf32 = value
    yield request.param
    for flag, value in zip(FLAGS, before, strict=True):
        flag.allow_tf32 = value


@pytest.mark.parametrize(("arithmetic", "inside"), [
    ("float32", (False, False)), ("tf32", (True, True)), ("bf16", None),
])  # fmt: skip
def test_tf32_is_used_only_if_it_is_chosen(outside, arithmetic, inside):
    with pytest.raises(KeyError), products_in(arithmetic):
        assert tuple(flag.allow_tf32 for flag in FLAGS) == (inside or outside)
        raise KeyError
    assert tuple(flag.allow_tf32 for flag in FLAGS) == outside


@pytest.mark.parametrize(("arithmetic", "found"), [
    ("float32", torch.float32), ("tf32", torch.float32), ("bf16", torch.bfloat16),
])  # fmt: skip
def test_a_network_computes_in_bf16_if_it_is_chosen(arithmetic, found):
    layer = nn.Linear(2, 2)
    with networks_in(arithmetic, "cpu"):
        assert layer(torch.ones(1, 2)).dtype == found
    assert layer(torch.ones(1, 2)).dtype == torch.float32


class Watched(nn.Module):
    """A network F, a convolution of u, that records the types of its inputs and outputs."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.inputs, self.outputs = nn.Conv2d(1, 1, 3, padding=1), set(), set()

    def forward(self, x, c_noise):
        out = self.conv(x)
        self.inputs.add(x.dtype)
        self.outputs.add(out.dtype)
        return out


@pytest.mark.parametrize(("arithmetic", "found"), [
    ("float32", torch.float32), ("bf16", torch.bfloat16),
])  # fmt: skip
def test_samples_use_the_networks_precision_and_a_state_in_float64(arithmetic, found, monkeypatch):
    denoiser, states = Denoiser(Watched()).requires_grad_(False), set()
    heun = edm.heun_sample

    def watched(denoise, noise):
        def seen(x, sigma):
            states.update({x.dtype, sigma.dtype})
            return denoise(x, sigma)

        out = heun(seen, noise)
        states.add(out.dtype)
        return out

    monkeypatch.setattr(edm, "heun_sample", watched)
    edm.sample(denoiser, range(3), (1, 8, 8), 256, arithmetic=arithmetic)
    assert states == {torch.float64}
    assert denoiser.network.inputs == {torch.float32}
    assert denoiser.network.outputs == {found}


def test_samples_in_bf16_are_nearly_those_in_float32():
    torch.manual_seed(0)
    model = edm.build(DiffusionTrial("digits", channels=8, multipliers=(1, 2), blocks=1), 1, 8)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    model.eval().requires_grad_(False)
    full, half = (
        edm.sample(model, range(20), (1, 8, 8), 17, arithmetic=name).astype(int)
        for name in ("float32", "bf16")
    )
    assert (full != half).any()
    assert np.abs(full - half).mean() < 0.1 * full.std()


@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
def test_a_run_samples_in_its_trials_precision_and_the_pool_records_it(
    tiny, monkeypatch, precision
):
    trial = DiffusionTrial(
        "digits", train_size=45, channels=4, multipliers=(1,), blocks=1, attention=()
    )
    trial, asked = replace(trial, precision=precision), []
    monkeypatch.setattr(edm, "sample", lambda *given: asked.append(given[-1]))
    DiffusionRun(trial, tiny, 1).sample(range(2))
    assert asked == [precision]
    recorded = {} if precision == "float32" else {"precision": precision}
    assert sampler_of(trial) == SAMPLER | recorded
