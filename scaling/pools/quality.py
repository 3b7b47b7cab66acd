"""Measures the quality of a pool by comparing samples, test set and D_train.

Good samples are as close to the test set as D_train is (mean image, levels, Frechet distance), and
as close to D_train as unseen images are (nearest neighbours); closer ones are copies. Images are
uint8 levels (N, C, H, W); all numbers are in units of pixels on [0, 1].
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

QUERIES, BASE = 1024, 8192  # sides of a block of the distance matrix, which takes 32 MB
# Largest distance of a near copy, relative to the median distance between neighbours in D_train.
# At most 0.2 % of the test images of digits, MNIST and FashionMNIST are so close to D_train (at
# 1/3, the ratio of memorization studies, 2 % of MNIST's).
NEAR_COPY = 0.2
NEAR_COPY_IMAGES = 2000  # images for which the nearest one in D_train is searched
IMAGES = 10_000  # most images of each set that are compared
SEED = 0  # selects these images: the same ones at each measurement


def describe(
    samples: np.ndarray, train: np.ndarray, test: np.ndarray, levels: int, images: int = IMAGES
) -> dict[str, float]:
    """Returns numbers named `<measure>_<one set>_<other set>`, for samples, D_train and test set.

    mean       root mean square difference of the mean images
    histogram  total-variation distance of the level histograms, in [0, 1]
    frechet    squared Frechet distance in pixel space
    nearest    median distance of the first set's images to their nearest in the second
    near_copies   share of the set that is within NEAR_COPY of D_train
    to_train   median distance to the nearest in D_train; copies if far below that of test images

    All three sets are reduced at random to the same number of images, at most `images`, on which
    Frechet and nearest-neighbour distances depend. The last two measures use all of D_train.
    """
    count = min(images, len(samples), len(train), len(test))
    sets = {"samples": samples, "train": train, "test": test}
    sets = {name: choose(part, count) for name, part in sets.items()}
    numbers: dict[str, float] = {"images": count}
    means = {name: part.mean(0, dtype=np.float64) / (levels - 1) for name, part in sets.items()}
    levels_of = {name: _histogram(part, levels) for name, part in sets.items()}
    of_sets = {name: moments(part / np.float64(levels - 1)) for name, part in sets.items()}
    for first, other in (("samples", "test"), ("samples", "train"), ("train", "test")):
        difference = means[first] - means[other]
        numbers[f"mean_{first}_{other}"] = float(np.sqrt((difference**2).mean()))
        excess = np.abs(levels_of[first] - levels_of[other]).sum()
        numbers[f"histogram_{first}_{other}"] = float(excess / 2)
        numbers[f"frechet_{first}_{other}"] = frechet(*of_sets[first], *of_sets[other])
    for first, other in (("samples", "train"), ("samples", "test"), ("test", "train")):
        distances = nearest(sets[first], sets[other], levels)
        numbers[f"nearest_{first}_{other}"] = float(np.median(distances))
    for name in ("samples", "test"):
        near = near_copies(sets[name], train, levels)
        numbers |= {f"near_copies_{name}": near.share, f"to_train_{name}": near.distance}
    return numbers


def choose(images: np.ndarray, count: int) -> np.ndarray:
    """Draws at most `count` of the images without replacement, and keeps their order."""
    if count >= len(images):
        return images
    return images[np.sort(np.random.default_rng(SEED).choice(len(images), count, replace=False))]


def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean (D,) and a matrix R (min(N, D), D) with R^T R = covariance."""
    from scipy.linalg import qr  # imported late, because every driver imports this module

    flat = x.reshape(len(x), -1).astype(np.float64)
    mean = flat.mean(0)
    flat -= mean
    flat /= np.sqrt(max(len(x) - 1, 1))
    return mean, qr(flat, mode="r", overwrite_a=True)[0][: flat.shape[1]]


