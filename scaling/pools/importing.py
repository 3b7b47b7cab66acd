"""Imports a user's samples (npy, npz or a folder of PNGs) as a pool, after checking them.

The name of the pool contains a hash of its content, so the keys of trials on it do, too.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scaling.errors import UsageError
from scaling.pools import build as pool_build
from scaling.pools.quality import NEAR_COPY, NearCopies, near_copies
from scaling.pools.samples import as_levels, has_channels_first, open_samples, resized
from scaling.pools.spec import PoolSpec

CHECKED_FOR_COPIES = 10_000  # most images that are compared with all of D_train


@dataclass(frozen=True)
class Report:
    """Summarizes an import and what is unusual about the images."""

    path: Path
    k: int
    images: int  # number of images read, including those left over
    left_over: int  # images after the last complete chunk, which are not imported
    duplicates: int  # imported images that repeat an earlier one exactly
    copies: int  # imported images that equal one of D_train exactly
    near: NearCopies

    def lines(self) -> list[str]:
        """Returns sentences for the console."""
        near, count = self.near, self.images - self.left_over
        lines = [f"Imported {count:,} images as {self.path.name}, k={self.k}."]
        if self.left_over:
            lines.append(f"{self.left_over:,} images after the last complete chunk are left out.")
        return lines + [
            f"{self.duplicates:,} are exact repeats of others, {self.copies:,} are in D_train.",
            f"{near.found:,} of {near.checked:,} checked are near copies of D_train: within "
            f"{near.threshold:.3g} per pixel, {NEAR_COPY:g} of the median distance of neighbours "
            f"in D_train. {near.share_in_train:.1%} of D_train is as near to another image there.",
        ]


def import_samples(
    source: Path,
    root: Path,
    name: str,
    *,
    dataset: str,
    levels: int,
    train: np.ndarray,
    rescale: str | None = None,
    resize: int | None = None,
) -> Report:
    """Writes the samples as `root/<name>-<hash>`, in chunks of |D_train| images.

    `train` is D_train, levels (N, C, H, W). `rescale` is "unit" or "symmetric" for floats in
    [0, 1] or [-1, 1]; `resize` is the side in pixels to which images are resized. Repeating a
    killed import finishes it. Raises UsageError, before anything is written, for samples that are
    not levels of that shape, and for fewer than one chunk.
    """
    samples, size, shape = open_samples(source), len(train), train.shape[1:]
    if (k := len(samples) // size) == 0:
        raise UsageError(
            f"{source} has {len(samples):,} images, and one chunk needs {size:,}, as many as "
            f"D_train has. Give more images, or at most --train-size {max(1, len(samples))}."
        )

    def chunks() -> Iterator[np.ndarray]:
        parts = (samples[i * size : (i + 1) * size] for i in range(k))
        sized = (resized(x, resize) if resize else x for x in parts)
        return (as_levels(x, levels, shape, rescale, str(source)) for x in sized)

    facts = json.dumps([dataset, levels, *shape, size])
    digest, digests, picked = _survey(chunks(), k * size, facts)
    spec = PoolSpec(f"{name}-{digest[:12]}", dataset, levels, shape, size,
                    source=_origin(source, samples, resize))  # fmt: skip
    _write(root / spec.name, spec, k, chunks())
    duplicates = len(digests) - len(np.unique(digests))
    copies = int(np.isin(digests, _digests(train)).sum())
    near = near_copies(picked, train, levels, CHECKED_FOR_COPIES)
    left = len(samples) - k * size
    return Report(root / spec.name, k, len(samples), left, duplicates, copies, near)


def _origin(source: Path, samples: Any, resize: int | None) -> str:
    """Describes the origin of the samples and how they were resized."""
    if not resize:
        return f"imported from {source.name}"
    height, width = _sides(samples[:1])
    resizing = f"resized from {height} x {width} to {resize} x {resize} (bicubic, antialiased)"
    return f"imported from {source.name}, {resizing}"


def _sides(images: np.ndarray) -> tuple[int, int]:
    """Returns height and width of images whose channels are first or last."""
    height, width = images.shape[2:4] if has_channels_first(images) else images.shape[1:3]
    return height, width


def _survey(
    chunks: Iterator[np.ndarray], count: int, facts: str
) -> tuple[str, np.ndarray, np.ndarray]:
    """Returns the SHA-256 of all images, a digest of each, and images to compare with D_train."""
    total, digests, picked = hashlib.sha256(facts.encode()), [], []
    order = np.random.default_rng(0).permutation(count)[:CHECKED_FOR_COPIES]
    seen = 0
    for images in chunks:
        total.update(images.tobytes())
        digests.append(_digests(images))
        indices = np.sort(order[(order >= seen) & (order < seen + len(images))])
        picked.append(images[indices - seen])
        seen += len(images)
    return total.hexdigest(), np.concatenate(digests), np.concatenate(picked)


def _digests(images: np.ndarray) -> np.ndarray:
    """Hashes each image to 64 bits.

    Two different ones of 10^8 images have the same hash in one of 4000 pools.
    """
    hashes = (hashlib.blake2b(image.tobytes(), digest_size=8).digest() for image in images)
    return np.frombuffer(b"".join(hashes), np.uint64)


def _write(path: Path, spec: PoolSpec, k: int, chunks: Iterator[np.ndarray]) -> None:
    pool_build.create(path, spec)
    missing = set(pool_build.settle(path, k))
    for index, images in enumerate(chunks):
        if index in missing:
            pool_build.record(path, {index: pool_build.write_chunk(path, index, images)})
