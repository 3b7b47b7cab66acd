"""The images of one effective epoch, from D_train and a pool (4.1, B.6-B.8, Algorithms 1 and 2).

They come in the order of training: batch after batch, so that shares and noise are exact in each.
Everything random depends on (seed, epoch) only.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from scaling.checked import UsageError
from scaling.data import augment
from scaling.data.mollify import mollified
from scaling.seeds import derive
from scaling.trial import VaeTrial

ReadChunk = Callable[[int], np.ndarray]  # index -> levels (N, C, H, W), perhaps shared memory


def epoch_images(
    trial: VaeTrial, train: Tensor, levels: int, epoch: int, read_chunk: ReadChunk | None = None
) -> Tensor:
    """The |D_train| images of an effective epoch (from 1), shuffled: (N, C, H, W).

    uint8 levels, or floats in [0, 1] where the likelihood takes augmented images as they are.
    Raises UsageError where the source needs a pool and none fits.
    """
    source = trial.source
    generator = torch.Generator().manual_seed(derive(trial.seed, epoch, "source"))
    images = _mixed(trial, train, epoch, read_chunk, generator)
    if source.augment:
        knobs = augment.settings(source, trial.dataset, train.shape[1])
        likelihood, keep_real = trial.likelihood, source.keep_real
        images = augment.augmented(images, knobs, levels, likelihood, keep_real, generator)
    if epoch <= source.mollify_epochs:
        images = mollified(trial, images, levels, epoch)
    return images


def real_images(share: float, count: int, batch: int) -> Tensor:
    """Which of `count` images in batches are real: exactly round(share * M) of each batch's M."""
    within = torch.arange(count) % batch
    sizes = [min(batch, count - first) for first in range(0, count, batch)]
    real = torch.tensor([round(share * size) for size in sizes])
    return within < real.repeat_interleave(torch.tensor(sizes))


def _mixed(
    trial: VaeTrial,
    train: Tensor,
    epoch: int,
    read_chunk: ReadChunk | None,
    generator: torch.Generator,
) -> Tensor:
    """D_train, a chunk, or so much of both in each batch; a copy: the chunk may be shared."""
    share, count = trial.source.real_share, len(train)
    order = torch.randperm(count, generator=generator)
    if share == 1:
        return train[order.to(train.device)]
    chunk = _chunk(trial, train, epoch, read_chunk)
    if share == 0:
        return torch.from_numpy(chunk[order.numpy()]).to(train.device)
    real = real_images(share, count, trial.batch)
    samples = torch.randperm(count, generator=generator)[: int((~real).sum())]
    images = torch.empty_like(train)
    images[real.to(train.device)] = train[order[: int(real.sum())].to(train.device)]
    images[~real.to(train.device)] = torch.from_numpy(chunk[samples.numpy()]).to(train.device)
    return images


def _chunk(trial: VaeTrial, train: Tensor, epoch: int, read_chunk: ReadChunk | None) -> np.ndarray:
    """Epoch e reads chunk (e - 1) mod k."""
    source = trial.source
    if read_chunk is None or source.k is None:
        raise UsageError(f"The source {source.name!r} needs a pool and its k. None was given.")
    chunk = read_chunk((epoch - 1) % source.k)
    if chunk.shape != tuple(train.shape):
        raise UsageError(f"A chunk of shape {chunk.shape} does not match D_train {train.shape}.")
    return chunk
