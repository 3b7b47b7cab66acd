"""Compares the mixture of 10 logistics at 3x32x32 and its gradient with the textbook form."""

import torch

from scaling.models.mixtures import MixtureOfLogistics
from tests.benchmarks.naive_step import K, textbook
from tests.benchmarks.results import Result
from tests.benchmarks.timing import interleaved

FASTER = 4.0
BATCH = 128


def measure() -> list[Result]:
    """Measures milliseconds per batch."""
    torch.manual_seed(0)
    x = torch.randint(0, 256, (BATCH, 3, 32, 32), dtype=torch.uint8)
    scaled = x.float() / 127.5 - 1
    params = torch.randn(BATCH, 10 * K, 32, 32, requires_grad=True)

    def back(log_prob: torch.Tensor) -> None:
        torch.autograd.grad(log_prob.mean(), params)

    ours, baseline = interleaved(
        lambda: back(MixtureOfLogistics(params, 3).log_prob(x)),
        lambda: back(textbook(scaled, params)),
    )
    name = f"likelihood and its gradient, batch {BATCH}"
    return [Result(name, baseline / ours, FASTER, 1000 * ours, 1000 * baseline, "ms")]
