"""Runs the classifier two-sample test (Appendix D.3), as an iterable of rows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scaling.data.datasets import Dataset
from scaling.data.sources import ReadChunk
from scaling.errors import UsageError, to_type
from scaling.models import resnet
from scaling.models.full_float32 import full_float32
from scaling.runs.run import Row, Run, Stateful
from scaling.seeds import derive, seeded
from scaling.trial import TwoSampleTrial
from scaling.trial.two_sample import HELD_OUT

EVAL_BATCH = 512  # images in memory at a time outside training
PICTURES = 16  # pictures kept of each end of the ranking


class Labelled(NamedTuple):
    """Holds images, uint8 levels (N, C, H, W), and labels (N,): 1 is real, 0 is generated."""

    images: Tensor
    labels: Tensor


def images_of_each(trial: TwoSampleTrial, real: int) -> int:
    """Returns the number of images compared per class, if there are `real` real ones.

    Raises UsageError if the trial needs more, or if there are fewer than two.
    """
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
    """Returns the first `count` images of the trial's pool as levels (count, *shape).

    `read_chunk` raises IndexError beyond the last chunk. Raises UsageError if the pool is missing,
    too small or of images with another shape.
    """
    if read_chunk is None:
        raise UsageError("The two-sample test needs a pool. Choose one with --set pool=NAME.")
    chunks, total = [np.empty((0, *shape), np.uint8)], 0
    while total < count:
        try:
            chunk = read_chunk(len(chunks) - 1)[: count - total]
        except IndexError:
            raise UsageError(
                f"The pool {trial.pool} has {total} images, and {count} are needed. "
                f"Use fewer with --set images=N, or type: "
                f"{to_type('pool', 'grow', trial.pool, '--k', 'K')}"
            ) from None
        if chunk.shape[1:] != shape:
            raise UsageError(
                f"The pool {trial.pool} has images of shape {chunk.shape[1:]}, and the real ones "
                f"have {shape}. Choose another with --set pool=NAME."
            )
        chunks.append(chunk)
        total += len(chunk)
    return np.concatenate(chunks)


class TwoSampleRun(Run):
    """Trains a classifier; iterating over it trains and yields rows, as `Run` describes.

    `data` contains D_train and the test set (`scaling.data.partition.divided`), `read_chunk`
    returns the chunks of the pool. A permutation of each class, drawn from the trial's random
    stream, holds out a fifth; an epoch is one pass over the rest. An accuracy near 1/2 means that
    real and generated images cannot be distinguished; one below 1/2, that held-out images of one
    class are among the training images of the other. All of it computes in float32, as rows say: a
    GPU would round the factors of convolutions to TF32.
    """

    objective = "classification loss"

    def __init__(
        self,
        trial: TwoSampleTrial,
        data: Dataset,
        epochs: int,
        measure_every: int = 1,
        device: str | torch.device = "cpu",
        read_chunk: ReadChunk | None = None,
        kept_epochs: Sequence[int] = (),
    ) -> None:
        super().__init__(trial, epochs, measure_every, device, kept_epochs)
        self.trial, self.levels = trial, data.levels
        self.images: Row = {**data.described}
        real = data.train if trial.real == "train" else data.test
        self.count = images_of_each(trial, len(real))
        generated = generated_images(trial, read_chunk, self.count, real.shape[1:])
        classes = [self._shuffled(generated, "generated"), self._shuffled(real, "real")]
        held_count = max(1, self.count // HELD_OUT)
        self.held_out = self._resident([images[:held_count] for images in classes])
        self.train = self._resident([images[held_count:] for images in classes])
        with seeded(self.device, trial.stream, "init"):
            model = resnet.build(data.channels, data.side, trial.stages, trial.channels)
        self.model = model.to(self.device).to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), trial.lr, trial.momentum, weight_decay=trial.weight_decay
        )

    @property
    def parts(self) -> dict[str, Stateful]:
        """Returns the classifier and the optimizer."""
        return {"model": self.model, "optimizer": self.optimizer}

    def measure(self) -> Row:
        """Returns the row of the current epoch: loss in nats, accuracies in [0, 1], training time.

        `loss` is the training loss over the epoch. Accuracies are measured in eval mode, `accuracy`
        on the held-out images. `images` counts those of each class, held-out ones included.
        """
        size = len(self.train.labels)
        so_far = self.work(size, self.train.images.shape[1:], self.levels)
        return {
            "epoch": self.epoch,
            "loss": self.loss,
            "train_accuracy": self._accuracy(self.train),
            "accuracy": self._accuracy(self.held_out),
            "images": self.count,
            "precision": "float32",
            "parameters": sum(p.numel() for p in self.model.parameters()),
        } | (self.images | self.timing(size) | so_far)

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the held-out images that seem most and least real, as levels (N, C, H, W)."""
        order = self._log_odds(self.held_out.images).argsort(descending=True)
        images = self.held_out.images[order].cpu().numpy()
        return {"seem_real": images[:PICTURES], "seem_generated": images[-PICTURES:][::-1]}

    @full_float32()
    def train_epoch(self) -> float:
        """Trains on one pass over the training part, shuffled; returns the mean loss."""
        self.model.train()
        images, labels = self.train
        total = torch.zeros((), device=self.device)
        with seeded(self.device, self.trial.stream, self.epoch, "train"):
            order = torch.randperm(len(labels), device=self.device)
        for batch in order.split(self.trial.batch):
            total += self._step(images[batch], labels[batch]) * len(batch)
        return total.item() / len(labels)

    def _step(self, images: Tensor, labels: Tensor) -> Tensor:
        """Performs one gradient step; returns the batch's mean loss."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.model(self._scaled(images)), labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _accuracy(self, part: Labelled) -> float:
        odds = self._log_odds(part.images)
        self.check(odds.sum().item())
        return ((odds > 0) == part.labels.bool()).double().mean().item()

    @torch.no_grad()
    @full_float32()
    def _log_odds(self, images: Tensor) -> Tensor:
        """Returns ln p(real) / p(generated) of each image, (N,), with BatchNorm in eval mode."""
        self.model.eval()
        logits = [self.model(self._scaled(part)) for part in images.split(EVAL_BATCH)]
        generated, real = torch.cat(logits).unbind(1)
        return real - generated

    def _scaled(self, images: Tensor) -> Tensor:
        return images.float() / (self.levels - 1)

    def _shuffled(self, images: np.ndarray, name: str) -> np.ndarray:
        """Returns `count` of the images, in the order of a permutation drawn by chance."""
        seed = derive(self.trial.stream, "two_sample", name)
        return images[np.random.default_rng(seed).permutation(len(images))[: self.count]]

    def _resident(self, classes: Sequence[np.ndarray]) -> Labelled:
        """Returns the images of both classes on the device; the label is the class's position."""
        labels = np.repeat(np.arange(len(classes)), [len(images) for images in classes])
        images = torch.tensor(np.concatenate(classes), device=self.device)
        return Labelled(images, torch.tensor(labels, device=self.device))


RUN = TwoSampleRun  # `execute.make_run` finds the class of a kind under this name
