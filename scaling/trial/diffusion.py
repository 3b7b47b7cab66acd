"""Defines DiffusionTrial, a frozen dataclass that describes one EDM model (Appendix D)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from scaling.errors import UsageError
from scaling.trial.base import BaseTrial, check_dataset, check_draw
from scaling.trial.bounds import BelowOne, Count, Positive, PositiveShare, WholeNumber
from scaling.trial.partition import Partition

MEASURED = 2000  # a reported loss is a mean over at most this number of images of a set


@dataclass(frozen=True)
class DiffusionTrial(BaseTrial):
    """Describes one EDM model trained on a share of D_train: data, U-Net, optimizer, seed.

    It follows Appendix D. An effective epoch is |D_train| images whatever the share; under
    `budget=epochs` it is one pass over the share. `recipe=published` trains as the code of Karras
    et al. does:

    |                           | mean_loss              | published                  |
    |---|---|---|
    | loss that Adam minimizes  | mean over pixels       | sum over pixels            |
    | attention: gain of qkv    | 1                      | sqrt(0.2)                  |
    | infinite, NaN gradients   | 0, 0                   | +-1e5, 0                   |
    | lr ramp-up counts         | images with this batch | images before this batch   |

    Reported losses are means over pixels under both recipes.
    """

    kind: ClassVar[str] = "diffusion"
    makes_pools: ClassVar[bool] = True
    accumulates: ClassVar[bool] = True

    dataset: str
    train_size: Count | None = None
    split: WholeNumber = 0
    replicate: WholeNumber | None = None  # number of the draw of all that is random
    content: str | None = None  # start of the SHA-256 of a user's file, replacing its path
    partition: Partition = "train_and_test"  # which images are for validation, if any
    share: PositiveShare = 1.0  # of D_train: the start of one permutation, so shares are nested
    budget: Literal["images", "epochs"] = "images"  # equal for all shares (B.8: images)
    seed: WholeNumber = 0
    channels: Count = 128  # channels of the U-Net at multiplier 1
    multipliers: tuple[Count, ...] = (2, 2, 2)  # multiply the channels, one per resolution
    blocks: Count = 4  # residual blocks per resolution
    attention: tuple[Count, ...] = (16,)  # sides at which attention is used
    dropout: BelowOne = 0.13
    lr: Positive = 1e-3
    batch: Count = 512
    ramp_images: WholeNumber = 10_000_000  # length of the linear learning-rate ramp-up
    ema_images: Count = 500_000  # half-life of the averaged weights
    precision: Literal["float32", "tf32", "bf16"] = "float32"  # in training and sampling
    recipe: Literal["mean_loss", "published"] = "mean_loss"  # details of the gradient steps

    def __post_init__(self) -> None:
        super().__post_init__()
        check_dataset(self)
        check_draw(self)

    @property
    def label(self) -> str:
        return f"edm-c{self.channels}-share{self.share:g}"

    def check_images(self, train_images: int) -> None:
        if not round(self.share * train_images):
            raise UsageError(
                f"share={self.share:g} of {train_images} images is no image at all. Give a larger "
                f"share, at least {1 / train_images:.3g}."
            )

    def epoch_images(self, train_images: int) -> int:
        share = self.share if self.budget == "epochs" else 1.0
        return max(1, round(share * train_images))

    def measured_images(self, train_images: int, test_images: int) -> int:
        return min(train_images, MEASURED) + min(test_images, MEASURED)

    def trains_in_bf16(self, side: int) -> bool:
        return self.precision == "bf16"
