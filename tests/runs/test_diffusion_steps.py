"""Both recipes of EDM's gradient steps, compared with closed forms and steps by hand."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from scaling.models import edm
from scaling.models.unet import Attention
from scaling.presets import DIGITS_EDM, MNIST_EDM, ONE_GPU_EDM, PAPER_EDM, one_gpu, paper
from scaling.runs.diffusion import DiffusionRun
from scaling.runs.diffusion_steps import learning_rate
from scaling.seeds import derive
from scaling.trial import DiffusionTrial, key
from tests.conftest import timeless


@pytest.fixture
def trial() -> DiffusionTrial:
    return DiffusionTrial(
        "digits", train_size=45, channels=4, multipliers=(1, 2), blocks=1, attention=(),
        batch=45, lr=3e-3, ramp_images=90, ema_images=50, dropout=0.0, recipe="published",
    )  # fmt: skip


@pytest.mark.parametrize(("recipe", "gain"), [("published", math.sqrt(0.2)), ("mean_loss", 1.0)])
def test_queries_keys_and_values_start_with_the_gain_of_the_recipe(recipe, gain):
    """Xavier initialization is uniform up to gain sqrt(6 / (inputs + outputs))."""
    torch.manual_seed(0)
    model = edm.build(DiffusionTrial("mnist", channels=64, recipe=recipe), 1, 32)
    layers: list[Any] = [layer for layer in model.modules() if isinstance(layer, Attention)]
    assert len(layers) == 6
    for layer in layers:
        outputs, inputs = layer.qkv.weight.shape[:2]
        assert outputs == 3 * inputs
        bound = gain * math.sqrt(6 / (inputs + outputs))
        weight = layer.qkv.weight.detach()
        assert 0.99 * bound < weight.abs().max() <= bound * (1 + 1e-6)
        assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.01)
        assert layer.out.weight.abs().max() < 1e-5  # in both recipes a new block adds nothing


@pytest.mark.parametrize(("recipe", "seen", "batch", "ramp", "share"), [
    ("published", 0, 20, 100, 0.0),
    ("published", 20, 20, 100, 0.2),
    ("published", 100, 20, 100, 1.0),
    ("published", 10**9, 20, 100, 1.0),
    ("published", 0, 20, 0, 0.0),
    ("published", 20, 20, 0, 1.0),
    ("mean_loss", 0, 20, 100, 0.2),
    ("mean_loss", 20, 20, 100, 0.4),
    ("mean_loss", 100, 20, 100, 1.0),
    ("mean_loss", 0, 20, 0, 1.0),
])  # fmt: skip
def test_the_learning_rate_of_a_step_follows_the_recipe(trial, recipe, seen, batch, ramp, share):
    trial = replace(trial, recipe=recipe, ramp_images=ramp)
    assert learning_rate(trial, seen, batch) == pytest.approx(3e-3 * share)


def test_the_optimizer_uses_the_rate_of_the_recipe(trial, tiny, monkeypatch):
    run, rates = DiffusionRun(replace(trial, batch=20), tiny, 2), []
    step, group = run.optimizer.step, run.optimizer.param_groups[0]
    monkeypatch.setattr(run.optimizer, "step", lambda: (rates.append(group["lr"]), step()))
    list(run)
    assert rates == pytest.approx([3e-3 * seen / 90 for seen in (0, 20, 40, 45, 65, 85)])


@pytest.mark.parametrize(("recipe", "pixels"), [("published", 64), ("mean_loss", 1)])
def test_two_steps_of_adam_equal_those_by_hand(trial, tiny, recipe, pixels):
    """Adam's eps, and with it the scale of the loss, is set to a size at which it matters."""
    trial = replace(trial, recipe=recipe)
    run, twin = DiffusionRun(trial, tiny, 2), DiffusionRun(trial, tiny, 2)
    eps = run.optimizer.param_groups[0]["eps"] = 1e-3
    list(run)
    row = timeless(run.last_row)
    parameters, losses = list(twin.model.parameters()), []
    first, second = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
    for t in (1, 2):
        torch.manual_seed(derive(trial.seed, t, "train"))
        x = twin.train[torch.randperm(45)].float() / 8 - 1
        sigma = (-1.2 + 1.2 * torch.randn(45)).exp()[:, None, None, None]
        noisy = x + sigma * torch.randn(x.shape)
        error = (twin.model(noisy, sigma.flatten()) - x).square()
        weighted = error * (sigma**2 + 0.25) / (sigma * 0.5) ** 2
        losses.append(weighted.mean().item())
        gradients = torch.autograd.grad(pixels * weighted.mean(), parameters)
        seen = 45 * (t - 1 if recipe == "published" else t)
        with torch.no_grad():
            for p, g, m, v in zip(parameters, gradients, first, second, strict=True):
                m.mul_(0.9).add_(0.1 * g)
                v.mul_(0.999).add_(0.001 * g**2)
                root = (v / (1 - 0.999**t)).sqrt()
                p.sub_(3e-3 * seen / 90 * m / (1 - 0.9**t) / (root + eps))
    for mine, expected in zip(run.model.parameters(), parameters, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-3, atol=1e-6)
    # both recipes take the mean over pixels
    assert row["loss"] == pytest.approx(losses[-1], rel=1e-4)


@pytest.mark.parametrize(("recipe", "infinite"), [("published", 1e5), ("mean_loss", 0.0)])
def test_gradients_that_are_not_finite_are_replaced(trial, tiny, recipe, infinite):
    run = DiffusionRun(replace(trial, recipe=recipe), tiny, 1)
    network: Any = run.model.network
    bias = network.stem.bias
    broken = torch.tensor([math.nan, math.inf, -math.inf, 0.0])
    bias.register_hook(lambda gradient: broken.where(broken != 0, gradient))
    seen = []
    run.optimizer.register_step_pre_hook(lambda *_: seen.append(bias.grad.clone()))
    list(run)
    assert seen[0][:3].tolist() == [0.0, infinite, -infinite]
    assert 0 < abs(seen[0][3]) < math.inf
    assert all(p.isfinite().all() for p in run.model.parameters())


def test_old_keys_name_trials_of_the_old_recipe():
    assert key(DiffusionTrial("digits")) == "digits-edm-c128-share1-s0-8e56a778bb29"
    assert key(DiffusionTrial("digits", recipe="published")) != key(DiffusionTrial("digits"))


def test_presets_use_the_published_recipe():
    models = [DIGITS_EDM, MNIST_EDM, PAPER_EDM, ONE_GPU_EDM]
    models += [one_gpu("mnist")["diffusion"].trial, paper()["diffusion"].trial]
    assert {model.recipe for model in models} == {"published"}
    assert one_gpu("mnist")["diffusion"].trial.precision == "bf16"
    assert paper()["diffusion"].trial == PAPER_EDM
    assert PAPER_EDM.precision == "float32"
