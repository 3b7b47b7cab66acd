"""Compares the attack on all references and restarts as one batch with a loop over examples.

The loop uses PyTorch's SGD and scheduler and keeps the weights' gradients on.
"""

import torch
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from scaling.metrics.attack import RGB, Strength, attack, symmetric_kl
from scaling.metrics.frozen import frozen
from scaling.models.vae import VAE, build
from scaling.trial import VaeTrial
from tests.benchmarks.results import Result
from tests.benchmarks.timing import interleaved

FASTER = {8: 15.0, 64: 4.0}  # by n_c
BATCH = RGB.n_ref * RGB.n_attack
STRENGTH = Strength(RGB.n_ref, RGB.n_attack, n_steps=4, eta=RGB.eta, delta=RGB.delta)
ALONE = 8  # examples of the slow loop, whose cost per example is constant
ROUNDS = 5


def measure() -> list[Result]:
    """Measures milliseconds per example and step: medians of interleaved rounds, one thread."""
    return [_at_width(n_c, goal) for n_c, goal in FASTER.items()]


def _at_width(n_c: int, goal: float) -> Result:
    torch.manual_seed(0)
    vae = build(VaeTrial("cifar10", n_c=n_c), 3, 32, 256).to(memory_format=torch.channels_last)
    x, noise = torch.rand(BATCH, 3, 32, 32), 0.2 * torch.randn(BATCH, 3, 32, 32)
    vae.eval()

    def at_once() -> None:
        with frozen(vae):
            attack(vae, x, noise, STRENGTH)

    ours, baseline = interleaved(
        at_once, lambda: one_by_one(vae, x[:ALONE], noise[:ALONE]), rounds=ROUNDS
    )
    ours = 1000 * ours / (BATCH * STRENGTH.n_steps)
    baseline = 1000 * baseline / (ALONE * STRENGTH.n_steps)
    name = f"attack on {BATCH} at once, n_c {n_c}"
    return Result(name, baseline / ours, goal, ours, baseline, "ms/example/step")


def one_by_one(vae: VAE, images: Tensor, noise: Tensor) -> None:
    """Takes a few steps on each example."""
    for x, initial in zip(images.split(1), noise.split(1), strict=True):
        low, high = x.min(), x.max()
        epsilon = initial.clone().requires_grad_()
        sgd = torch.optim.SGD([epsilon], lr=STRENGTH.eta)
        scheduler = ReduceLROnPlateau(sgd, patience=20, factor=0.5)
        with torch.no_grad():
            clean = vae.encode(x)
        for _ in range(STRENGTH.n_steps):
            epsilon.data = torch.clamp(x + epsilon.data, low, high) - x
            sgd.zero_grad()
            loss = -symmetric_kl(vae.encode(x + epsilon), clean).sum()
            loss.backward()
            sgd.step()
            scheduler.step(loss.item())
            epsilon.data = epsilon.data.clamp(-STRENGTH.delta, STRENGTH.delta)
