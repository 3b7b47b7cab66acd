"""Computes how much the random splits of replicates have in common, which intervals allow for.

Random splits of the same M images overlap, so they vary less than fresh data would. Let n1 of the M
images be D_train and n2 be tested on, and let an image have one effect on the result if it is
trained on and another, independent one of the same variance if it is tested on. Two splits then
have the correlation rho = 2 n1 n2 / (M (n1 + n2)), the harmonic mean of n1 and n2 over M, and the
variance of a mean over J splits is s^2 (1/J + rho / (1 - rho)) with their sample variance s^2. If
all splits share one test set, rho is n1 / M. Nadeau and Bengio (2003) use rho = n2 / (n1 + n2);
with n1 + n2 < M and test images that hardly matter, that is far too wide. `python -m
tests.benchmarks.error_rates` compares the candidates in simulations, and shows what happens if test
images matter more than is assumed here.
"""

from typing import Any

import pandas as pd

OFFICIAL = {"mnist": 60_000, "fashion_mnist": 60_000, "cifar10": 50_000}  # official training images
SPLITS, DRAWS, WHOLE = "random splits", "disjoint sets", "one set"  # what replicates draw
UNKNOWN = 1.0  # rho / (1 - rho) assumed for splits of unknown sizes: that of halves


def overlaps(frame: pd.DataFrame) -> pd.Series:
    """Returns rho / (1 - rho) of the replicates of each row's data set.

    It is 0 for disjoint sets, for one set, and where there are not several replicates.
    """
    datasets = frame["dataset"] if "dataset" in frame else pd.Series("", frame.index)
    result = pd.Series(0.0, frame.index)
    for _, part in frame.groupby(datasets, dropna=False):
        several = "replicate" in part and part["replicate"].nunique() > 1
        if several and draws_of(part) == SPLITS:
            result[part.index] = overlap_of(part)
    return result


def draws_of(part: pd.DataFrame) -> str:
    """Returns how the D_trains of replicates relate: random splits, disjoint sets, or one set.

    It is what the trials recorded; for older trials it follows from data set, size and partition.
    """
    recorded = part["draws"].dropna() if "draws" in part else pd.Series(dtype=str)
    if len(recorded):
        return str(recorded.iloc[0])
    images = OFFICIAL.get(str(_first(part, "dataset")))
    if images is None:
        return SPLITS
    if float(_first(part, "train_size") or images) >= images:
        return WHOLE
    return DRAWS if _first(part, "partition") == "disjoint" else SPLITS


def overlap_of(part: pd.DataFrame) -> float:
    """Returns rho / (1 - rho) of random splits, from the numbers of images in the trials' rows.

    The test set is drawn with D_train if training, validation and test images are all of those that
    are drawn from; otherwise, as in a file with a test set of its own, it is the same in each draw.
    """
    train = _first(part, "train_images") or _first(part, "train_size")
    test, images = _first(part, "test_images"), _first(part, "drawn_from")
    chosen = _first(part, "validation_images") or 0
    apart = bool(train and test and images) and train + chosen + test != images
    official = _first(part, "dataset") in OFFICIAL and _first(part, "partition") != "development"
    fixed = official or apart
    images = images or (OFFICIAL[str(_first(part, "dataset"))] if fixed else None)
    if not train or not images or not (test or fixed):
        return UNKNOWN
    return overlap(float(train), None if fixed else float(test), float(images))


def overlap(train: float, test: float | None, images: float) -> float:
    """Returns rho / (1 - rho) for `train` and `test` images drawn from `images`.

    `test` is None if the test set is fixed.
    """
    rho = (train if test is None else 2 * train * test / (train + test)) / images
    return rho / (1 - rho) if rho < 1 else float("inf")


def _first(part: pd.DataFrame, name: str) -> Any:
    """Returns the first known value of a column, None if there is none."""
    values = part[name].dropna() if name in part else ()
    return values.iloc[0] if len(values) else None  # type: ignore[union-attr]
