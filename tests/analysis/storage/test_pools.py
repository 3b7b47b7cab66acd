"""Pools as `analysis` reads them: pictures, quality, and damaged files that are never unpickled."""

import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.errors import ResultsError
from analysis.storage import pools
from scaling.pools.quality import describe
from tests.analysis.pool_files import QUALITY, add_pool, grey


def test_the_pools_of_a_study_are_ordered_by_share(results):
    chunk = {"sha256": "0" * 64, "first_seed": 0}
    add_pool(results, 1.0, grey())
    add_pool(results, 0.1, grey(), quality=None)
    add_pool(
        results, 0.5, grey(), chunks=[chunk | {"file": f"chunk-0000{i}.npy"} for i in (0, 1, 3)]
    )
    add_pool(results, 0.2, grey(), model=None)  # imported
    add_pool(results, 0.3, grey(), model="a trial of another study")
    add_pool(results, 0.4, grey(), chunks=[])  # nothing sampled yet
    found = pools.pools(results.close())
    assert [pool.share for pool in found] == [0.1, 0.5, 1.0]
    assert [pool.k for pool in found] == [4, 2, 4]
    assert [pool.quality for pool in found] == [{}, QUALITY, QUALITY]
    one = found[0]
    assert (one.dataset, one.levels, one.shape, one.epochs) == ("digits", 17, (1, 8, 8), 120)
    assert [pool.name for pool in pools.pools(results.root)] == [pool.name for pool in found]


def test_pools_of_trials_that_the_study_does_not_request_are_left_out(results):
    add_pool(results, 1.0, grey())
    results.requested.clear()
    results.add(results.vae(1, 2, 0), [])
    assert pools.pools(results.close()) == []


@pytest.mark.parametrize("count", [1, 5, 7, 20, 1000])
def test_pictures_are_the_first_images_of_a_pool(results, count):
    images = grey(20)
    add_pool(results, 1.0, images)
    found = pools.pictures(pools.pools(results.close())[0], count)
    np.testing.assert_array_equal(found, images[:count])
    assert found.dtype == np.uint8


class Trap:
    """An object that makes a file when it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return (Path.touch, (self.file,))


def _spoil(file, how, folder):
    other = folder / "elsewhere"
    if how == "missing":
        file.unlink()
    elif how == "torn":
        file.write_bytes(file.read_bytes()[:-1])
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "pickle":
        file.write_bytes(pickle.dumps(Trap(folder / "trapped")))
    elif how == "objects":
        np.save(file, np.array([Trap(folder / "trapped")]), allow_pickle=True)
    elif how == "link":
        file.rename(other)
        file.symlink_to(other)
    else:
        wrong = {"type": grey(5).astype(np.int8), "shape": grey(4), "levels": grey(5, 250)}
        np.save(file, wrong[how])


DAMAGE = ("missing", "torn", "empty", "pickle", "objects", "link", "type", "shape", "levels")


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_chunk_is_named_and_never_unpickled(results, tmp_path, how):
    folder = add_pool(results, 1.0, grey())
    pool = pools.pools(results.close())[0]
    _spoil(folder / "chunk-00001.npy", how, tmp_path)
    with pytest.raises(ResultsError, match=r"chunk-00001\.npy .*\. \w"):
        pools.pictures(pool, 10)
    assert not (tmp_path / "trapped").exists()
    assert len(pools.pictures(pool, 5)) == 5


@pytest.mark.parametrize("name", ["pool.json", "quality.json"])
@pytest.mark.parametrize("how", ["torn", "empty", "pickle", "link"])
def test_a_damaged_record_is_named(results, tmp_path, name, how):
    _spoil(add_pool(results, 1.0, grey()) / name, how, tmp_path)
    with pytest.raises(ResultsError, match=rf"{name} .*\. \w"):
        pools.pools(results.close())
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize(
    "change",
    [
        *({"format": 2}, {"name": "other"}, {"dataset": 3}, {"levels": 1}, {"levels": 300}),
        *({"shape": [8, 8]}, {"shape": [1, 8, "8"]}, {"shape": 8}, {"images_per_chunk": 0}),
        *({"epochs": None}, {"chunks": None}, {"chunks": ["chunk-00000.npy"]}),
        *({"chunks": [{"file": "../../study.json"}]}, {"chunks": [{}]}),
    ],
)
def test_an_impossible_record_is_refused_with_a_reason(results, change):
    add_pool(results, 1.0, grey(), **change)
    with pytest.raises(ResultsError, match=rf"pool\.json has no valid {next(iter(change))}"):
        pools.pools(results.close())


@pytest.mark.parametrize("value", ["NaN", "Infinity", '"0.1"', "null", "[1]", "1" + 400 * "0"])
def test_the_quality_has_only_finite_numbers(results, value):
    (add_pool(results, 1.0, grey()) / "quality.json").write_text(f'{{"images": {value}}}')
    with pytest.raises(ResultsError, match=r"quality\.json is damaged"):
        pools.pools(results.close())


@pytest.mark.filterwarnings("ignore:Reading `.npy`")
def test_any_bytes_in_the_header_give_images_or_a_sentence(results):
    file = add_pool(results, 1.0, grey()) / "chunk-00000.npy"
    pool, data, rng = pools.pools(results.close())[0], file.read_bytes(), random.Random(0)
    seen: set[Any] = set()
    for _ in range(400):
        changed = bytearray(data)
        for _ in range(rng.choice([1, 2, 5])):
            changed[rng.randrange(128)] = rng.choice(b"()[]{},'\"\n\\ 0189LO|:\x00\xff")
        file.write_bytes(changed)
        try:
            seen.add(pools.pictures(pool, 5).shape)
        except ResultsError:
            seen.add("refused")
    assert seen == {(5, 1, 8, 8), "refused"}


def test_real_images_copies_and_noise_are_described(digits):
    images = np.random.default_rng(0).permutation(digits.train)
    train, test, fresh = images[:300], images[300:600], images[600:900]
    noise = grey(300)

    def words(samples):
        return pools.judged(describe(samples, train, test, 17))

    assert words(fresh).startswith("as near to D_train") and "like D_train's" in words(fresh)
    assert words(train[::-1]).startswith("repeats training images: 100.0%")
    few = np.concatenate([fresh[:240], train[:60]])
    assert words(few).startswith("repeats training images: 20.0%")
    assert words(noise).startswith("farther from D_train") and "times D_train's" in words(noise)


@pytest.mark.parametrize(("factor", "words"), [(0.4, "much nearer"), (0.8, "nearer"), (1.05, "as")])
def test_the_median_distance_decides_without_near_copies(factor, words):
    distance = factor * QUALITY["nearest_test_train"]
    assert pools.judged(QUALITY | {"nearest_samples_train": distance}).startswith(words)
    assert pools.judged({"images": 300}) == ""
