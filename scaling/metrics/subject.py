"""What a metric reads: a trained VAE, its trial and its images, from wherever they come."""

from typing import Protocol

import torch
from torch import Tensor

from scaling.data.datasets import Dataset
from scaling.models.vae import VAE
from scaling.trial import VaeTrial


class Subject(Protocol):
    """A VAE to be measured. A `VaeRun` is one; a notebook or a test may make another.

    `train`, `validation` and `test` are the images of `data` on the device, as levels
    (N, C, H, W); `validation` is None where the trial's partition has none.
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
        """The images that the current epoch trains on, as levels (N, C, H, W)."""
        ...
