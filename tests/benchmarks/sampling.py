"""Compares sampling a diffusion model in small channels_last batches with one image at a time.

The loop uses the weights in PyTorch's default layout, as in a checkpoint; both run the same sampler
and give the same images.
"""

import torch

from scaling.models import edm
from scaling.models.edm import Denoiser
from scaling.presets import DIGITS_EDM, MNIST_EDM
from scaling.trial import DiffusionTrial
from tests.benchmarks.results import Result
from tests.benchmarks.timing import interleaved

# model: side and levels of its images, images sampled at once, goal for the ratio
MODELS = {DIGITS_EDM: (8, 17, 100, 5.0), MNIST_EDM: (32, 2, 32, 2.0)}
ALONE = 2  # images of the slow loop, whose cost per image is constant
ROUNDS = 5


def measure() -> list[Result]:
    """Measures milliseconds per image."""
    return [_of_model(trial, *shape) for trial, shape in MODELS.items()]


def _of_model(trial: DiffusionTrial, side: int, levels: int, count: int, goal: float) -> Result:
    torch.manual_seed(0)
    plain = edm.build(trial, 1, side).eval().requires_grad_(False)
    fast = edm.build(trial, 1, side).eval().requires_grad_(False)
    fast.load_state_dict(plain.state_dict())
    fast.to(memory_format=torch.channels_last)

    def sample(denoiser: Denoiser, images: int, batch: int | None) -> None:
        edm.sample(denoiser, range(images), (1, side, side), levels, batch)

    ours, baseline = interleaved(
        lambda: sample(fast, count, None), lambda: sample(plain, ALONE, 1), rounds=ROUNDS
    )
    ours, baseline = 1000 * ours / count, 1000 * baseline / ALONE
    name = f"{count} samples of the {trial.dataset} model"
    return Result(name, baseline / ours, goal, ours, baseline, "ms/image")
