"""TwoSampleTrial: a classifier of real images and samples (Appendix D.3), as a frozen dataclass."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

from scaling.errors import UsageError
from scaling.trial.base import BaseTrial, at_least, check_draw, check_share, check_train_size
from scaling.trial.partition import Partition

HELD_OUT = 5  # one image in so many of each class does not train the classifier (Appendix D.3)


@dataclass(frozen=True)
class TwoSampleTrial(BaseTrial):
    """A classifier that tells real images from a diffusion model's (Appendix D.3, Fig 18)."""

    kind: ClassVar[str] = "two_sample"

    dataset: str
    train_size: int | None = None
    split: int = 0
    replicate: int | None = None  # number of the draw of everything that chance decides
    partition: Partition = "train_and_test"  # which images are for validation, if any
    share: float = 1.0  # of D_train that the diffusion model saw
    pool: str | None = None  # key of the diffusion trial, or an imported pool's name and hash
    seed: int = 0
    real: Literal["train", "test"] = "train"  # images that are compared with the samples
    images: int | None = None  # of each class; None: as many as the real ones
    stages: int = 4  # of the ResNet; 4 are ResNet-18
    channels: int = 64  # of its first stage
    lr: float = 1e-3
    momentum: float = 0.9
    batch: int = 256
    weight_decay: float = 5e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_share(self)
        for name in ("stages", "channels", "batch"):
            at_least(self, name, 1)
        for name in ("seed", "split"):
            at_least(self, name, 0)
        check_train_size(self)
        check_draw(self)
        if self.images is not None:
            at_least(self, "images", 2)
        elif self.real == "test":
            raise UsageError("real=test compares `images` of the test set: give how many.")

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
        return super().kin if self.replicate is None else replace(super().kin, pool=None)

    def with_pool(self, pool: str, k: int) -> Self:
        return replace(self, pool=pool)

    def chunks_read(self, train_images: int) -> int:
        return math.ceil((self.images or 1) / train_images)

    def epoch_images(self, train_images: int) -> int:
        return int(2 * (1 - 1 / HELD_OUT) * (self.images or train_images))

    def measured_images(self, train_images: int, test_images: int) -> int:
        return 2 * (self.images or train_images)
