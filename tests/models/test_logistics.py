"""The mixture's gradient compared with autograd, in float64 and compiled."""

import shutil
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from scaling.models import logistics
from scaling.models.compiled import Compiled
from scaling.models.mixtures import MixtureOfLogistics


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Turns compiling, which takes seconds, off; one test turns it on."""
    monkeypatch.setattr(logistics, "COMPILE_FROM", 1 << 62)


def case(channels, batch=3, side=4, levels=256, components=4, scale=1.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(7)
    width = MixtureOfLogistics.width(channels, components)
    params = scale * torch.randn(batch, width, side, side, generator=generator)
    x = torch.randint(0, levels, (batch, channels, side, side), generator=generator)
    x[0, :, 0], x[0, :, 1] = 0, levels - 1
    return params.to(dtype).requires_grad_(), x


def obvious(params, x, levels):
    """Computes log sum_k w_k prod_c (sigmoid(a) - sigmoid(b)), colour after colour."""
    k = logistics.components(params.shape[1], x.shape[1])
    blocks = params.split(k, 1)
    per_colour = 3 if x.shape[1] == 3 else 2
    scaled = 2 * x.to(params.dtype) / (levels - 1) - 1
    log_mass = F.log_softmax(blocks[0], 1)
    for c in range(x.shape[1]):
        mean, log_scale = blocks[1 + per_colour * c], blocks[2 + per_colour * c].clamp(min=-7)
        if c == 1 and per_colour == 3:
            mean = mean + blocks[3].tanh() * scaled[:, :1]
        if c == 2:
            mean = mean + blocks[6].tanh() * scaled[:, :1] + blocks[9].tanh() * scaled[:, 1:2]
        level, centre = x[:, c : c + 1], scaled[:, c : c + 1] - mean
        upper = torch.sigmoid((centre + 1 / (levels - 1)) / log_scale.exp())
        lower = torch.sigmoid((centre - 1 / (levels - 1)) / log_scale.exp())
        upper = torch.where(level == levels - 1, torch.ones_like(upper), upper)
        lower = torch.where(level == 0, torch.zeros_like(lower), lower)
        log_mass = log_mass + (upper - lower).log()
    return log_mass.logsumexp(1).sum((1, 2))


def gradient(log_prob, params):
    """Returns the gradient by the parameters, with a factor of its own for each image."""
    factors = torch.arange(1.0, len(log_prob) + 1).to(log_prob)
    return torch.autograd.grad((factors * log_prob).sum(), params)[0]


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("levels", [2, 17, 256])
def test_value_and_gradient_equal_autograd_of_the_obvious_form(channels, levels):
    params, x = case(channels, levels=levels, scale=0.7)
    log_prob, expected = logistics.log_prob(params, x, levels), obvious(params, x, levels)
    torch.testing.assert_close(log_prob, expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(
        gradient(log_prob, params), gradient(expected, params), rtol=1e-7, atol=1e-9
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_float32_is_within_a_hundred_thousandth_of_float64(channels):
    params, x = case(channels, batch=32, side=16, components=10, scale=3, dtype=torch.float32)
    exact = params.detach().double().requires_grad_()
    expected = gradient(logistics.log_prob(exact, x, 256), exact)
    found = gradient(logistics.log_prob(params, x, 256), params).double()
    assert (found - expected).norm() < 1e-5 * expected.norm()
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


def test_on_a_gpu_one_compilation_serves_batches_of_all_sizes():
    """A size that is not marked on both tensors would be compiled on its own, and then again."""
    params, x = (torch.empty(5, n, 4, 4, device="meta") for n in (40, 3))
    ((own, level),) = logistics._parts(params, x)
    marked: list[Any] = [own, level]
    assert [tensor._dynamo_weak_dynamic_indices for tensor in marked] == [{0}, {0}]


def test_a_log_scale_below_the_least_has_no_gradient():
    params, x = case(1)
    with torch.no_grad():
        params[:, 8:12] = -7.5
    found = gradient(logistics.log_prob(params, x, 256), params)
    assert (found[:, 8:12] == 0).all()
    assert (found[:, 4:8] != 0).any()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("images_at_once", [1, 2, 5])
def test_parts_and_layouts_do_not_change_the_result(monkeypatch, layout, images_at_once):
    params, x = case(3, batch=5)
    whole = logistics.log_prob(params, x, 256)
    monkeypatch.setattr(logistics, "EAGER_BYTES", images_at_once * params[0].numel() * 8)
    other = params.detach().to(memory_format=layout).requires_grad_()
    parts = logistics.log_prob(other, x, 256)
    torch.testing.assert_close(parts, whole, rtol=1e-13, atol=0)
    torch.testing.assert_close(
        gradient(parts, other), gradient(whole, params), rtol=1e-13, atol=1e-15
    )


def test_one_tensor_is_kept_for_the_gradient_and_none_if_there_is_no_gradient():
    kept = []
    params, x = case(3)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        logistics.log_prob(params, x, 256)
        assert [tensor.shape for tensor in kept] == [params.shape]
        with torch.no_grad():
            assert not logistics.log_prob(params, x, 256).requires_grad
        logistics.log_prob(params.detach(), x, 256)
        assert len(kept) == 1


def test_a_second_backward_pass_gives_the_same_gradient():
    params, x = case(3)
    total = logistics.log_prob(params, x, 256).sum()
    first = torch.autograd.grad(total, params, retain_graph=True)[0].clone()
    assert torch.equal(torch.autograd.grad(total, params)[0], first)


def test_bf16_parameters_are_evaluated_in_float32():
    params, x = case(3, dtype=torch.bfloat16)
    wide = params.detach().float().requires_grad_()
    log_prob, expected = logistics.log_prob(params, x, 256), logistics.log_prob(wide, x, 256)
    assert log_prob.dtype == torch.float32
    assert torch.equal(log_prob, expected)
    found = gradient(log_prob, params)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), gradient(expected, wide), rtol=1e-2, atol=1e-6)


@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
@pytest.mark.skipif(
    not Path(sysconfig.get_path("include"), "Python.h").exists(), reason="needs Python's headers"
)
def test_compiled_equals_eager_for_any_batch_with_one_compilation(monkeypatch, capfd):
    params, x = case(3, batch=4, dtype=torch.float32)
    expected = logistics.log_prob(params, x, 256)
    by_params = gradient(expected, params)
    monkeypatch.setattr(logistics, "COMPILE_FROM", 0)
    found = logistics.log_prob(params, x, 256)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient(found, params), by_params, rtol=1e-4, atol=1e-5)
    with torch.compiler.set_stance("fail_on_recompile"):
        for batch in (1, 3):
            few = logistics.log_prob(params[:batch], x[:batch].byte(), 256)
            assert torch.equal(few, found[:batch])
    assert not Compiled.failed
    assert "uncompiled" not in capfd.readouterr().err
