"""Reads a study's pools of diffusion samples: their records, quality and images.

`pools/<name>/`, next to `trials/`, contains pool.json, chunks of uint8 levels (N, C, H, W) as .npy
and, once measured, quality.json. Nothing is unpickled, and no link out of the results is followed.
"""

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from tokenize import TokenError

import numpy as np

from analysis import results
from analysis.errors import ResultsError
from analysis.storage.trial_folder import TrialFolder, read_json

FORMAT = 1
CHUNK = re.compile(r"chunk-([0-9]{5,})\.npy")
# Measured with 150 to 600 real digits in place of samples, 75 splits: their median distance to the
# nearest image of D_train was 0.92 to 1.07 times that of test images (blurred digits: 0.92 and
# more), their Frechet distance to the test set 0.75 to 1.67 times D_train's, without near copies.
NEARER, FARTHER, FAR = 0.9, 1.1, 1.75
COPIES = 0.5  # the same ratio for images half-way between neighbours in D_train: 0.50 to 0.51
CHECKED = 2000  # most samples among which near copies were counted
SURE = 3.0  # a difference of two shares of near copies counts from this many standard errors
UNREADABLE = (OSError, ValueError, EOFError, SyntaxError, TokenError)  # of damaged .npy headers


@dataclass(frozen=True)
class Pool:
    """Holds the record and quality of a diffusion model's finished chunks of samples."""

    name: str
    dataset: str
    share: float  # share of D_train that the model saw
    epochs: int  # epochs that the model was trained for
    levels: int
    shape: tuple[int, ...]  # (C, H, W)
    images_per_chunk: int
    k: int  # number of finished chunks up to the first gap
    quality: dict[str, float]  # the numbers of quality.json; empty: not measured
    path: Path
    trial: dict[str, object] = field(repr=False)  # fields of the model's trial


def pools(path: str | Path, folders: list[TrialFolder] | None = None) -> list[Pool]:
    """Returns the pools with at least one chunk of a study's diffusion models.

    They are sorted by data set, share, epochs and name. For a results root they are those of all
    its trials. `folders` are the path's `results.trials`, if they are read already. Raises
    ResultsError for a pool.json or quality.json that is damaged or a link out of the results.
    """
    path = Path(path)
    folders = results.trials(path) if folders is None else folders
    trials = {trial.key: trial for trial in folders}
    root = results.root_of(path)
    files = sorted((root / "pools").glob("*/pool.json"))
    sampled = [pool for pool in (_pool(file, root, trials) for file in files) if pool and pool.k]
    return sorted(sampled, key=lambda pool: (pool.dataset, pool.share, pool.epochs, pool.name))


def pictures(pool: Pool, count: int) -> np.ndarray:
    """Returns the pool's first images, at most `count`, as uint8 levels (N, C, H, W).

    Raises ResultsError for a chunk that is missing, damaged, or a link out of the results.
    """
    needed = min(pool.k, math.ceil(count / pool.images_per_chunk))
    starts = [index * pool.images_per_chunk for index in range(needed)]
    parts = [_chunk(pool, index)[: count - start] for index, start in enumerate(starts)]
    for index, part in enumerate(parts):
        if part.max() >= pool.levels:
            raise _damaged(_file(pool, index), f"holds a level above {pool.levels - 1}")
    return np.concatenate(parts)


def distinctions(all_pools: list[Pool]) -> list[list[str]]:
    """Returns each pool's fields that differ among those of its place, such as `seed 1`."""
    differ = []
    for pool in all_pools:
        twins = [other.trial for other in all_pools if _place(other) == _place(pool)]
        names = [n for n, value in pool.trial.items() if any(t.get(n) != value for t in twins)]
        differ.append([f"{name} {pool.trial[name]}" for name in names])
    return differ


def _place(pool: Pool) -> tuple[str, float, int]:
    return pool.dataset, pool.share, pool.epochs


def judged(quality: dict[str, float]) -> str:
    """Judges a pool by its numbers, as the end of a sentence about it; "" if one is missing."""
    try:
        return f"{_nearness(quality)}; {_distance(quality)}"
    except KeyError:
        return ""


def _nearness(quality: dict[str, float]) -> str:
    """Judges whether samples repeat training images, compared with test images, which do not."""
    near, chance = quality["near_copies_samples"], quality["near_copies_test"]
    count = min(quality["images"], CHECKED)
    error = math.sqrt((near * (1 - near) + chance * (1 - chance)) / count)
    samples, test = quality["nearest_samples_train"], quality["nearest_test_train"]
    if near - chance > SURE * error:
        return (
            f"repeats training images: {near:.1%} of its samples nearly copy one "
            f"(test images: {chance:.1%})"
        )
    if samples < COPIES * test:
        return "much nearer to D_train than test images are: it repeats training images"
    if samples < NEARER * test:
        return (
            "nearer to D_train than test images are, as altered or mixed training images would be"
        )
    if samples > FARTHER * test:
        return "farther from D_train than test images are: no sign of copies, but less like D_train"
    return "as near to D_train as test images are: no sign of copies"


