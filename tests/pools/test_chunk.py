"""A chunk's file equals NumPy's to the byte, and no other file is mapped."""

import hashlib
import io
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.pools import chunk
from scaling.pools.chunk import ChunkError, mapped

SHAPE = (6, 1, 4, 4)
IMAGES = np.arange(96, dtype=np.uint8).reshape(SHAPE)


def saved(array, **options):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **options)
    return stream.getvalue()


@pytest.fixture
def path(tmp_path):
    return tmp_path / chunk.file_name(3)


def test_a_file_equals_numpys_and_its_checksum_is_known_in_advance(path):
    digest = chunk.write(path, IMAGES)
    assert path.name == "chunk-00003.npy"
    assert path.read_bytes() == saved(IMAGES, version=(1, 0))
    assert digest == chunk.digest(IMAGES) == chunk.sha256(path)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("make", [
    lambda x: np.asfortranarray(x), lambda x: x[::-1][::-1], lambda x: np.repeat(x, 2, 0)[::2],
])  # fmt: skip
def test_the_layout_in_memory_does_not_matter(path, make):
    assert chunk.write(path, make(IMAGES)) == chunk.digest(IMAGES)
    np.testing.assert_array_equal(np.load(path), IMAGES)


def test_a_view_shares_the_file_and_cannot_be_written(path, tmp_path):
    chunk.write(path, IMAGES)
    view = mapped(path, SHAPE, tmp_path)
    np.testing.assert_array_equal(view, IMAGES)
    assert type(view) is np.ndarray and not view.flags.writeable and view.base is not None


@pytest.mark.parametrize(("content", "message"), [
    (b"", "is not an .npy file of version 1.0"),
    (b"PK\x03\x04", "is not an .npy file"),
    (saved(IMAGES, version=(2, 0)), "is not an .npy file of version 1.0"),
    (pickle.dumps(IMAGES), "is not an .npy file"),
    (saved(IMAGES.astype(np.int8), version=(1, 0)), r"has '\|i1' data instead of uint8"),
    (saved(IMAGES.astype(object), version=(1, 0)), r"has '\|O' data"),
    (saved(np.asfortranarray(IMAGES), version=(1, 0)), "instead of uint8|the shape"),
    (saved(IMAGES[:5], version=(1, 0)), r"has the shape \(5, 1, 4, 4\) instead of \(6, 1, 4, 4\)"),
    (saved(IMAGES.reshape(6, 4, 4, 1), version=(1, 0)), "has the shape"),
    (saved(IMAGES, version=(1, 0)) + b"\x00", "bytes instead of"),
    (saved(IMAGES, version=(1, 0))[:-1], "bytes instead of"),
    (chunk.MAGIC + b"\x05\x00{1, 2", "has a header that cannot be read"),
    (chunk.MAGIC + b"\xff\xff" + b" " * 70_000, "has a header that cannot be read"),
    (chunk.MAGIC + b"\x02\x00[]", "has a header that cannot be read"),
])  # fmt: skip
def test_any_other_file_is_refused(path, tmp_path, content, message):
    path.write_bytes(content)
    with pytest.raises(ChunkError, match=message):
        mapped(path, SHAPE, tmp_path)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_a_chunk_error(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("any")
    (folder / "chunk").write_bytes(chunk.MAGIC + content)
    with pytest.raises(ChunkError):
        mapped(folder / "chunk", SHAPE, folder)


def test_a_missing_file_a_folder_and_a_link_out_of_the_pools_are_refused(path, tmp_path):
    with pytest.raises(ChunkError, match="is missing"):
        mapped(path, SHAPE, tmp_path)
    with pytest.raises(ChunkError, match="cannot be read"):
        chunk.sha256(path)
    path.mkdir()
    with pytest.raises(ChunkError, match="is missing"):
        mapped(path, SHAPE, tmp_path)
    root = tmp_path / "pools"
    root.mkdir()
    chunk.write(tmp_path / "outside.npy", IMAGES)
    (root / "inside.npy").symlink_to(tmp_path / "outside.npy")
    with pytest.raises(ChunkError, match="symbolic link out of"):
        mapped(root / "inside.npy", SHAPE, root)
    (root / "real.npy").write_bytes((tmp_path / "outside.npy").read_bytes())
    (root / "link.npy").symlink_to(root / "real.npy")
    np.testing.assert_array_equal(mapped(root / "link.npy", SHAPE, root), IMAGES)
