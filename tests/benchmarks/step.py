"""Compares a training step at 3x32x32 and m_z = 1 with that of the naive loop."""

import numpy as np
import torch

from scaling.data.datasets import Dataset
from scaling.runs.vae import VaeRun
from scaling.trial import VaeTrial
from tests.benchmarks.naive_step import SIZES, Loop, PlainVAE
from tests.benchmarks.results import Result
from tests.benchmarks.timing import interleaved

GOALS = {8: 2.5, 32: 2.2, 128: 1.7}  # by n_c
BATCHES = 4


def measure() -> list[Result]:
    """Measures images per second at each width."""
    return [_at_width(n_c, batch) for n_c, batch in SIZES]


def _at_width(n_c: int, batch: int) -> Result:
    run = _run(n_c, batch)
    naive = Loop(PlainVAE(n_c), batch, BATCHES)
    ours, baseline = (batch / seconds for seconds in interleaved(lambda: _step(run, batch), naive))
    name = f"training step, n_c {n_c}, batch {batch}, {run.precision}"
    return Result(name, ours / baseline, GOALS[n_c], ours, baseline, "images/s")


def _run(n_c: int, batch: int) -> VaeRun:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (BATCHES * batch, 3, 32, 32), dtype=np.uint8)
    labels = np.zeros(len(images), dtype=np.uint8)
    data = Dataset("cifar10", images, images[:2], labels, labels[:2], 256)
    return VaeRun(VaeTrial("cifar10", n_c=n_c, batch=batch), data, epochs=1)


def _step(run: VaeRun, batch: int) -> None:
    run.vae.train()
    run._step(run.train[torch.randperm(len(run.train))[:batch]])
