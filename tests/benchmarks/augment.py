"""Augmentation: the batch against one image after the other, and its share of a training step."""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from scaling.data import augment, datasets
from scaling.data.augment import TABLE_8, TABLE_10, Augmentation
from scaling.runs.vae import VaeRun
from scaling.trial import VaeTrial
from tests.benchmarks.results import Result

TABLES = {"Aug.Naive": TABLE_8, "Aug.Tuned": TABLE_10}
FASTER = 20.0  # than image by image, from 256 images on
SHARE = 0.30  # of the training step at n_c = 32
BATCH = 128
ROUNDS = 9


def measure() -> list[Result]:
    """Medians of interleaved rounds at 3x32x32, one thread, microseconds an image."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        # steps come first: after them, as in training, the allocator keeps memory of this size
        steps = [_against_step(name, table) for name, table in TABLES.items()]
        return [_against_loop(name, table) for name, table in TABLES.items()] + steps
    finally:
        torch.set_num_threads(threads)


def _against_loop(name: str, table: Augmentation) -> Result:
    images = _images(256)

    def loop(x: Tensor, generator: torch.Generator) -> Tensor:
        return torch.cat([_augmented(one, table, generator) for one in x.split(1)])

    ours, baseline = _medians(
        256,
        lambda generator: _augmented(images, table, generator),
        lambda generator: loop(images, generator),
    )
    return Result(
        f"{name}, 256 images at once", baseline / ours, FASTER, ours, baseline, "us/image"
    )


def _against_step(name: str, table: Augmentation) -> Result:
    images = _images(BATCH)
    numpy, labels = images.numpy(), np.zeros(BATCH, dtype=np.uint8)
    data = datasets.Dataset("cifar10", numpy, numpy[:2], labels, labels[:2], 256)
    run = VaeRun(VaeTrial("cifar10", n_c=32, batch=BATCH), data, epochs=1)
    ours, baseline = _medians(
        BATCH,
        lambda generator: _augmented(images, table, generator),
        lambda generator: run._step(images),
    )
    return Result(
        f"{name} in a step at n_c 32", baseline / ours, 1 / SHARE, ours, baseline, "us/image"
    )


def _images(count: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)


def _augmented(images: Tensor, table: Augmentation, generator: torch.Generator) -> Tensor:
    knobs = replace(table, probability=0.12)
    return augment.augmented(images, knobs, 256, "mixture", False, generator)


def _medians(count: int, *works: Callable[[torch.Generator], object]) -> list[float]:
    """Each work's median CPU time over rounds in which all take turns, the first not counted."""
    seconds: list[list[float]] = [[] for _ in works]
    for round in range(ROUNDS + 1):
        for work, kept in zip(works, seconds, strict=True):
            generator = torch.Generator().manual_seed(round)
            start = time.process_time()
            work(generator)
            kept.append((time.process_time() - start) / count * 1e6)
    return [statistics.median(kept[1:]) for kept in seconds]