def _distance(quality: dict[str, float]) -> str:
    """Judges the distance to the test set, in units of that of D_train."""
    samples, floor = quality["frechet_samples_test"], quality["frechet_train_test"]
    if samples > FAR * floor:
        times = f"{samples / floor:.3g} times" if floor else "farther:"
        return f"{times} D_train's Frechet distance to the test set"
    return "Frechet distance to the test set like D_train's"


def _pool(file: Path, root: Path, trials: dict[str, TrialFolder]) -> Pool | None:
    """Reads the pool that `pool.json` describes; None if its model is not among the trials."""
    _check_inside(file, root)
    record = read_json(file)
    if record is None:
        raise _damaged(file, "contains no JSON object")
    trial = trials.get(str(record.get("model")))
    fields = trial.fields if trial else None
    if not fields or fields.get("kind") != "diffusion":
        return None
    try:
        return _described(record, file.parent, fields)
    except ValueError as error:
        raise _damaged(file, f"has no valid {error}") from None


def _described(record: dict[str, object], path: Path, trial: dict[str, object]) -> Pool:
    """Makes a pool from a record after checking each value; ValueError names a wrong one."""
    if record.get("format") != FORMAT:
        raise ValueError("format")
    if record.get("name") != path.name:
        raise ValueError("name: it must be that of its folder")
    dataset, shape, share = record.get("dataset"), record.get("shape"), trial.get("share")
    if not isinstance(dataset, str):
        raise ValueError("dataset")
    if not isinstance(shape, list) or len(shape) != 3:
        raise ValueError("shape")
    if not 2 <= (levels := _count(record, "levels")) <= 256:
        raise ValueError("levels: they are 2 to 256")
    if not isinstance(share, int | float):
        raise ValueError("share: its model has none")
    return Pool(
        name=path.name,
        dataset=dataset,
        share=float(share),
        epochs=_count(record, "epochs"),
        levels=levels,
        shape=tuple(_whole(side, "shape") for side in shape),
        images_per_chunk=_count(record, "images_per_chunk"),
        k=_finished(record.get("chunks")),
        quality=_quality(path / "quality.json"),
        path=path,
        trial=trial,
    )


def _count(record: dict[str, object], name: str) -> int:
    return _whole(record.get(name), name)


def _whole(value: object, name: str) -> int:
    if not isinstance(value, int) or value < 1:
        raise ValueError(name)
    return value


def _finished(chunks: object) -> int:
    """Counts the recorded chunks up to the first gap; their file names are never used as paths."""
    listed = chunks if isinstance(chunks, list) else [None]
    names = [CHUNK.fullmatch(str(c.get("file"))) if isinstance(c, dict) else None for c in listed]
    indices = {int(name[1]) for name in names if name}
    if len(indices) < len(listed):
        raise ValueError("chunks")
    return next(index for index in range(len(indices) + 1) if index not in indices)


def _quality(file: Path) -> dict[str, float]:
    """Reads the measured numbers, {} if nothing is measured yet."""
    _check_inside(file, file.parents[2])
    if not file.exists():
        return {}
    try:
        return {name: _number(value) for name, value in (read_json(file) or {"": ""}).items()}
    except (ValueError, OverflowError):
        raise ResultsError(
            f"{file} is damaged: it contains no JSON object of numbers. "
            "Remove it and run the study again, which measures it again."
        ) from None


def _number(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return value


def _chunk(pool: Pool, index: int) -> np.ndarray:
    """Returns a chunk's images as a memory map of the file."""
    file = _file(pool, index)
    _check_inside(file, pool.path.parents[1])
    try:
        images = np.load(file, mmap_mode="r", allow_pickle=False)
    except UNREADABLE as error:
        raise _damaged(file, f"is missing or not an array ({type(error).__name__})") from None
    shape = (pool.images_per_chunk, *pool.shape)
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape != shape:
        raise _damaged(file, f"does not contain uint8 levels {shape}")
    return images


def _file(pool: Pool, index: int) -> Path:
    return pool.path / f"chunk-{index:05d}.npy"


def _check_inside(file: Path, root: Path) -> None:
    try:
        inside = file.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a link to itself
        inside = False
    if not inside:
        raise ResultsError(
            f"{file} is a symbolic link out of {root}. Replace the link with the file itself."
        )


def _damaged(file: Path, how: str) -> ResultsError:
    return ResultsError(
        f"{file} {how}. Move {file.parent.name} away and run the study again, which samples it "
        "again."
    )
