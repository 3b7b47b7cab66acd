"""Damaged and hostile pools are refused by name before anything is read."""

import json
import os
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaling.errors import UsageError
from scaling.pools.build import create, discard, settle
from scaling.pools.pool import Pool
from scaling.pools.spec import PoolSpec
from tests.small_pool import SPEC, build, chunk_of


def refused(path, match):
    with pytest.raises(UsageError, match=match) as caught:
        Pool.open(path, path.parent)
    assert path.name in str(caught.value)


def damage(path, change):
    values = json.loads((path / "pool.json").read_text())
    change(values)
    (path / "pool.json").write_text(json.dumps(values))


def test_a_missing_pool_gets_the_list_of_pools(path):
    refused(path.parent / "other", "the pool does not exist.*Pools here: p.*pool build")


def test_a_pool_without_chunks_is_unfinished(root):
    create(root / "p", SPEC)
    refused(root / "p", "unfinished.*grow p --k 1")
    create(root / "q", PoolSpec("q", "digits", 17, (1, 8, 8), 20))
    refused(root / "q", "unfinished.*pool import")


def test_a_torn_pool_json_is_refused(path):
    text = (path / "pool.json").read_bytes()
    for end in (0, 1, len(text) // 2, len(text) - 3):
        (path / "pool.json").write_bytes(text[:end])
        refused(path, "damaged")
        with pytest.raises(UsageError, match="damaged"):
            settle(path, 3)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(levels=0),
        lambda v: v.pop("dataset"),
        lambda v: v.update(surprise=1),
        lambda v: v.update(shape="1,8,8"),
        lambda v: v.update(chunks=None),
        lambda v: v["chunks"].append(v["chunks"][0]),
        lambda v: v["chunks"].append(3),
        lambda v: v["chunks"][0].pop("sha256"),
        lambda v: v["chunks"][0].update(sha256="abc"),
        lambda v: v["chunks"][0].update(sha256=None),
        lambda v: v["chunks"][0].update(first_seed=7),
        lambda v: v["chunks"][0].update(file="../p/chunk-00000.npy"),
        lambda v: v["chunks"][0].update(file="chunk-²0000.npy"),
    ],
)
def test_an_impossible_pool_json_is_refused(path, change):
    damage(path, change)
    refused(path, "pool.json is damaged")


def test_another_format_or_folder_is_refused(path):
    damage(path, lambda v: v.update(format=2))
    refused(path, "does not have format 1")
    damage(path, lambda v: v.update(format=1))
    os.rename(path, path.parent / "q")
    refused(path.parent / "q", "contains the pool p")


def write_header(path, header, data=None):
    """Replaces chunk 1 by a file with this header."""
    data = chunk_of(1).tobytes() if data is None else data
    with open(path / "chunk-00001.npy", "wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(data)


GOOD = {"descr": "|u1", "fortran_order": False, "shape": SPEC.chunk_shape}


@pytest.mark.parametrize(
    ("header", "match"),
    [
        (GOOD | {"shape": (40, 1, 8, 8)}, "has the shape"),
        (GOOD | {"shape": (20, 8, 8)}, "has the shape"),
        (GOOD | {"shape": (20 * 64,)}, "has the shape"),
        (GOOD | {"descr": "|i1"}, "instead of uint8"),
        (GOOD | {"descr": "<f8", "shape": (20, 1, 8, 1)}, "instead of uint8"),
        (GOOD | {"fortran_order": True}, "instead of uint8|order"),
    ],
)
def test_a_header_that_does_not_fit_the_data_is_refused(path, header, match):
    write_header(path, header)
    refused(path, f"chunk-00001.npy of the pool p .*({match}).*pool verify p")
    assert settle(path, 3) == [1]


def test_objects_and_pickles_are_refused(path):
    file = path / "chunk-00001.npy"
    np.save(file, np.array([[{}]], dtype=object), allow_pickle=True)
    refused(path, "chunk-00001.npy .*'|O' data instead of uint8")
    file.write_bytes(pickle.dumps(chunk_of(1)))
    refused(path, "chunk-00001.npy .*not an .npy file")


@pytest.mark.parametrize("end", [0, 5, 60, 128, 1000, -1])
def test_a_truncated_chunk_is_refused(path, end):
    file = path / "chunk-00001.npy"
    file.write_bytes(file.read_bytes()[:end])
    refused(path, "chunk-00001.npy of the pool p")


def test_a_chunk_with_extra_bytes_is_refused(path):
    with open(path / "chunk-00001.npy", "ab") as stream:
        stream.write(b"x")
    refused(path, "has 1409 bytes instead of 1408")


def test_a_missing_chunk_is_refused(path):
    (path / "chunk-00002.npy").unlink()
    refused(path, "chunk-00002.npy of the pool p is missing.*verify")


def test_other_versions_and_endless_headers_are_refused(path):
    file = path / "chunk-00001.npy"
    good = file.read_bytes()
    file.write_bytes(good[:6] + b"\x02" + good[7:])
    refused(path, "version 1.0")
    file.write_bytes(good[:8] + b"\xff\xff" + b"(" * 70_000)
    refused(path, "header that cannot be read")


def test_links_out_of_the_root_are_refused(path, root, tmp_path):
    outside = tmp_path / "outside.npy"
    os.rename(path / "chunk-00001.npy", outside)
    os.symlink(outside, path / "chunk-00001.npy")
    refused(path, "chunk-00001.npy of the pool p is a symbolic link out of")
    assert Pool.load(path, root).verify() == [1]
    discard(path, [1])
    assert build(path, 3) == [1] and outside.exists()
    os.rename(path, tmp_path / "p")
    os.symlink(tmp_path / "p", path)
    refused(path, "symbolic link out of")


def test_a_results_folder_may_be_a_link(path, root, tmp_path):
    os.symlink(root, tmp_path / "elsewhere")
    assert Pool.open(tmp_path / "elsewhere" / "p", tmp_path / "elsewhere").read(0).any()


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, 127), st.integers(1, 255)), min_size=1, unique_by=lambda e: e[0]
    )
)
def test_a_header_with_flipped_bits_is_refused_or_says_the_same(path, root, edits):
    file = path / "chunk-00001.npy"
    pool, good = Pool.load(path, root), bytearray(file.read_bytes())
    bad = bytearray(good)
    for at, mask in edits:
        bad[at] ^= mask
    file.write_bytes(bad)
    try:
        assert (pool.read(1) == chunk_of(1)).all()
    except UsageError as error:
        assert "chunk-00001.npy" in str(error)
    with pytest.raises(UsageError, match="chunk-00001.npy"):
        pool.check(1)
    file.write_bytes(good)
