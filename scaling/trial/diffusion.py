"""DiffusionTrial: one EDM model (Appendix D), as a frozen dataclass."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from scaling.trial.base import BaseTrial, at_least, check_draw, check_share, check_train_size
from scaling.trial.partition import Partition

MEASURED = 2000  # images at most of each set that a reported loss is the mean of


@dataclass(frozen=True)
class DiffusionTrial(BaseTrial):
    """One EDM model on a share of D_train: data, U-Net, optimizer, seed (Appendix D).

    An effective epoch is |D_train| images whatever the share; under `budget=epochs` one pass over
    the share.
    """

    kind: ClassVar[str] = "diffusion"
    makes_pools: ClassVar[bool] = True

    dataset: str
    train_size: int | None = None
    split: int = 0
    replicate: int | None = None  # number of the draw of everything that chance decides
    partition: Partition = "train_and_test"  # which images are for validation, if any
    share: float = 1.0  # of D_train: a prefix of one permutation, shares nested
    budget: Literal["images", "epochs"] = "images"  # equal whatever the share (B.8: images)
    seed: int = 0
    channels: int = 128  # of the U-Net at multiplier 1
    multipliers: tuple[int, ...] = (2, 2, 2)  # of the channels, per resolution
    blocks: int = 4  # residual blocks per resolution
    attention: tuple[int, ...] = (16,)  # sides at which attention is used
    dropout: float = 0.13
    lr: float = 1e-3
    batch: int = 512
    ramp_images: int = 10_000_000  # of the linear learning-rate ramp-up
    ema_images: int = 500_000  # half-life of the averaged weights
    precision: Literal["float32", "bf16"] = "float32"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_share(self)
        for name in ("channels", "blocks", "batch", "ema_images"):
            at_least(self, name, 1)
        for name in ("seed", "split", "ramp_images"):
            at_least(self, name, 0)
        check_train_size(self)
        check_draw(self)

    @property
    def label(self) -> str:
        return f"edm-c{self.channels}-share{self.share:g}"

    def epoch_images(self, train_images: int) -> int:
        share = self.share if self.budget == "epochs" else 1.0
        return max(1, round(share * train_images))

    def measured_images(self, train_images: int, test_images: int) -> int:
        return min(train_images, MEASURED) + min(test_images, MEASURED)

    def trains_in_bf16(self, side: int) -> bool:
        return self.precision == "bf16"
