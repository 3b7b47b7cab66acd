"""Declares the input of a metric: a trained VAE with its trial and its images."""

from typing import Protocol

import torch
from torch import Tensor

from scaling.data.datasets import Dataset
from scaling.models.vae import VAE
from scaling.trial import VaeTrial


class Subject(Protocol):
    """Declares a VAE to be measured: a `VaeRun`, or any object with these attributes.

    `train`, `validation` and `test` are the images of `data` on the device, as levels
    (N, C, H, W); `validation` is None if the trial's partition has none. `epoch` is that of the
    model.
    """

    @property
    def vae(self) -> VAE: ...
    @property
    def trial(self) -> VaeTrial: ...
    @property
    def data(self) -> Dataset: ...
    @property
    def train(self) -> Tensor: ...
    @property
    def validation(self) -> Tensor | None: ...
    @property
    def test(self) -> Tensor: ...
    @property
    def device(self) -> torch.device: ...
    @property
    def epoch(self) -> int: ...

    def source_images(self) -> Tensor:
        """Returns the training images of the current epoch, as levels (N, C, H, W)."""
        ...
