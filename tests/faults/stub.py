"""Replaces training by a run that keeps a core busy for a given time, or only waits.

The launcher and the worker are the real ones.
"""

import math
import time
from typing import Any

import numpy as np
import torch

from scaling.cluster import tuner as launch
from scaling.runs import execute as worker
from scaling.runs.run import Row, Run, Stateful
from scaling.trial import Trial, VaeTrial
from tests.faults.many import EPOCHS

train = launch.train


class StubRun(Run):
    """Works or waits in each epoch, and makes up rows: a U over n_c that m_z flattens."""

    def __init__(self, trial: VaeTrial, epochs: int, seconds: float, waits: bool) -> None:
        super().__init__(trial, epochs, 1, "cpu")
        self.vae, self.busy, self.waits = trial, seconds / EPOCHS, waits
        self.weights = torch.nn.Linear(10, 10)

    @property
    def parts(self) -> dict[str, Stateful]:
        return {"weights": self.weights}

    def train_epoch(self) -> float:
        """Uses a given amount of processor time, whatever else runs on the machine, or waits."""
        if self.waits:
            time.sleep(self.busy)
            return 0.0
        until = time.process_time() + self.busy
        while time.process_time() < until:
            pass
        return 0.0

    def measure(self) -> Row:
        gap = self.vae.n_c / self.vae.m_z + self.vae.seed % 7
        test = -100.0 - abs(math.log2(self.vae.n_c) - 3) / self.vae.m_z - 10 / self.epoch
        row: Row = {"epoch": self.epoch, "test_elbo": test, "train_elbo": test + gap}
        row |= {"source_elbo": test + gap, "generalization_gap": gap, "parameters": 110}
        return row | self.timing(300)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"test": np.zeros((1, 1, 8, 8), np.uint8)}


def stubbed(config: dict[str, Any], seconds: float, waits: bool, **given: Any) -> None:
    """Runs `launch.train` with the stub in place of the trial's training."""

    def make_run(trial: Trial, part: object, job: worker.Job, read_chunk: object) -> StubRun:
        assert isinstance(trial, VaeTrial)
        return StubRun(trial, job.epochs, seconds, waits)

    worker.make_run = make_run
    train(config, **given)
