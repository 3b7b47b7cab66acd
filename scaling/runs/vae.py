"""Trains a VAE (Algorithms 1 and 2) as an iterable of rows with a `state_dict`."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scaling.data import sources
from scaling.data.datasets import Dataset
from scaling.errors import UsageError
from scaling.metrics import elbo as elbo_metric
from scaling.metrics import reconstruction
from scaling.models.cuda_graph import Step, graphed
from scaling.models.full_float32 import full_float32
from scaling.models.precision import Precision, resolve, trained_in
from scaling.models.vae import VAE, build, elbo
from scaling.runs.half_asleep import with_samples
from scaling.runs.run import Row, Run, Stateful
from scaling.runs.stopping import StopRule
from scaling.seeds import seeded
from scaling.trial import VaeTrial


class VaeSteps(Run):
    """Performs the gradient steps of a VaeRun: optimizer, precision, phase, learning rate."""

    trial: VaeTrial
    data: Dataset
    vae: VAE

    def _step(self, x: Tensor) -> Tensor:
        """Performs one gradient step on the batch's mean ELBO; returns that ELBO in nats."""
        self.optimizer.zero_grad(set_to_none=True)
        if self.half_asleep:
            x = with_samples(self.vae, self.trial, x)
        objective = elbo(self.trained, self.vae.as_levels(x), self.trained.encode(x)).mean()
        (-objective).backward()
        if self.trial.grad_clip is not None:
            torch.nn.utils.clip_grad_norm_(self.vae.parameters(), self.trial.grad_clip)
        self.optimizer.step()
        return objective.detach()

    def _set_precision(self, precision: Precision) -> None:
        self.precision = precision
        self.trained = trained_in(precision, self.vae)

    def _set_phase(self, epoch: int) -> None:
        """Creates the epoch's optimizer: after `half_asleep_from`, for the encoder alone."""
        self.half_asleep = 0 < self.trial.half_asleep_from < epoch
        # Old gradients of a frozen decoder would enter the clipped norm.
        self.vae.zero_grad(set_to_none=True)
        self.vae.decoder.requires_grad_(not self.half_asleep)
        self.optimizer = self._adam(self.vae.encoder if self.half_asleep else self.vae)
        self.step: Step = graphed(self._step, self.trial.batch) if self.replays else self._step

    @property
    def replays(self) -> bool:
        """Is True if steps run as a CUDA graph: on a GPU, if nothing changes between them."""
        whole = len(self.data.train) >= self.trial.batch
        same = self.trial.replays_steps and not self.half_asleep
        return self.device.type == "cuda" and whole and same

    def _adam(self, module: torch.nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(
            module.parameters(),
            lr=self.trial.lr,
            weight_decay=self.trial.weight_decay,
            fused=True,
            capturable=self.replays,
        )

    def _set_lr(self) -> None:
        if not self.trial.lr_decay_epochs:
            return
        begun = self.trial.half_asleep_from if self.half_asleep else 0
        done = min(1.0, (self.epoch - 1 - begun) / self.trial.lr_decay_epochs)
        for group in self.optimizer.param_groups:
            group["lr"] = self.trial.lr * 0.5 * (1 + math.cos(math.pi * done))


class VaeRun(VaeSteps):
    """Trains a VAE; iterating over it trains and yields rows, as `Run` describes.

    In the last tenth of the epochs, rows are four times as frequent; their mean is the final value.
    `data` is divided as `scaling.data.partition.divided` does; `read_chunk` returns the chunks of
    the source's pool.
    """

    objective, remedy = "training ELBO", " or grad_clip"

    def __init__(
        self,
        trial: VaeTrial,
        data: Dataset,
        epochs: int,
        measure_every: int = 10,
        device: str | torch.device = "cpu",
        read_chunk: sources.ReadChunk | None = None,
        kept_epochs: Sequence[int] = (),
    ) -> None:
        super().__init__(trial, epochs, measure_every, device, kept_epochs)
        self.trial, self.data = trial, data
        _check_batches(trial, data)
        self.train, self.test = self._resident(data.train), self._resident(data.test)
        chosen = data.validation
        self.validation = None if chosen is None else self._resident(chosen)
        with seeded(self.device, trial.stream, "init"):
            vae = build(trial, data.channels, data.side, data.levels)
        self.vae = vae.to(self.device).to(memory_format=torch.channels_last)
        self._set_precision(resolve(trial, data.side, self.device))
        self._set_phase(0)
        self.constants = self._constants()
        self.read_chunk = read_chunk
        self.images: tuple[int, Tensor] = (0, self.train)  # an epoch's, kept for its measurement
        self.rule = None if trial.stop_when == "never" else StopRule(trial)

    @property
    def parts(self) -> dict[str, Stateful]:
        """Returns the VAE, the optimizer and, if there is one, the stopping rule."""
        rule: dict[str, Stateful] = {"rule": self.rule} if self.rule else {}
        parts: dict[str, Stateful] = {"vae": self.vae, "optimizer": self.optimizer}
        return parts | rule

    def stop_reason(self) -> str:
        """Returns why the trial's stopping rule ends it with this epoch, or ""."""
        return self.rule(self.epoch, self.loss, self.vae, self.train) if self.rule else ""

    @property
    def censors_divergence(self) -> bool:
        """Is True if the trial's stopping rule covers divergence."""
        return self.trial.stops("diverged")

    def measure(self) -> Row:
        """Returns the current epoch's row: ELBOs and gap in nats, parameters, training time."""
        size, shape = len(self.train), self.data.train.shape[1:]
        fixed = self.constants | {"precision": self.precision}
        so_far = self.timing(size) | self.work(size, shape, self.data.levels)
        return {"epoch": self.epoch} | elbo_metric.measure(self) | fixed | so_far

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns test images and reconstructions for pictures, as levels (N, C, H, W)."""
        return reconstruction.measure(self)

    def source_images(self) -> Tensor:
        """Returns the images of the current epoch in training order, (N, C, H, W)."""
        if self.images[0] != self.epoch:
            levels = self.data.levels
            images = sources.epoch_images(
                self.trial, self.train, levels, self.epoch, self.read_chunk
            )
            self.images = (self.epoch, images)
        return self.images[1]

    def state_dict(self) -> dict[str, Any]:
        """Returns everything that the next epoch depends on, and the last row."""
        return super().state_dict() | {"precision": self.precision}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state that `state_dict` returned, in its precision, on any device."""
        self._set_precision(state["precision"])
        self._set_phase(state["epoch"])
        super().load_state_dict(state)
        for group in self.optimizer.param_groups:  # the state may come from another device
            group["capturable"] = self.replays

    def load_weights(self, state: dict[str, Any]) -> None:
        """Loads the model of a `state_dict`, to be measured rather than trained further."""
        self.vae.load_state_dict(state["vae"])
        self._set_precision(state["precision"])
        self.epoch = state["epoch"]

    def train_epoch(self) -> float:
        """Trains for one effective epoch: all images of the source once, the last batch partial."""
        if self.epoch == self.trial.half_asleep_from + 1 > 1:
            self._set_phase(self.epoch)
        self._set_lr()
        self.vae.train()
        if self.half_asleep:
            self.vae.decoder.eval()
        images = self.source_images()
        total = torch.zeros((), device=self.device)
        exact = full_float32(self.precision == "float32")
        with exact, seeded(self.device, self.trial.stream, self.epoch, "train"):
            for x in images.split(self.trial.batch):
                total += self.step(x) * len(x)
        return -total.item() / len(images)

    def _resident(self, images: np.ndarray) -> Tensor:
        """Copies images to the device: the given arrays may be shared, read-only memory."""
        return torch.tensor(images, device=self.device)

    def _constants(self) -> Row:
        """Returns the columns that are equal in every row: parameters by group, d_z, data."""
        with torch.no_grad():
            self.vae.eval()
            d_z = self.vae.encode(self.train[:1]).mean[0].numel()
        parameters = self.vae.count_parameters()
        return {**parameters, "d_z": d_z, **self.data.described}


def _check_batches(trial: VaeTrial, data: Dataset) -> None:
    """Raises UsageError if BatchNorm would normalize over a single value."""
    count, batch = len(data.train), trial.batch
    smallest = count % batch or min(batch, count)
    single = data.side == 4 if trial.network == "residual" else trial.batch_norm
    if smallest == 1 and single:
        raise UsageError(
            "The last batch has one image, and BatchNorm needs two. Give another --set batch=N."
        )


RUN = VaeRun  # `execute.make_run` finds the class of a kind under this name
