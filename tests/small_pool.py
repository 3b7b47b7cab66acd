"""Builds a small pool as a driver does, and makes samples to import, for the tests of pools."""

import numpy as np
from PIL import Image

from scaling.pools.build import create, record, settle, write_chunk
from scaling.pools.importing import import_samples
from scaling.pools.spec import PoolSpec

SPEC = PoolSpec("p", "digits", 17, (1, 8, 8), 20, "model", 5, {"steps": 18}, "sampled")
SIZE = 10  # |D_train| of imports, and so the images in a chunk


def chunk_of(index, spec=SPEC):
    rng = np.random.default_rng(index)
    return rng.integers(0, spec.levels, spec.chunk_shape, dtype=np.uint8)


def build(path, k, spec=SPEC):
    """Builds a pool as the driver does, and returns the chunks that it had to make."""
    create(path, spec)
    made = settle(path, k)
    record(path, {index: write_chunk(path, index, chunk_of(index, spec)) for index in made})
    return made


def images(seed, count, shape=(1, 32, 32), levels=256):
    return np.random.default_rng(seed).integers(0, levels, (count, *shape), dtype=np.uint8)


GREY, COLOUR = images(0, 25), images(1, 25, (3, 32, 32))


def import_into(folder, source, *, like=GREY, levels=256, rescale=None, train=None, resize=None):
    train = images(7, SIZE, like.shape[1:], levels) if train is None else train
    facts = {
        "dataset": "set",
        "levels": levels,
        "train": train,
        "rescale": rescale,
        "resize": resize,
    }
    return import_samples(source, folder / "pools", "theirs", **facts)


def save_npy(folder, array, name="samples.npy"):
    np.save(folder / name, array, allow_pickle=False)
    return folder / name


def save_pngs(folder, array):
    target = folder / "pngs"
    target.mkdir()
    for i, image in enumerate(array):
        Image.fromarray(image).save(target / f"{i:03d}.png")
    return target
