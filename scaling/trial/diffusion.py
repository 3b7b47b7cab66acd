"""DiffusionTrial: one EDM model (Appendix D), as a frozen dataclass."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from scaling.trial.base import BaseTrial, check_dataset, check_draw
from scaling.trial.bounds import BelowOne, Count, Number, Positive, PositiveShare
from scaling.trial.partition import Partition

MEASURED = 2000  # images at most of each set that a reported loss is the mean of


@dataclass(frozen=True)
class DiffusionTrial(BaseTrial):
    """One EDM model on a share of D_train: data, U-Net, optimizer, seed (Appendix D).

    An effective epoch is |D_train| images whatever the share; under `budget=epochs` one pass over
    the share. `recipe=published` trains as the code of Karras et al. does:

    |                           | mean_loss              | published                  |
    |---|---|---|
    | loss that Adam sees       | mean over pixels       | sum over pixels            |
    | attention: gain of qkv    | 1                      | sqrt(0.2)                  |
    | infinite, NaN gradients   | 0, 0                   | +-1e5, 0                   |
    | lr / its ramp's end, of   | images with this batch | images before this batch   |

    Reported losses are means over pixels in both.
    """

    kind: ClassVar[str] = "diffusion"
    makes_pools: ClassVar[bool] = True
    accumulates: ClassVar[bool] = True

    dataset: str
    train_size: Count | None = None
    split: Number = 0
    replicate: Number | None = None  # number of the draw of everything that chance decides
    content: str | None = None  # of an own file: the start of its SHA-256, in place of its path
    partition: Partition = "train_and_test"  # which images are for validation, if any
    share: PositiveShare = 1.0  # of D_train: a prefix of one permutation, shares nested
    budget: Literal["images", "epochs"] = "images"  # equal whatever the share (B.8: images)
    seed: Number = 0
    channels: Count = 128  # of the U-Net at multiplier 1
    multipliers: tuple[Count, ...] = (2, 2, 2)  # of the channels, per resolution
    blocks: Count = 4  # residual blocks per resolution
    attention: tuple[Count, ...] = (16,)  # sides at which attention is used
    dropout: BelowOne = 0.13
    lr: Positive = 1e-3
    batch: Count = 512
    ramp_images: Number = 10_000_000  # of the linear learning-rate ramp-up
    ema_images: Count = 500_000  # half-life of the averaged weights
    precision: Literal["float32", "tf32", "bf16"] = "float32"  # of the networks; samples too
    recipe: Literal["mean_loss", "published"] = "mean_loss"  # how EDM's gradient steps are taken

    def __post_init__(self) -> None:
        super().__post_init__()
        check_dataset(self)
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
