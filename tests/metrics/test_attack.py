"""The attack: closed forms, and a slow loop with PyTorch's own optimizer and scheduler."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from scaling.metrics import attack as module
from scaling.metrics.attack import GREY, RGB, Rates, attack, symmetric_kl
from scaling.models.cuda_graph import WARM_UP, Graphed
from scaling.models.vae import diagonal_normal
from tests.models.test_cuda_graph import eagerly

GAPS = Path(__file__).parents[1] / "reference" / "gaps.npz"


def floats(run, n):
    return run.test[:n].double() / 16


def test_symmetric_kl_equals_that_of_the_attacks_authors():
    with np.load(GAPS) as file:
        values = {name: torch.from_numpy(file[name]) for name in file}
    p, q = (
        diagonal_normal(values[f"skl_mean_{side}"], (0.5 * values[f"skl_logvar_{side}"]).exp())
        for side in "pq"
    )
    torch.testing.assert_close(symmetric_kl(p, q), values["skl"], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(symmetric_kl(q, p), values["skl"], rtol=1e-5, atol=1e-5)
    assert symmetric_kl(p, p).abs().max() == 0


def test_symmetric_kl_equals_the_value_by_hand():
    q = diagonal_normal(torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 2.0]]))
    p = diagonal_normal(torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 1.0]]))
    # KL(q || p) = 2 - log 2, KL(p || q) = 1/8 + log 2
    assert symmetric_kl(p, q).item() == pytest.approx(1.0625)


class Linear:
    """An encoder with mean W x of the first four pixels and std 1, so SKL = |W epsilon|^2 / 2."""

    def __init__(self):
        weight = np.random.default_rng(0).standard_normal((2, 4))
        self.weight = torch.from_numpy(weight)

    def encode(self, x):
        mean = x.flatten(1)[:, :4] @ self.weight.T
        return diagonal_normal(mean, torch.ones_like(mean))


@pytest.mark.parametrize("grad", ["raw", "sign", "l2"])
def test_the_strongest_attack_on_a_linear_encoder_is_found(grad):
    model, strength = Linear(), replace(RGB, grad=grad)
    x = torch.tensor([0.5, 0.5, 0.5, 0.5, 0.0, 1.0]).double().view(1, 1, 2, 3).expand(40, 1, 2, 3)
    torch.manual_seed(0)
    attacked = attack(model, x, 0.2 * torch.randn_like(x), strength)
    divergence = symmetric_kl(model.encode(attacked), model.encode(x))
    assert divergence.max().item() == pytest.approx(0.012687154, rel=1e-6)
    best = (attacked - x)[divergence.argmax()].flatten()[:4]
    corner = 0.05 * torch.tensor([1.0, -1.0, -1.0, -1.0]).double()
    torch.testing.assert_close(best * best[0].sign(), corner)


def one_by_one(vae, x, initial, strength):
    """Attacks one image with PyTorch's optimizer and scheduler."""
    low, high = x.min(), x.max()
    epsilon = initial.clone()
    sgd = torch.optim.SGD([epsilon], lr=strength.eta)
    scheduler = ReduceLROnPlateau(sgd, mode="min", patience=20, factor=0.5)
    with torch.no_grad():
        clean = vae.encode(x)
    for _ in range(strength.n_steps):
        epsilon.requires_grad_()
        with torch.no_grad():
            epsilon.copy_(torch.clamp(x + epsilon, low, high) - x)
        sgd.zero_grad()
        loss = -symmetric_kl(vae.encode(x + epsilon), clean).sum()
        loss.backward()
        if strength.grad == "sign":
            epsilon.grad.sign_()
        if strength.grad == "l2":
            epsilon.grad /= epsilon.grad.norm()
        sgd.step()
        scheduler.step(loss.item())
        with torch.no_grad():
            epsilon.clamp_(-strength.delta, strength.delta)
        if sgd.param_groups[0]["lr"] < 1e-6:
            break
    return torch.clamp(x + epsilon.detach(), low, high), sgd.param_groups[0]["lr"]


@pytest.mark.parametrize(
    "strength",
    [
        replace(GREY, n_steps=50),
        replace(GREY, n_steps=60, eta=1e-3),
        replace(RGB, n_steps=30, grad="sign", eta=0.01),
        replace(RGB, n_steps=30, grad="l2"),
        replace(GREY, n_steps=60, eta=1.5e-6),  # some attacks stop early
    ],
    ids=lambda strength: f"{strength.grad}-{strength.eta:g}",
)
def test_attacking_a_batch_equals_attacking_its_images_one_by_one(trained, strength):
    trained.vae.eval()
    x = floats(trained, 6)
    torch.manual_seed(0)
    initial = 0.2 * torch.randn_like(x)
    found = attack(trained.vae, x, initial, strength)
    slow = [
        one_by_one(trained.vae, a[None], b[None], strength) for a, b in zip(x, initial, strict=True)
    ]
    torch.testing.assert_close(found, torch.cat([a for a, _ in slow]), rtol=0, atol=1e-9)
    if strength.n_steps >= 50 and strength.eta != 1e-3:
        assert min(lr for _, lr in slow) < strength.eta


