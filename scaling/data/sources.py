"""Provides the images of an effective epoch from D_train and a pool (4.1, B.6-B.8, Alg. 1 and 2).

They are in the order of training, batch after batch, so that noise is exact in each batch, and so
are shares that give whole images; other shares are exact over the epoch, as far as images are
whole. Everything random depends on (seed, epoch) only.
"""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from scaling.data import augment
from scaling.data.mollify import mollified
from scaling.errors import UsageError
from scaling.seeds import derive
from scaling.trial import VaeTrial

ReadChunk = Callable[[int], np.ndarray]  # index -> levels (N, C, H, W), perhaps shared memory


def epoch_images(
    trial: VaeTrial, train: Tensor, levels: int, epoch: int, read_chunk: ReadChunk | None = None
) -> Tensor:
    """Returns the |D_train| images of an effective epoch (from 1), shuffled: (N, C, H, W).

    They are uint8 levels, or floats in [0, 1] if the likelihood accepts unrounded images. Raises
    UsageError if the source needs a pool and has none that fits, and if its share of real images
    is none or all of them.
    """
    source = trial.source
    source.check_images(len(train))
    generator = torch.Generator().manual_seed(derive(trial.stream, epoch, "source"))
    images = _mixed(trial, train, epoch, read_chunk, generator)
    if source.augment:
        knobs = augment.augmentation_of(source, trial.dataset, train.shape[1])
        likelihood, keep_real = trial.likelihood, source.keep_real
        images = augment.augmented(images, knobs, levels, likelihood, keep_real, generator)
    if epoch <= source.mollify_epochs:
        images = mollified(trial, images, levels, epoch)
    return images


def real_images(share: float, count: int, batch: int) -> Tensor:
    """Marks which of `count` images are real, (count,), batch after batch of `batch` images.

    A batch of M images has round(share * M) real ones if the batches before it have exactly their
    share. Else what rounding left over, at most half an image, is carried to the next batch: at the
    end of each batch the number of real images is within 1/2 of `share` times that of all.
    """
    exact, left = Fraction(str(share)), Fraction(0)
    real = []
    for first in range(0, count, batch):
        size = min(batch, count - first)
        real.append(round(left + exact * size) if left else round(share * size))
        left += exact * size - real[-1]
    sizes = torch.tensor([min(batch, count - first) for first in range(0, count, batch)])
    within = torch.arange(count) % batch
    return within < torch.tensor(real).repeat_interleave(sizes)


def _mixed(
    trial: VaeTrial,
    train: Tensor,
    epoch: int,
    read_chunk: ReadChunk | None,
    generator: torch.Generator,
) -> Tensor:
    """Returns images of D_train, of a chunk, or of both in each batch.

    They are a copy, because the memory of the chunk may be shared.
    """
    share, count = trial.source.real_share, len(train)
    order = torch.randperm(count, generator=generator)
    if share == 1:
        return train[order.to(train.device)]
    if trial.source.mix == "fixed":
        return _fixed(trial, train, read_chunk)[order.to(train.device)]
    chunk = _samples(trial, train, epoch, read_chunk)
    if share == 0:
        return torch.from_numpy(chunk[order.numpy()]).to(train.device)
    real = real_images(share, count, trial.batch)
    samples = torch.randperm(count, generator=generator)[: int((~real).sum())]
    images = torch.empty_like(train)
    images[real.to(train.device)] = train[order[: int(real.sum())].to(train.device)]
    images[~real.to(train.device)] = torch.from_numpy(chunk[samples.numpy()]).to(train.device)
    return images


def _fixed(trial: VaeTrial, train: Tensor, read_chunk: ReadChunk | None) -> Tensor:
    """Returns one set for all epochs: round(share N) of D_train, the others of the first chunk."""
    count, real = len(train), round(trial.source.real_share * len(train))
    generator = torch.Generator().manual_seed(derive(trial.stream, "mix"))
    order, drawn = (torch.randperm(count, generator=generator) for _ in range(2))
    samples = _chunk(trial, train, 0, read_chunk)[drawn[real:].numpy()]
    return torch.cat(
        [train[order[:real].to(train.device)], torch.from_numpy(samples).to(train.device)]
    )


def _samples(
    trial: VaeTrial, train: Tensor, epoch: int, read_chunk: ReadChunk | None
) -> np.ndarray:
    """Returns the samples of an epoch: epoch e reads chunk (e - 1) mod k.

    With pool_order=shuffled it reads the next |D_train| images of one permutation over all k
    chunks; after each complete pass a new permutation is drawn.
    """
    k, count = trial.source.k or 1, len(train)  # without k, `_chunk` refuses
    if trial.source.pool_order == "chunks":
        return _chunk(trial, train, (epoch - 1) % k, read_chunk)
    passes, at = divmod(epoch - 1, k)
    generator = torch.Generator().manual_seed(derive(trial.stream, passes, "pool"))
    order = torch.randperm(k * count, generator=generator)[at * count : (at + 1) * count].numpy()
    parts = (order[order // count == index] % count for index in range(k))
    read = (_chunk(trial, train, index, read_chunk)[part] for index, part in enumerate(parts))
    return np.concatenate(list(read))


def _chunk(trial: VaeTrial, train: Tensor, index: int, read_chunk: ReadChunk | None) -> np.ndarray:
    source = trial.source
    if read_chunk is None or source.k is None:
        raise UsageError(
            f"The source {source.name!r} needs a pool and its number of chunks k. "
            "Give --set source.pool=NAME and --set source.k=K."
        )
    chunk = read_chunk(index)
    if chunk.shape != tuple(train.shape):
        raise UsageError(
            f"A chunk of the shape {chunk.shape} does not match D_train, {tuple(train.shape)}. "
            "Choose a pool that was made for this data set."
        )
    return chunk
