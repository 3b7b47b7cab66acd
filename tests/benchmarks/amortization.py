"""The amortization gap: all images at once against one after the other, weights frozen in both."""

import statistics
import time
from collections.abc import Callable
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scaling.metrics.amortization import Settings, optimize
from scaling.metrics.frozen import frozen
from scaling.models.vae import STD_FLOOR, VAE, build, diagonal_normal, elbo
from scaling.trial import VaeTrial
from tests.benchmarks.results import Result

FASTER = 3.0
WIDTHS = (8, 64)
IMAGES, STEPS = 100, 3
ALONE = 4  # images of the slow loop, which costs the same for each
ROUNDS = 5


def measure() -> list[Result]:
    """Medians of interleaved rounds at 3x32x32, one thread, milliseconds an image and step."""
    with one_thread():
        return [_at_width(n_c) for n_c in WIDTHS]


def _at_width(n_c: int) -> Result:
    torch.manual_seed(0)
    vae = build(VaeTrial("cifar10", n_c=n_c), 3, 32, 256).to(memory_format=torch.channels_last)
    x = torch.randint(0, 256, (IMAGES, 3, 32, 32), dtype=torch.uint8)
    settings = Settings(steps=STEPS)
    with frozen(vae):
        q = vae.encode(x)
        ours, baseline = medians(
            lambda: optimize(vae, x, q, settings), lambda: one_by_one(vae, x[:ALONE]), ROUNDS
        )
    ours, baseline = ours / (IMAGES * STEPS), baseline / (ALONE * STEPS)
    name = f"q* of {IMAGES} images, n_c {n_c}"
    return Result(name, baseline / ours, FASTER, ours, baseline, "ms/image/step")


def one_by_one(vae: VAE, images: Tensor) -> None:
    """A few steps on each image's own mean and rho."""
    for x in images.split(1):
        mean, rho = (nn.Parameter(half) for half in vae.encoder(x.float() / 255).chunk(2, 1))
        adam = torch.optim.Adam([mean, rho], lr=0.03)
        for _ in range(STEPS):
            adam.zero_grad()
            (-elbo(vae, x, diagonal_normal(mean, F.softplus(rho) + STD_FLOOR))).sum().backward()
            adam.step()


def medians(
    ours: Callable[[], object], baseline: Callable[[], object], rounds: int
) -> tuple[float, float]:
    """CPU milliseconds of each, run in turn, after one round that does not count."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds + 1):
        for work, spent in zip((ours, baseline), seconds, strict=True):
            start = time.process_time()
            work()
            spent.append(time.process_time() - start)
    first, second = (1000 * statistics.median(spent[1:]) for spent in seconds)
    return first, second


@contextmanager
def one_thread():
    """As trials run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
