"""Trains a VAE (Algorithms 1 and 2) as an iterable of rows with a `state_dict`."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from scaling.data import sources
from scaling.data.datasets import Dataset
from scaling.errors import UsageError
from scaling.metrics import elbo as elbo_metric
from scaling.metrics import reconstruction
from scaling.models.full_float32 import full_float32
from scaling.models.precision import fastest_convolutions, resolve
from scaling.models.vae import build
from scaling.runs.run import Row, Stateful
from scaling.runs.stopping import StopRule
from scaling.runs.vae_steps import VaeSteps
from scaling.seeds import seeded
from scaling.storage.checkpoints import State
from scaling.trial import VaeTrial


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
        self.precision = resolve(trial, data.side, self.device)
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

    def state_dict(self) -> State:
        """Returns everything that the next epoch depends on, and the last row."""
        return super().state_dict() | {"precision": self.precision}

    def load_state_dict(self, state: State) -> None:
        """Restores the state that `state_dict` returned, in its precision, on any device."""
        self.precision = state["precision"]
        self._set_phase(state["epoch"])
        super().load_state_dict(state)
        for group in self.optimizer.param_groups:  # the state may come from another device
            group["capturable"] = self.replays

    def load_weights(self, state: State) -> None:
        """Loads the model of a `state_dict`, to be measured rather than trained further."""
        self.vae.load_state_dict(state["vae"])
        self.precision = state["precision"]
        self._set_networks()
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
        random_draws = seeded(self.device, self.trial.stream, self.epoch, "train")
        with exact, random_draws, fastest_convolutions(self.replays):
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
