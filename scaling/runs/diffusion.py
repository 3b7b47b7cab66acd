"""Trains a diffusion model (EDM, Appendix D) as an iterable of rows with a `state_dict`."""

import copy
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from scaling.data.datasets import Dataset
from scaling.data.sources import ReadChunk
from scaling.models import edm
from scaling.models.arithmetic import Arithmetic, products_in
from scaling.models.edm import Denoiser
from scaling.models.full_float32 import full_float32
from scaling.runs.diffusion_steps import DiffusionSteps
from scaling.runs.run import Row, Stateful
from scaling.seeds import derive, seeded
from scaling.storage.checkpoints import State
from scaling.trial import DiffusionTrial
from scaling.trial.diffusion import MEASURED

MEASURED_BATCH = 250  # images in memory at a time while losses are measured
PICTURES = 16  # samples kept as pictures


def share_of_train(trial: DiffusionTrial, train: np.ndarray) -> np.ndarray:
    """Returns the model's training images: the first of a permutation of D_train drawn by chance.

    The permutation depends on the trial's replicate (or split), so that a smaller share is a subset
    of a larger one (Appendix B.8). `train` are levels (N, C, H, W).
    """
    order = np.random.default_rng(derive(trial.draw, "share")).permutation(len(train))
    return train[order[: max(1, round(trial.share * len(train)))]]


def load_denoiser(
    trial: DiffusionTrial,
    data_shape: tuple[int, ...],
    state: State,
    device: str | torch.device = "cpu",
) -> Denoiser:
    """Returns the denoiser with the averaged weights of a run's `state_dict`, ready to sample."""
    denoiser = edm.build(trial, data_shape[0], data_shape[1])
    denoiser.load_state_dict(state["averaged"])
    frozen = denoiser.eval().requires_grad_(False)
    return frozen.to(device).to(memory_format=torch.channels_last)


def sample_images(
    trial: DiffusionTrial,
    state: State,
    seeds: Sequence[int],
    shape: tuple[int, ...],
    levels: int,
    device: str | torch.device = "cpu",
    arithmetic: Arithmetic = "float32",
) -> np.ndarray:
    """Samples images, levels (N, *shape), one per seed, with a run's averaged weights.

    `state` is a run's `state_dict`.
    """
    denoiser = load_denoiser(trial, shape, state, device)
    return edm.sample(denoiser, seeds, shape, levels, device=device, arithmetic=arithmetic)


class DiffusionRun(DiffusionSteps):
    """Trains EDM; iterating over it trains and yields rows, as `Run` describes.

    An epoch is |D_train| images: the share of D_train, repeated as often as necessary; or, under
    `budget=epochs`, the share once. `denoiser` holds the averaged weights, which give every
    reported loss and every sample. EDM reads no pool, so `read_chunk` is unused. With
    `micro_batch`, only that many images of a step are in memory at a time, which changes results by
    rounding only.
    """

    trial: DiffusionTrial
    objective, remedy = "denoising loss", " or a longer ramp_images"

    def __init__(
        self,
        trial: DiffusionTrial,
        data: Dataset,
        epochs: int,
        measure_every: int = 10,
        device: str | torch.device = "cpu",
        read_chunk: ReadChunk | None = None,
        kept_epochs: Sequence[int] = (),
        micro_batch: int | None = None,
    ) -> None:
        super().__init__(trial, epochs, measure_every, device, kept_epochs)
        self.trial, self.micro_batch = trial, micro_batch
        self.levels, self.shape = data.levels, data.train.shape[1:]
        self.images: Row = {**data.described}
        self.train = torch.tensor(share_of_train(trial, data.train), device=self.device)
        self.test = torch.tensor(data.test, device=self.device)
        self.epoch_images = len(data.train if trial.budget == "images" else self.train)
        with seeded(self.device, trial.stream, "init"):
            model = edm.build(trial, data.channels, data.side)
        self.model = model.to(self.device).to(memory_format=torch.channels_last)
        self.denoiser = copy.deepcopy(self.model).eval().requires_grad_(False)
        self._prepare_steps()

    @property
    def parts(self) -> dict[str, Stateful]:
        """Returns the network, its averaged copy and the optimizer."""
        networks: dict[str, Stateful] = {"model": self.model, "averaged": self.denoiser}
        return networks | {"optimizer": self.optimizer}

    def measure(self) -> Row:
        """Returns the row of the current epoch: losses per pixel, parameters, training time.

        `loss` is the training loss over the epoch, with dropout. `train_loss` and `test_loss` are
        those of the averaged weights, with the same noise for both sets in every epoch.
        """
        losses = {"train_loss": self._loss_on(self.train), "test_loss": self._loss_on(self.test)}
        self.check(*losses.values())
        parameters = sum(p.numel() for p in self.model.parameters())
        row: Row = {"epoch": self.epoch, "loss": self.loss, **losses, "parameters": parameters}
        so_far = self.work(self.epoch_images, self.shape, self.levels)
        return row | self.images | self.timing(self.epoch_images) | so_far

    def sample(self, seeds: Sequence[int]) -> np.ndarray:
        """Samples images, levels (N, C, H, W), one per seed."""
        place, arithmetic = self.device, self.trial.precision
        fixed = (self.shape, self.levels, None, place, arithmetic)
        return edm.sample(self.denoiser, seeds, *fixed)

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the samples for pictures, as levels (N, C, H, W)."""
        return {"samples": self.sample(range(PICTURES))}

    def train_epoch(self) -> float:
        """Trains on the share of D_train, repeated to fill the budget; returns the mean loss."""
        seen = (self.epoch - 1) * self.epoch_images
        self.model.train()
        total = torch.zeros((), device=self.device)
        stream = (self.trial.stream, self.epoch, "train")
        with products_in(self.trial.precision), seeded(self.device, *stream):
            for batch in self._order().split(self.trial.batch):
                total += self._step(self.train[batch], seen) * len(batch)
                seen += len(batch)
        return total.item() / self.epoch_images

    def _order(self) -> Tensor:
        """Returns the indices of an epoch's images: the share repeatedly, reshuffled each time."""
        size = len(self.train)
        passes = range(math.ceil(self.epoch_images / size))
        orders = [torch.randperm(size, device=self.device) for _ in passes]
        return torch.cat(orders)[: self.epoch_images]

    @torch.no_grad()
    def _loss_on(self, images: Tensor) -> float:
        """Returns the mean loss per pixel of the averaged weights."""
        x = edm.from_levels(images[:MEASURED], self.levels)
        with full_float32(), seeded(self.device, self.trial.stream, "measure"):
            losses = [edm.loss(self.denoiser, part) for part in x.split(MEASURED_BATCH)]
        return torch.cat(losses).double().mean().item()


RUN = DiffusionRun  # `execute.make_run` finds the class of a kind under this name
