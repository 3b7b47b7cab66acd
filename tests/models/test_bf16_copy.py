"""Steps through a copy in bf16 give the numbers of autocast, and share normalizations."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch

from scaling.models.bf16_copy import Bf16Copy, can_copy
from scaling.models.precision import trained_in
from scaling.models.vae import build, elbo
from tests.narrow import not_none


@pytest.fixture(params=["residual", "fully_connected"])
def vae(trial, request):
    torch.manual_seed(0)
    network = {"network": request.param, "batch_norm": request.param == "fully_connected"}
    return build(replace(trial, n_c=16, **network), 1, 8, 17)


def stepped(vae, x, bf16_copy):
    """Returns the ELBO and the gradient of every parameter of one step."""
    torch.manual_seed(1)
    vae.zero_grad()
    if bf16_copy:
        bf16_copy.renew()
    model = bf16_copy.vae if bf16_copy else trained_in("bf16", vae)
    value = elbo(model, x, model.encode(x)).mean()
    (-value).backward()
    if bf16_copy:
        bf16_copy.collect()
    return value.item(), [not_none(p.grad).clone() for p in vae.parameters()]


def test_elbo_gradients_and_statistics_equal_those_of_autocast(vae):
    other = copy.deepcopy(vae)
    x = torch.randint(0, 17, (32, 1, 8, 8), dtype=torch.uint8)
    expected, slopes = stepped(other, x, None)
    found, copied = stepped(vae, x, Bf16Copy(vae))
    assert found == pytest.approx(expected, rel=1e-6)
    for slope, twin in zip(slopes, copied, strict=True):
        torch.testing.assert_close(twin, slope, rtol=0.02, atol=1e-2 * slope.abs().max().item())
    for name, value in vae.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[name])
    assert {p.dtype for p in vae.parameters()} == {torch.float32}


def test_each_step_uses_the_current_weights(vae):
    bf16_copy, x = Bf16Copy(vae), torch.randint(0, 17, (32, 1, 8, 8), dtype=torch.uint8)
    first, _ = stepped(vae, x, bf16_copy)
    with torch.no_grad():
        for weight in vae.parameters():
            weight.add_(0.1)
    second, slopes = stepped(vae, x, bf16_copy)
    expected, others = stepped(copy.deepcopy(vae), x, None)
    assert second != first and second == pytest.approx(expected, rel=1e-6)
    for slope, twin in zip(others, slopes, strict=True):  # gradients of this step alone
        torch.testing.assert_close(twin, slope, rtol=0.02, atol=1e-2 * slope.abs().max().item())


def test_other_networks_than_the_projects_are_not_copied(vae):
    assert can_copy(vae)
    own: Any = torch.nn.Sequential(vae.encoder)
    vae.encoder = own
    assert not can_copy(vae)
