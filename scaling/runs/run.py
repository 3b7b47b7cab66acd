"""Implements what all kinds of runs share: epochs, measured rows, time, resumable state."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from scaling.errors import UsageError
from scaling.models.flops import trained_flops
from scaling.storage.checkpoints import State
from scaling.storage.rows import Row as Row
from scaling.trial import Trial
from scaling.trial.catalog import DatasetEntry


class Stateful(Protocol):
    """Describes a part of a run whose state can be saved: a network or an optimizer."""

    def state_dict(self) -> State: ...
    def load_state_dict(self, state_dict: State) -> Any: ...


class Run(ABC):
    """Trains up to `epochs` in `for row in run:`, which yields the rows of the measured epochs.

    Measured are the epochs that the trial's kind chooses, and `kept_epochs`, whose models are kept;
    `between` is called after each of the others. Every random number is determined by the trial and
    the epoch. Raises FloatingPointError when a number stops being finite.
    """

    objective = "loss"  # name of that number in the error message
    remedy = ""  # what may help besides a smaller lr

    def __init__(
        self,
        trial: Trial,
        epochs: int,
        measure_every: int,
        device: str | torch.device,
        kept_epochs: Sequence[int] = (),
    ) -> None:
        self.trial, self.lr, self.measured_at = trial, trial.lr, trial.is_measured
        self.epochs, self.measure_every = epochs, measure_every
        self.device, self.kept_epochs = torch.device(device), frozenset(kept_epochs)
        self.epoch = 0
        self.seconds = 0.0
        self.loss = math.nan  # mean over the images of the last epoch
        self.last_row: Row = {}
        self.stopped = ""  # why training ended early, if it did
        self.between: Callable[[], None] = lambda: None

    @property
    @abstractmethod
    def parts(self) -> dict[str, Stateful]:
        """Returns the networks and optimizers that the next epoch depends on, by name."""

    @abstractmethod
    def train_epoch(self) -> float:
        """Trains for the epoch `self.epoch`; returns the mean loss over its images."""

    @abstractmethod
    def measure(self) -> Row:
        """Returns the row of the current epoch."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the arrays for pictures, as levels (N, C, H, W), by name."""

    def __iter__(self) -> Iterator[Row]:
        while self.epoch < self.epochs and not self.stopped:
            start = time.perf_counter()
            self.epoch += 1
            self.loss = self.train_epoch()
            self.check(self.loss)
            self.seconds += time.perf_counter() - start
            self.stopped = self.stop_reason()
            if self.stopped or self.is_measured():
                self.last_row = self.measure() | self.censoring()
                yield self.last_row
            else:
                self.between()

    def stop_reason(self) -> str:
        """Returns why training ends early with the current epoch, or ""."""
        return ""

    def censoring(self) -> Row:
        """Returns the columns of a row that mark a trial as ended early."""
        return {"censored": self.stopped} if self.stopped else {}

    @property
    def censors_divergence(self) -> bool:
        """Is True if a loss that is not finite makes the trial censored instead of failed."""
        return False

    def is_measured(self) -> bool:
        """Returns True if the current epoch is measured."""
        regular = self.measured_at(self.epoch, self.epochs, self.measure_every)
        return regular or self.epoch in self.kept_epochs

    def state_dict(self) -> State:
        """Returns everything that the next epoch depends on, and the last row."""
        parts = {name: part.state_dict() for name, part in self.parts.items()}
        counters = {"epoch": self.epoch, "seconds": self.seconds, "loss": self.loss}
        stopped = {"stopped": self.stopped} if self.stopped else {}
        return counters | parts | {"last_row": self.last_row} | stopped

    def load_state_dict(self, state: State) -> None:
        """Restores the state that `state_dict` returned."""
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        self.epoch, self.seconds, self.loss = state["epoch"], state["seconds"], state["loss"]
        self.last_row, self.stopped = state["last_row"], state.get("stopped", "")

    def timing(self, epoch_images: int) -> Row:
        """Returns the seconds of training so far, and the images per second."""
        speed = self.epoch * epoch_images / max(self.seconds, 1e-9)
        return {"seconds": round(self.seconds, 3), "images_per_s": round(speed, 1)}

    def work(self, epoch_images: int, shape: Sequence[int], levels: int) -> Row:
        """Returns the images and FLOPs of training so far, on images of shape (C, H, W).

        `images_seen` counts each image as often as it was trained on. `training_flops` are counted
        by `scaling.models.flops`; they are absent for a user's own network that it cannot count.
        """
        images = DatasetEntry(shape[0], shape[1], levels, epoch_images, {})
        seen: Row = {"images_seen": self.epoch * epoch_images}
        try:
            flops = trained_flops(self.trial, images, epoch_images, self.epoch)
        except UsageError:
            return seen
        return seen | {"training_flops": flops}

    def check(self, *losses: float) -> None:
        """Raises FloatingPointError if a loss is not finite."""
        if not all(math.isfinite(value) for value in losses):
            raise FloatingPointError(
                f"the {self.objective} is no longer finite in epoch {self.epoch}; "
                f"a smaller lr (now {self.lr}){self.remedy} may help"
            )
