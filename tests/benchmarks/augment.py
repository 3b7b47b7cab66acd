"""Compares augmenting a batch with one image at a time, and with a whole training step."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from scaling.data import augment, datasets
from scaling.data.augment import TABLE_8, TABLE_10, Augmentation
from scaling.runs.vae import VaeRun
from scaling.trial import VaeTrial
from tests.benchmarks.results import Result
from tests.benchmarks.timing import interleaved

TABLES = {"Aug.Naive": TABLE_8, "Aug.Tuned": TABLE_10}
FASTER = 20.0  # goal relative to one image at a time, for 256 images
SHARE = 0.30  # allowed share of the training step at n_c = 32
BATCH = 128


def measure() -> list[Result]:
    """Measures microseconds per image: medians of interleaved rounds at 3x32x32, one thread."""
    # steps come first: after them, as in training, the allocator keeps memory of this size
    steps = [_against_step(name, table) for name, table in TABLES.items()]
    return [_against_loop(name, table) for name, table in TABLES.items()] + steps


def _against_loop(name: str, table: Augmentation) -> Result:
    images = _images(256)

    first, second = _generator(), _generator()

    def loop() -> Tensor:
        return torch.cat([_augmented(one, table, second) for one in images.split(1)])

    spent = interleaved(lambda: _augmented(images, table, first), loop)
    ours, baseline = (1e6 * seconds / len(images) for seconds in spent)
    return Result(
        f"{name}, 256 images at once", baseline / ours, FASTER, ours, baseline, "us/image"
    )


def _against_step(name: str, table: Augmentation) -> Result:
    images = _images(BATCH)
    numpy, labels = images.numpy(), np.zeros(BATCH, dtype=np.uint8)
    data = datasets.Dataset("cifar10", numpy, numpy[:2], labels, labels[:2], 256)
    run = VaeRun(VaeTrial("cifar10", n_c=32, batch=BATCH), data, epochs=1)
    generator = _generator()
    spent = interleaved(
        lambda: _augmented(images, table, generator),
        lambda: run._step(images),
    )
    ours, baseline = (1e6 * seconds / BATCH for seconds in spent)
    return Result(
        f"{name} in a step at n_c 32", baseline / ours, 1 / SHARE, ours, baseline, "us/image"
    )


def _images(count: int) -> Tensor:
    return torch.randint(0, 256, (count, 3, 32, 32), generator=_generator(), dtype=torch.uint8)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _augmented(images: Tensor, table: Augmentation, generator: torch.Generator) -> Tensor:
    knobs = replace(table, probability=0.12)
    return augment.augmented(images, knobs, 256, "mixture", False, generator)
