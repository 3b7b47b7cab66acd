"""Defines TwoSampleTrial, a classifier of real images against samples (Appendix D.3)."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

from scaling.errors import UsageError
from scaling.trial.base import BaseTrial, check_dataset, check_draw
from scaling.trial.bounds import (
    AtLeastTwo,
    BelowOne,
    Count,
    NotNegative,
    Positive,
    PositiveShare,
    WholeNumber,
)
from scaling.trial.partition import Partition

HELD_OUT = 5  # one image in five of each class does not train the classifier (Appendix D.3)


@dataclass(frozen=True)
class TwoSampleTrial(BaseTrial):
    """Describes a classifier of real images against a diffusion model's (Appendix D.3, Fig 18)."""

    kind: ClassVar[str] = "two_sample"

    dataset: str
    train_size: Count | None = None
    split: WholeNumber = 0
    replicate: WholeNumber | None = None  # number of the draw of all that is random
    content: str | None = None  # start of the SHA-256 of a user's file, replacing its path
    partition: Partition = "train_and_test"  # which images are for validation, if any
    share: PositiveShare = 1.0  # share of D_train that the diffusion model saw
    pool: str | None = None  # key of the diffusion trial, or an imported pool's name and hash
    seed: WholeNumber = 0
    real: Literal["train", "test"] = "train"  # images that are compared with the samples
    images: AtLeastTwo | None = None  # images per class; None: as many as there are real ones
    stages: Count = 4  # stages of the ResNet; 4 for ResNet-18
    channels: Count = 64  # channels of its first stage
    lr: Positive = 1e-3
    momentum: BelowOne = 0.9
    batch: Count = 256
    weight_decay: NotNegative = 5e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_dataset(self)
        check_draw(self)
        if self.images is None and self.real == "test":
            raise UsageError(
                "real=test needs the number of test images to compare. Give --set images=N."
            )

    @property
    def label(self) -> str:
        return f"two_sample-share{self.share:g}"

    @property
    def reads_pool(self) -> str | None:
        return self.pool

    @property
    def lacks_pool(self) -> bool:
        return not self.pool

    @property
    def model_share(self) -> float:
        return self.share

    @property
    def architecture(self) -> "TwoSampleTrial":
        return replace(self, seed=0, split=0, replicate=None, lr=1.0, pool=None)

    @property
    def kin(self) -> Self:
        return super().kin if self.replicate is None else super().kin.with_valid(pool=None)

    def with_pool(self, pool: str, k: int) -> Self:
        return replace(self, pool=pool)

    def chunks_read(self, train_images: int) -> int:
        return math.ceil((self.images or 1) / train_images)

    def epoch_images(self, train_images: int) -> int:
        return int(2 * (1 - 1 / HELD_OUT) * (self.images or train_images))

    def measured_images(self, train_images: int, test_images: int) -> int:
        return 2 * (self.images or train_images)
