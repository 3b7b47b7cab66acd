"""The images of one effective epoch, from D_train and a pool (section 4.1, Algorithms 1 and 2)."""

from torch import Tensor

from scaling.checked import UsageError
from scaling.trial import NORMAL, Source


def check(source: Source) -> None:
    """Raises UsageError for a source that no run can read."""
    if source != NORMAL:
        raise UsageError(
            f"The source {source.name!r} cannot be trained on yet. Use --source normal."
        )


def epoch_images(source: Source, train: Tensor) -> Tensor:
    """The |D_train| images of an effective epoch as levels (N, C, H, W), in no particular order."""
    check(source)
    return train