def frechet(mean_x: np.ndarray, r_x: np.ndarray, mean_y: np.ndarray, r_y: np.ndarray) -> float:
    """Returns the squared Frechet distance of Gaussians with the `moments` of two sets of images.

    It is ||mu_x - mu_y||^2 + tr(S_x + S_y - 2 (S_x S_y)^(1/2)), with covariances S by N - 1. With
    S = R^T R the last trace is the sum of the singular values of R_x R_y^T, which needs no matrix
    root and no regularization and is exact to rounding for covariances of any rank.
    """
    from scipy.linalg import svdvals

    root = svdvals(r_x @ r_y.T, overwrite_a=True).sum()
    spread = (r_x**2).sum() + (r_y**2).sum() - 2 * root
    return float(((mean_x - mean_y) ** 2).sum() + max(spread, 0.0))


def nearest(
    queries: np.ndarray, base: np.ndarray, levels: int, skip: np.ndarray | None = None
) -> np.ndarray:
    """Returns the distance (N,) of each query to its nearest image in the base.

    Distances are root mean squares per pixel. `skip` (N,) gives for each query an index in the
    base that does not count (the query itself). The search uses blocks of float32 products, whose
    rounding is far below a level for most images; the distance to the image found is exact.
    """
    rows, indices = _flat(queries, levels), np.zeros(len(queries), np.int64)
    best = np.full(len(queries), np.inf, np.float32)
    for start in range(0, len(base), BASE):
        block = _flat(base[start : start + BASE], levels)
        half_squares = np.einsum("ij,ij->i", block, block) / 2
        for part in _blocks(len(rows)):
            scores = half_squares - rows[part] @ block.T  # (d^2 - |query|^2) / 2
            if skip is not None:
                column = skip[part] - start
                skipped = np.flatnonzero((column >= 0) & (column < len(block)))
                scores[skipped, column[skipped]] = np.inf
            index = scores.argmin(1)
            score = scores[np.arange(len(index)), index]
            better = score < best[part]
            best[part] = np.where(better, score, best[part])
            indices[part] = np.where(better, start + index, indices[part])
    parts = [_distances(queries[p], base[indices[p]], levels) for p in _blocks(len(rows))]
    return np.concatenate(parts)


@dataclass(frozen=True)
class NearCopies:
    """Counts the checked images that are within `threshold` of an image of D_train."""

    checked: int
    found: int
    threshold: float  # root mean square per pixel on [0, 1]
    share_in_train: float  # share of D_train that is as close to another of its images, by chance
    distance: float  # median distance of the checked images to D_train, in units of `threshold`

    @property
    def share(self) -> float:
        """Returns the share of near copies among the checked images."""
        return self.found / self.checked


def near_copies(
    images: np.ndarray, train: np.ndarray, levels: int, count: int = NEAR_COPY_IMAGES
) -> NearCopies:
    """Counts the near copies of D_train among at most `count` of the images.

    They are closer to D_train than NEAR_COPY times the median distance between an image of D_train
    and its nearest neighbour there (estimated from at most `count` of them).
    """
    own = choose(np.arange(len(train)), count)
    typical = nearest(train[own], train, levels, skip=own)
    threshold = NEAR_COPY * float(np.median(typical))
    distances = nearest(choose(images, count), train, levels)
    copies = int((distances <= threshold).sum())
    chance = float((typical <= threshold).mean())
    return NearCopies(len(distances), copies, threshold, chance, float(np.median(distances)))


def _histogram(images: np.ndarray, levels: int) -> np.ndarray:
    return np.bincount(images.ravel(), minlength=levels) / images.size


def _flat(images: np.ndarray, levels: int) -> np.ndarray:
    """Centres levels around 0 as float32 (N, D), whose sums of products are exact up to 2^24."""
    return images.reshape(len(images), -1).astype(np.float32) - levels // 2


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + QUERIES) for start in range(0, count, QUERIES))


def _distances(x: np.ndarray, y: np.ndarray, levels: int) -> np.ndarray:
    squares = (x.astype(np.int32) - y).reshape(len(x), -1) ** 2
    return np.sqrt(squares.mean(1, dtype=np.float64)) / (levels - 1)
