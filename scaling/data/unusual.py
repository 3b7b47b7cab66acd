"""Warns of images of one's own that give misleading results, once in a process."""

import hashlib
import sys
from functools import cache

import numpy as np

DARK = 128  # images without any pixel of this level or above are perhaps not scaled to 0 to 255


def warn_of_copies(name: str, images: np.ndarray, test: np.ndarray | None) -> None:
    """Prints a warning if training images are test images, or may be: this hides overfitting.

    Without test images of its own, random splits put copies of an image into both.
    """
    seen = {_digest(image) for image in images}
    if test is None:
        count = len(images) - len(seen)
        what = (
            f"{len(images)} images of {name} are copies of others, so that test images may also be "
            "training images"
        )
    else:
        count = sum(_digest(image) in seen for image in test)
        what = f"{len(test)} test images of {name} are also training images"
    if count:
        _warn(f"Warning: {count} of the {what}.")


def warn_of_dark_images(name: str, highest: int) -> None:
    """Prints a warning if the highest level of all images is low: their scale may be another.

    With images of 0 to 16, for example, likelihoods, PSNR and attacks would still be those of 256
    levels. Images of zeros and ones have 2 levels, so they are not meant.
    """
    if 1 < highest < DARK:
        _warn(
            f"Warning: no pixel of {name} is above {highest}, but its levels are taken to be 0 to "
            f"255. If {highest} is white, save {255 // highest} times the pixels, or write a "
            f"function that makes a data set of {highest + 1} levels (examples/own_dataset.py)."
        )


@cache
def _warn(text: str) -> None:
    """Prints a warning; the cache leaves out what was printed before."""
    print(text, file=sys.stderr)


def _digest(image: np.ndarray) -> bytes:
    return hashlib.sha256(image.tobytes()).digest()
