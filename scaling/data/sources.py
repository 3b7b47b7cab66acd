"""The images of one effective epoch, from D_train and a pool (section 4.1, Algorithms 1 and 2)."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from scaling.checked import UsageError
from scaling.trial import Source

ReadChunk = Callable[[int], np.ndarray]  # index -> levels (N, C, H, W), perhaps shared memory


def check(source: Source) -> None:
    """Raises UsageError for a source that no run can read."""
    if source.augment or source.mollify_epochs or source.real_share not in (0.0, 1.0):
        raise UsageError(
            f"The source {source.name!r} cannot be trained on yet. Use --source normal or dmaapx."
        )


def epoch_images(source: Source, train: Tensor, epoch: int, read_chunk: ReadChunk | None) -> Tensor:
    """The |D_train| images of an effective epoch (from 1) as levels (N, C, H, W), in no order.

    Epoch e reads chunk (e - 1) mod k, as a copy: its memory may be shared by other trials.
    """
    check(source)
    if source.real_share == 1:
        return train
    if read_chunk is None or source.k is None:
        raise UsageError(f"The source {source.name!r} needs a pool and its k. None was given.")
    chunk = read_chunk((epoch - 1) % source.k)
    if chunk.shape != tuple(train.shape):
        raise UsageError(f"A chunk of shape {chunk.shape} does not match D_train {train.shape}.")
    return torch.tensor(chunk, device=train.device)
