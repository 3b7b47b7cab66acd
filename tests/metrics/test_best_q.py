"""The search for q*: a slow loop over images, and Cremer's rule."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from scaling.metrics import best_q
from scaling.metrics.amortization import Settings, amortization_gap, measure
from scaling.metrics.frozen import frozen
from scaling.metrics.q_families import PerImage
from scaling.models.cuda_graph import WARM_UP, Graphed
from scaling.models.vae import STD_FLOOR
from scaling.runs.vae import VaeRun
from scaling.seeds import derive
from tests.linear_gaussian import SharpModel
from tests.models.test_cuda_graph import eagerly, recorded
from tests.narrow import numbers


def one_by_one(run, settings):
    """Optimizes image by image: Adam by hand on each mean and log std, then both ELBOs."""
    x, latent = run.test[: settings.n_images], run.vae.encode(run.test[:1]).mean.shape[1:]
    torch.manual_seed(derive(run.trial.seed, run.epoch, "amortization"))
    size = (len(x), *latent)
    train: list[Any] = []
    while len(train) < settings.steps:
        train.append(torch.randn(settings.mc_train, *size, dtype=run.vae.dtype))
        train.append(-train[-1])
    train = train[: settings.steps]
    evaluate = [torch.randn(1, *size, dtype=run.vae.dtype)[0] for _ in range(settings.mc_eval)]
    optimal, encoder = [], []
    for i in range(len(x)):
        first, rho = run.vae.encoder(x[i : i + 1].double() / 16).detach().chunk(2, 1)
        first_std = F.softplus(rho) + STD_FLOOR
        mean, std = climbed(
            run.vae, x[i : i + 1], first, first_std, [e[:, i : i + 1] for e in train]
        )

        def value(mean, std, noise, image=x[i : i + 1]):
            kl = (0.5 * (mean**2 + std**2 - 1) - std.log()).sum()
            return (run.vae.decode(mean + std * noise).log_prob(image).squeeze() - kl).item()

        draws = [e[i : i + 1] for e in evaluate]
        optimal.append(sum(value(mean, std, e) for e in draws) / len(draws))
        encoder.append(sum(value(first, first_std, e) for e in draws) / len(draws))
    return torch.tensor(optimal), torch.tensor(encoder)


def climbed(vae, image, mean, std, draws):
    """Returns one image's averaged mean and std, with gradients by the chain rule."""
    moments = torch.zeros(
        2, 2, *mean.shape
    ).double()  # first and second moments, of mean and log std
    logs, kept, beta, rates = std.log(), [], (0.9, 0.95), (0.4, 0.1)
    for t, noise in enumerate(draws):
        std, gradients = logs.exp(), [0.0, 0.0]
        for e in noise:
            z = (mean + std * e).requires_grad_()
            joint = vae.decode(z).log_prob(image).sum() - 0.5 * (z**2).sum()
            (along,) = torch.autograd.grad(joint, z)
            along = along + e / std  # subtract the gradient of log q
            gradients[0] = gradients[0] + along * std / len(noise)
            gradients[1] = gradients[1] + along * std * e / len(noise)
        moves = []
        for which, gradient in enumerate(gradients):
            first, second = moments[which]
            first.mul_(beta[0]).add_((1 - beta[0]) * gradient)
            second.mul_(beta[1]).add_((1 - beta[1]) * gradient**2)
            unbiased = first / (1 - beta[0] ** (t + 1))
            scale = (second / (1 - beta[1] ** (t + 1))).sqrt() + 1
            cosine = (1 + math.cos(math.pi * t / len(draws))) / 2
            moves.append(rates[which] * cosine * unbiased / scale)
        mean, logs = mean + std * moves[0], logs + moves[1]
        kept.append((mean, logs))
    kept = kept[len(draws) // 2 :]
    weights = [(k + 1) / (len(kept) * (len(kept) + 1) / 2) for k in range(len(kept))]
    mean, logs = (
        sum(w * pair[which] for w, pair in zip(weights, kept, strict=True)) for which in (0, 1)
    )
    return mean, logs.exp()


@pytest.mark.parametrize("at_once", [250, 4])
def test_optimizing_a_batch_equals_optimizing_its_images_one_by_one(trained, monkeypatch, at_once):
    settings = Settings(n_images=9, steps=25, mc_train=2, mc_eval=3)
    monkeypatch.setitem(best_q.AT_ONCE, "cpu", at_once * 64)
    row, arrays = measure(trained, settings)
    trained.vae.eval()
    optimal, encoder = one_by_one(trained, settings)
    torch.testing.assert_close(
        torch.from_numpy(arrays["optimal_elbos"]), optimal, rtol=1e-6, atol=0
    )
    torch.testing.assert_close(
        torch.from_numpy(arrays["encoder_elbos"]), encoder, rtol=1e-6, atol=0
    )
    assert row["amortization_gap"] == pytest.approx((optimal - encoder).mean().item(), abs=1e-4)
    assert numbers(row)["amortization_gap"] > 0.5


def test_cremers_rule_waits_for_more_than_ten_windows():
    rule = best_q.Windows()
    for step in range(5000):
        rule.add(float(step))
    assert not rule.exhausted
    for _ in range(11 * 100 - 1):
        rule.add(0.0)
    assert not rule.exhausted
    rule.add(0.0)
    assert rule.exhausted


@pytest.mark.parametrize("steps", [100, 300])
@pytest.mark.parametrize(
    ("latents", "std", "pixels", "shift", "wide"),
    [
        (16, 0.038, 0, 0.0, 1.0),
        (16, 0.1, 32, 1.0, 1.0),
        (64, 0.025, 0, 0.0, 1.0),
        (64, 0.02, 0, -1.0, 2.0),
        (64, 0.05, 256, 0.0, 1.0),
        (640, 0.19, 0, 0.0, 1.0),
        (640, 0.3, 0, 1.0, 0.5),
    ],
)
def test_the_gap_is_right_for_wide_latents_and_sharp_posteriors(
    latents, std, pixels, shift, wide, steps
):
    model: Any = SharpModel(torch.full((latents,), std), pixels, shift, wide)
    torch.manual_seed(0)
    gap = amortization_gap(model, model.images(30), Settings(steps=steps, mc_eval=64))
    bias = (gap.optimal - gap.encoder).mean().item() - model.gap()
    assert abs(bias) <= max(0.5, 0.03 * model.gap())


@pytest.mark.parametrize("variant", ["per_image", "encoder_finetune"])
def test_replayed_steps_find_what_eager_ones_do(trained, variant, monkeypatch):
    settings = Settings(n_images=10, steps=20, mc_train=2, variant=variant)
    expected = measure(trained, settings)[0]
    calls: list[Any] = []
    monkeypatch.setattr(
        best_q, "replayed", lambda step, n, device: Graphed(step, n, eagerly, recorded(calls))
    )
    assert measure(trained, settings)[0] == expected
    assert calls.count(("replay", 2)) == 20 - WARM_UP


def test_no_step_waits_for_a_number_of_the_device(trained):
    """A capture fails if the host waits for a value, and a tensor on `meta` has no value."""
    vae, x = trained.vae.to("meta").eval(), trained.test[:6].to("meta")
    with frozen(vae):
        q = vae.encode(x)
        family = PerImage(q, 0.1)
        family.optimizer = torch.optim.SGD([family.shift, family.growth], lr=0.1)
        ascent = best_q.Ascent(vae, x, family, q.mean.expand(1, *q.mean.shape))
        for _ in range(2):
            value = ascent.step()
    with pytest.raises(RuntimeError, match="meta"):
        value.item()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_a_graph_finds_what_eager_steps_do(trial, tiny, monkeypatch):
    run = VaeRun(replace(trial, n_c=4), tiny, 4, 4, device="cuda")
    list(run)
    settings = Settings(n_images=10, steps=30)
    graph = measure(run, settings)[0]
    monkeypatch.setattr(best_q, "replayed", lambda step, n, device: step)
    eager = measure(run, settings)[0]
    for name in ("optimal_elbo", "encoder_elbo"):
        assert graph[name] == pytest.approx(eager[name], rel=1e-4)
