"""The classifier two-sample test (Appendix D.3) as an iterable of rows with a `state_dict`."""

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
from scaling.runs.run import Row, Run, Stateful
from scaling.seeds import derive, seeded
from scaling.trial import TwoSampleTrial
from scaling.trial.two_sample import HELD_OUT

EVAL_BATCH = 512
PICTURES = 16


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
                f"{to_type('pool', 'grow', trial.pool, '--k', 'K')}"
            ) from None
        if chunk.shape[1:] != shape:
            raise UsageError(
                f"The pool {trial.pool} has images of shape {chunk.shape[1:]}, and the real ones "
                f"have {shape}. Choose another with --set pool=NAME."
            )
        chunks.append(chunk)
        found += len(chunk)
    return np.concatenate(chunks)


class TwoSampleRun(Run):
    """Training a classifier, as `Run` tells.

    `data` holds D_train and the test set (`datasets.split`), `read_chunk` gives the chunks of the
    pool. Of each class a permutation drawn from the trial's seed holds out a fifth; an epoch is
    one pass over the rest. An accuracy near 1/2 means that real and generated images cannot be
    told apart; below 1/2, that the held-out images of one class are among the other's.
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
        held = max(1, self.count // HELD_OUT)
        self.held_out = self._resident([images[:held] for images in classes])
        self.train = self._resident([images[held:] for images in classes])
        with seeded(self.device, trial.stream, "init"):
            model = resnet.build(data.channels, data.side, trial.stages, trial.channels)
        self.model = model.to(self.device).to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), trial.lr, trial.momentum, weight_decay=trial.weight_decay
        )

    @property
    def parts(self) -> dict[str, Stateful]:
        return {"model": self.model, "optimizer": self.optimizer}

    def measure(self) -> Row:
        """The row of the current epoch: loss in nats, accuracies in [0, 1], training time.

        `loss` is that of training, over the epoch; the accuracies are in eval mode, `accuracy` on
        the held-out images. `images` counts those of each class, held-out ones included.
        """
        size = len(self.train.labels)
        so_far = self.work(size, self.train.images.shape[1:], self.levels)
        return {
            "epoch": self.epoch,
            "loss": self.loss,
            "train_accuracy": self._accuracy(self.train),
            "accuracy": self._accuracy(self.held_out),
            "images": self.count,
            "parameters": sum(p.numel() for p in self.model.parameters()),
        } | (self.images | self.timing(size) | so_far)

    def arrays(self) -> dict[str, np.ndarray]:
        """What pictures need: the held-out images that seem most real, and least, as levels."""
        order = self._log_odds(self.held_out.images).argsort(descending=True)
        images = self.held_out.images[order].cpu().numpy()
        return {"seem_real": images[:PICTURES], "seem_generated": images[-PICTURES:][::-1]}

    def train_epoch(self) -> float:
        """One pass over the training part, shuffled."""
        self.model.train()
        images, labels = self.train
        total = torch.zeros((), device=self.device)
        with seeded(self.device, self.trial.stream, self.epoch, "train"):
            order = torch.randperm(len(labels), device=self.device)
        for batch in order.split(self.trial.batch):
            total += self._step(images[batch], labels[batch]) * len(batch)
        return total.item() / len(labels)

    def _step(self, images: Tensor, labels: Tensor) -> Tensor:
        """One gradient step; returns the batch's mean loss."""
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
        seed = derive(self.trial.stream, "two_sample", name)
        return images[np.random.default_rng(seed).permutation(len(images))[: self.count]]

    def _resident(self, classes: Sequence[np.ndarray]) -> Labelled:
        """The images of both classes on the device: a class's place is its label."""
        labels = np.repeat(np.arange(len(classes)), [len(images) for images in classes])
        images = torch.tensor(np.concatenate(classes), device=self.device)
        return Labelled(images, torch.tensor(labels, device=self.device))


RUN = TwoSampleRun  # of trials of this kind