def test_each_example_has_pytorchs_schedule():
    """The losses fall, stay, rise, or are negative and slowly get worse."""
    steps = np.arange(900)
    random = np.random.default_rng(0)
    losses = np.stack(
        [
            -0.1 * steps,
            np.zeros(900),
            0.1 * steps,
            -100 + 0.005 * steps,
            -100 * (1 - 5e-5) ** steps,
            -5 + random.standard_normal(900),
            np.where(steps < 300, np.nan, -steps),
        ]
    )
    rates = Rates(len(losses), 1.0, torch.device("cpu"))
    parameters = [torch.zeros(1, requires_grad=True) for _ in losses]
    optimizers = [torch.optim.SGD([parameter], lr=1.0) for parameter in parameters]
    schedulers = [ReduceLROnPlateau(o, patience=20, factor=0.5) for o in optimizers]
    stopped = np.zeros(len(losses), dtype=bool)
    for step in range(900):
        rates.update(torch.from_numpy(losses[:, step]))
        for row, scheduler in enumerate(schedulers):
            scheduler.step(losses[row, step])
        expected = np.array([o.param_groups[0]["lr"] for o in optimizers])
        stopped |= expected < 1e-6
        np.testing.assert_array_equal(rates.now.numpy(), np.where(stopped, 0, expected))
    assert stopped.any() and not stopped.all()


@pytest.mark.parametrize("grad", ["raw", "sign", "l2"])
@pytest.mark.parametrize("delta", [0.01, 0.1, 0.5])
def test_an_attack_stays_in_the_box_and_in_the_images_own_range(trained, grad, delta):
    trained.vae.eval()
    x = floats(trained, 20)
    x[:10] = 0.3 + 0.2 * x[:10]
    torch.manual_seed(0)
    strength = replace(GREY, n_steps=7, grad=grad, delta=delta)
    attacked = attack(trained.vae, x, 3 * torch.randn_like(x), strength)
    assert (attacked - x).abs().max() <= delta + 1e-12
    low, high = x.amin((1, 2, 3)), x.amax((1, 2, 3))
    assert (attacked.amin((1, 2, 3)) >= low).all() and (attacked.amax((1, 2, 3)) <= high).all()
    assert (attacked - x).abs().amax((1, 2, 3)).min() > 0.5 * min(delta, 0.1)


def test_attacks_find_more_than_noise_of_the_same_size(trained):
    trained.vae.eval()
    x = floats(trained, 30)
    torch.manual_seed(0)
    clean = trained.vae.encode(x)
    attacked = attack(trained.vae, x, 0.2 * torch.randn_like(x), GREY)
    noise = (x + 0.1 * torch.randn_like(x).sign()).clamp(0, 1)
    found = symmetric_kl(trained.vae.encode(attacked), clean).mean()
    assert found > 2 * symmetric_kl(trained.vae.encode(noise), clean).mean()


def test_no_step_waits_for_a_number_of_the_device(trained):
    """A capture fails if the host waits for a value, and a tensor on `meta` has no value."""
    trained.vae.float().to("meta").eval()
    x = torch.rand(6, *trained.test.shape[1:]).to("meta")
    attacked = attack(trained.vae, x, 0.2 * torch.randn_like(x), replace(GREY, n_steps=3))
    assert attacked.shape == x.shape and attacked.device.type == "meta"


def test_replayed_steps_attack_as_eager_ones_do(trained, monkeypatch):
    x = floats(trained, 6)
    initial = 0.2 * torch.randn_like(x)
    trained.vae.eval()
    expected = attack(trained.vae, x, initial, GREY)
    calls: list[Any] = []
    monkeypatch.setattr(
        module,
        "replayed",
        lambda step, n, device: Graphed(step, n, eagerly, recorded_images(calls)),
    )
    assert torch.equal(attack(trained.vae, x, initial, GREY), expected)
    assert len(calls) == GREY.n_steps - WARM_UP


def recorded_images(calls):
    """Replaces a CUDA graph's capture: input and result are in buffers that are reused."""

    def capture(step, x):
        static, result = x.clone(), torch.empty_like(x)

        def replay(x):
            calls.append(len(x))
            static.copy_(x)
            return result.copy_(step(static))

        return replay

    return capture


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_a_graph_attacks_as_eager_steps_do(trained, monkeypatch):
    vae = trained.vae.float().to("cuda").eval()
    x = floats(trained, 6).float().to("cuda")
    initial = 0.2 * torch.randn_like(x)
    graph = attack(vae, x, initial, GREY)
    monkeypatch.setattr(module, "replayed", lambda step, n, device: step)
    torch.testing.assert_close(graph, attack(vae, x, initial, GREY), rtol=1e-3, atol=1e-3)
