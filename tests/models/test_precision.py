"""The precision of a VAE's training, and that bf16 concerns the networks alone."""

from dataclasses import replace

import pytest
import torch

from scaling.models import precision
from scaling.models.precision import resolve, trained_in
from scaling.models.vae import build, elbo

CPU = torch.device("cpu")


@pytest.mark.parametrize("network", ["residual", "fully_connected"])
@pytest.mark.parametrize("side", [28, 32])
@pytest.mark.parametrize("has_bf16", [False, True])
def test_auto_is_bf16_for_convolutions_on_large_images_if_the_device_has_it(
    trial, monkeypatch, network, side, has_bf16
):
    monkeypatch.setattr(precision, "has_bf16", lambda device: has_bf16)
    expected = "bf16" if has_bf16 and network == "residual" and side == 32 else "float32"
    for asked, found in (("auto", expected), ("float32", "float32"), ("bf16", "bf16")):
        assert resolve(replace(trial, network=network, precision=asked), side, CPU) == found


@pytest.mark.parametrize("likelihood", ["mixture", "per_channel", "gaussian", "bernoulli"])
def test_bf16_steps_share_the_weights_and_stay_close_to_float32(trial, likelihood):
    form = {"mol_mix": "per_channel"} if likelihood == "per_channel" else {}
    form |= {"likelihood": likelihood} if likelihood in ("gaussian", "bernoulli") else {}
    if "likelihood" in form:
        form["mixtures"] = type(trial).mixtures
    torch.manual_seed(0)
    vae = build(replace(trial, n_c=16, **form), 1, 8, 2)
    half = trained_in("bf16", vae)
    assert {id(p) for p in half.parameters()} == {id(p) for p in vae.parameters()}
    x = torch.randint(0, 2, (64, 1, 8, 8), dtype=torch.uint8)
    exact, exact_slope = elbo_and_slope(vae, x)
    rounded, slope = elbo_and_slope(half, x)
    assert rounded.dtype == torch.float32
    assert rounded != exact
    assert rounded.item() == pytest.approx(exact.item(), rel=0.02)
    assert half.decode(half.encode(x).mean).log_prob(x).dtype == torch.float32
    assert torch.cosine_similarity(slope, exact_slope, 0) > 0.99
    assert {p.dtype for p in vae.parameters()} == {torch.float32}
    assert half.encode(x).mean.dtype == torch.float32


def elbo_and_slope(vae, x):
    torch.manual_seed(1)
    value = elbo(vae, x, vae.encode(x)).mean()
    parameters = list(vae.parameters())
    slope = torch.autograd.grad(value, parameters)
    return value.detach(), torch.cat([part.flatten() for part in slope])


def test_training_in_float32_uses_the_vae_itself(trial):
    vae = build(trial, 1, 8, 17)
    assert trained_in("float32", vae) is vae


@pytest.mark.parametrize("wanted", [False, True])
@pytest.mark.parametrize("before", [False, True])
def test_the_fastest_convolutions_are_chosen_inside_the_block_only(monkeypatch, wanted, before):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", before)
    with precision.fastest_convolutions(wanted):
        assert torch.backends.cudnn.benchmark is (wanted or before)
    assert torch.backends.cudnn.benchmark is before
