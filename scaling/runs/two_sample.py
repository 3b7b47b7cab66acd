"""The classifier two-sample test (Appendix D.3) as an iterable of rows with a `state_dict`."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scaling.checked import UsageError
from scaling.data.datasets import Dataset
from scaling.data.sources import ReadChunk
from scaling.models import resnet
from scaling.seeds import derive, seeded
from scaling.trial import TwoSampleTrial

HELD_OUT = 5  # one image in so many of each class is held out
EVAL_BATCH = 512
PICTURES = 16

Row = dict[str, float | int]


class Labelled(NamedTuple):
    """Levels (N, C, H, W), uint8, and labels (N,): 1 is real, 0 is generated."""

    images: Tensor
    labels: Tensor


def images_of_each(trial: TwoSampleTrial, real: int) -> int:
    """How many images of each class are compared where there are so many real ones."""
    if (trial.images or 0) > real:
        raise UsageError(
            f"images={trial.images} is more than the {real} real images. "
            f"At most --set images={real} works."
        )
    if real < 2:
        raise UsageError(
            "One real image cannot be both learned and held out. Give at least --train-size 2."
        )
    return trial.images or real


def generated_images(
    trial: TwoSampleTrial, read_chunk: ReadChunk | None, count: int, shape: tuple[int, ...]
) -> np.ndarray:
    """The first `count` images of the trial's pool as levels (count, *shape).

    `read_chunk` raises IndexError beyond the last chunk. Raises UsageError where the pool is
    missing, too small or of other images.
    """
    if read_chunk is None:
        raise UsageError("The two-sample test needs a pool. Choose one with --set pool=NAME.")
    chunks, found = [np.empty((0, *shape), np.uint8)], 0
    while found < count:
        try:
            chunk = read_chunk(len(chunks) - 1)[: count - found]
        except IndexError:
            raise UsageError(
                f"The pool {trial.pool} has {found} images, and {count} are needed. "
                f"Ask for fewer with --set images=N, or type: "
                f"python -m scaling pool grow {trial.pool} --k K"
            ) from None
        if chunk.shape[1:] != shape:
            raise UsageError(
                f"The pool {trial.pool} has images of shape {chunk.shape[1:]}, and the real ones "
                f"have {shape}. Choose another with --set pool=NAME."
            )
        chunks.append(chunk)
        found += len(chunk)
    return np.concatenate(chunks)


class TwoSampleRun:
    """`for row in run:` trains up to `epochs` and yields every `measure_every`-th row and the last.

    `data` holds D_train and the test set (`datasets.split`), `read_chunk` gives the chunks of the
    pool. Of each class a permutation drawn from the trial's seed holds out a fifth; an epoch is
    one pass over the rest. An accuracy near 1/2 means that real and generated images cannot be
    told apart; below 1/2, that the held-out images of one class are among the other's. Every
    random number comes from the trial's seed and the epoch. Raises FloatingPointError when the
    loss stops being finite.
    """

    def __init__(
        self,
        trial: TwoSampleTrial,
        data: Dataset,
        epochs: int,
        measure_every: int = 1,
        device: str | torch.device = "cpu",
        read_chunk: ReadChunk | None = None,
    ) -> None:
        self.trial, self.epochs, self.measure_every = trial, epochs, measure_every
        self.device, self.levels = torch.device(device), data.levels
        real = data.train if trial.real == "train" else data.test
        self.count = images_of_each(trial, len(real))
        generated = generated_images(trial, read_chunk, self.count, real.shape[1:])
        classes = [self._shuffled(generated, "generated"), self._shuffled(real, "real")]
        held = max(1, self.count // HELD_OUT)
        self.held_out = self._resident([images[:held] for images in classes])
        self.train = self._resident([images[held:] for images in classes])
        with seeded(self.device, trial.seed, "init"):
            model = resnet.build(data.channels, data.side, trial.stages, trial.channels)
        self.model = model.to(self.device).to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), trial.lr, trial.momentum, weight_decay=trial.weight_decay
        )
        self.epoch = 0
        self.seconds = 0.0
        self.loss = math.nan
        self.last_row: Row = {}

    def __iter__(self) -> Iterator[Row]:
        while self.epoch < self.epochs:
            self._train_epoch()
            if self.epoch == self.epochs or self.epoch % self.measure_every == 0:
                self.last_row = self.measure()
                yield self.last_row

    def measure(self) -> Row:
        """The row of the current epoch: loss in nats, accuracies in [0, 1], training time.

        `loss` is that of training, over the epoch; the accuracies are in eval mode, `accuracy` on
        the held-out images. `images` counts those of each class, held-out ones included.
        """
        speed = self.epoch * len(self.train.labels) / max(self.seconds, 1e-9)
        return {
            "epoch": self.epoch,
            "loss": self.loss,
            "train_accuracy": self._accuracy(self.train),
            "accuracy": self._accuracy(self.held_out),
            "images": self.count,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "seconds": round(self.seconds, 3),
            "images_per_s": round(speed, 1),
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """What pictures need: the held-out images that seem most real, and least, as levels."""
        order = self._log_odds(self.held_out.images).argsort(descending=True)
        images = self.held_out.images[order].cpu().numpy()
        return {"seem_real": images[:PICTURES], "seem_generated": images[-PICTURES:][::-1]}

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next epoch depends on, and the last row."""
        return {
            "epoch": self.epoch,
            "seconds": self.seconds,
            "loss": self.loss,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "last_row": self.last_row,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where `state_dict` was taken."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.seconds, self.loss = state["epoch"], state["seconds"], state["loss"]
        self.last_row = state["last_row"]

    def _train_epoch(self) -> None:
        start = time.perf_counter()
        self.epoch += 1
        self.model.train()
        images, labels = self.train
        total = torch.zeros((), device=self.device)
        with seeded(self.device, self.trial.seed, self.epoch, "train"):
            order = torch.randperm(len(labels), device=self.device)
        for batch in order.split(self.trial.batch):
            total += self._step(images[batch], labels[batch]) * len(batch)
        self.loss = total.item() / len(labels)
        self._check(self.loss)
        self.seconds += time.perf_counter() - start

    def _step(self, images: Tensor, labels: Tensor) -> Tensor:
        """One gradient step; returns the batch's mean loss."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.model(self._scaled(images)), labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _accuracy(self, part: Labelled) -> float:
        odds = self._log_odds(part.images)
        self._check(odds.sum().item())
        return ((odds > 0) == part.labels.bool()).double().mean().item()

    @torch.no_grad()
    def _log_odds(self, images: Tensor) -> Tensor:
        """ln p(real) / p(generated) of each image, BatchNorm in eval mode."""
        self.model.eval()
        logits = [self.model(self._scaled(part)) for part in images.split(EVAL_BATCH)]
        generated, real = torch.cat(logits).unbind(1)
        return real - generated

    def _scaled(self, images: Tensor) -> Tensor:
        return images.float() / (self.levels - 1)

    def _shuffled(self, images: np.ndarray, name: str) -> np.ndarray:
        """`count` of the images in the order of a permutation drawn from the seed."""
        seed = derive(self.trial.seed, "two_sample", name)
        return images[np.random.default_rng(seed).permutation(len(images))[: self.count]]

    def _resident(self, classes: Sequence[np.ndarray]) -> Labelled:
        """The images of both classes on the device: a class's place is its label."""
        labels = np.repeat(np.arange(len(classes)), [len(images) for images in classes])
        images = torch.tensor(np.concatenate(classes), device=self.device)
        return Labelled(images, torch.tensor(labels, device=self.device))

    def _check(self, value: float) -> None:
        if not math.isfinite(value):
            raise FloatingPointError(
                f"the classification loss is no longer finite in epoch {self.epoch}; "
                f"a smaller lr (now {self.trial.lr}) may help"
            )
