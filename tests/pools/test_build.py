"""Pools that are built by several processes, killed, grown and repaired."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from scaling.errors import UsageError
from scaling.pools import build as pool_build
from scaling.pools.build import (
    create,
    discard,
    drop_parts,
    in_parts,
    missing,
    record,
    sampled_images,
    settle,
    write_chunk,
)
from scaling.pools.pool import Pool, info
from scaling.storage.files import STALE_SECONDS
from tests.small_pool import SPEC, build, chunk_of


def test_every_image_has_a_seed_of_its_own():
    seeds = [seed for index in range(4) for seed in SPEC.seeds(index)]
    assert seeds == list(range(80))


def test_growing_keeps_what_is_there(path, root):
    before = {file.name: file.stat().st_mtime_ns for file in path.glob("chunk-*")}
    assert build(path, 5) == [3, 4]
    after = {file.name: file.stat().st_mtime_ns for file in path.glob("chunk-*")}
    assert before.items() < after.items()
    assert Pool.open(path, root).k == 5
    assert build(path, 2) == []


def test_whole_chunks_of_a_killed_builder_are_used(root):
    path = root / "p"
    create(path, SPEC)
    for index in (0, 2):
        write_chunk(path, index, chunk_of(index))
    (path / "chunk-00001.npy").write_bytes((path / "chunk-00000.npy").read_bytes()[:500])
    assert settle(path, 3) == [1]
    assert build(path, 3) == [1]
    pool = Pool.open(path, root)
    assert pool.verify() == [] and (pool.read(2) == chunk_of(2)).all()


def test_parts_of_a_killed_chunk_are_not_sampled_again(root, monkeypatch):
    monkeypatch.setattr(pool_build, "PART_IMAGES", 8)
    path, asked = root / "p", list[object]()
    create(path, SPEC)

    def sample(seeds):
        if len(asked) == 2:
            asked.append("killed")
            raise KeyboardInterrupt
        asked.append(seeds)
        return chunk_of(1)[[seed - SPEC.seeds(1)[0] for seed in seeds]]

    with pytest.raises(KeyboardInterrupt):
        in_parts(path, 1, sample)
    assert asked == [range(20, 28), range(28, 36), "killed"]
    assert sampled_images(path, 2) == 16
    assert settle(path, 2) == [0, 1]  # a part does not count as a chunk
    (torn,) = path.glob("part-00001-00000008.npy")
    torn.write_bytes(torn.read_bytes()[:-1])
    images = in_parts(path, 1, sample)
    assert asked[3:] == [range(28, 36), range(36, 40)]
    assert (images == chunk_of(1)).all() and sampled_images(path, 2) == 20
    write_chunk(path, 1, images)
    assert sampled_images(path, 2) == 20
    assert settle(path, 2) == [0]  # and parts next to a whole chunk are removed
    assert not list(path.glob("part-*"))


def test_parts_of_other_chunks_stay(root):
    path = root / "p"
    create(path, SPEC)
    in_parts(path, 0, lambda seeds: chunk_of(0))
    in_parts(path, 1, lambda seeds: chunk_of(1))
    drop_parts(path, 0)
    assert [file.name for file in path.glob("part-*")] == ["part-00001-00000000.npy"]


KILLED = """
import os, signal, sys
import numpy as np
from pathlib import Path
from scaling.pools import build as pool_build
os.replace = lambda *a: os.kill(os.getpid(), signal.SIGKILL)
pool_build.write_chunk(Path(sys.argv[1]), 0, np.ones((20, 1, 8, 8), np.uint8))
"""


@pytest.mark.faults
def test_a_builder_killed_before_the_rename_leaves_no_chunk(root):
    path = root / "p"
    create(path, SPEC)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)])
    assert killed.returncode == -9
    (left,) = path.glob(".chunk-*")
    assert build(path, 1) == [0]
    assert left.exists()  # its process might still be at work
    os.utime(left, (time.time() - 2 * STALE_SECONDS,) * 2)
    settle(path, 1)
    assert not left.exists()


def test_a_pool_with_a_gap_counts_the_chunks_before_the_gap(root):
    path = root / "p"
    create(path, SPEC)
    record(path, {i: write_chunk(path, i, chunk_of(i)) for i in (3, 0, 1)})
    pool = Pool.open(path, root)
    assert pool.k == 2 and sorted(pool.chunks) == [0, 1, 3]
    assert "grow p --k 4" in "\n".join(info(pool))
    with pytest.raises(UsageError, match="Chunk 2 .* not finished.*grow p --k 3"):
        pool.read(2)
    assert build(path, 4) == [2]


WRITER = """
import sys
import numpy as np
from pathlib import Path
from scaling.pools.build import write_chunk
for index in map(int, sys.argv[2:]):
    images = np.random.default_rng(index).integers(0, 17, (20, 1, 8, 8), dtype=np.uint8)
    print(index, write_chunk(Path(sys.argv[1]), index, images))
"""


def test_two_processes_can_build_one_pool(root):
    path = root / "p"
    create(path, SPEC)
    shares = [range(0, 12, 2), range(1, 12, 2)]
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), *map(str, share)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for share in shares
    ]
    lines = [line.split() for writer in writers for line in writer.communicate()[0].splitlines()]
    record(path, {int(index): digest for index, digest in lines})
    pool = Pool.open(path, root)
    assert pool.k == 12 and pool.verify() == []
    assert all((pool.read(i) == chunk_of(i)).all() for i in range(12))


def test_a_second_writer_of_a_chunk_changes_nothing(path, root):
    digest = Pool.open(path, root).chunks[1]
    assert write_chunk(path, 1, chunk_of(9)) == digest
    assert (Pool.open(path, root).read(1) == chunk_of(1)).all()


@pytest.mark.parametrize(
    "images",
    [
        chunk_of(0).astype(np.float32),
        chunk_of(0)[:19],
        chunk_of(0)[:, 0],
        np.full(SPEC.chunk_shape, 17, np.uint8),
    ],
)
def test_images_that_are_no_chunk_are_not_written(path, images):
    with pytest.raises(ValueError, match="chunk of p"):
        write_chunk(path, 3, images)
    assert settle(path, 4) == [3]


def test_another_pool_of_the_same_name_is_refused(path):
    create(path, replace(SPEC, source="made elsewhere"))
    with pytest.raises(UsageError, match=r"created with epochs=5 \(now 6\), sampler="):
        create(path, replace(SPEC, epochs=6, sampler={"steps": 9}))
    with pytest.raises(UsageError, match="is not named p"):
        create(path.parent / "q", SPEC)


def test_chunks_without_pool_json_are_of_unknown_origin(path):
    (path / "pool.json").unlink()
    with pytest.raises(UsageError, match="but no pool.json"):
        create(path, SPEC)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "../p"),
        ("name", ".p"),
        ("levels", 1),
        ("levels", 257),
        ("shape", (8, 8)),
        ("shape", (1, 0, 8)),
        ("images_per_chunk", 0),
        ("model", 3),
    ],
)
def test_an_impossible_spec_is_refused(field, value):
    with pytest.raises(UsageError):
        replace(SPEC, **{field: value})


def test_verify_names_damaged_chunks_and_only_those_are_built_again(path, root):
    build(path, 6)
    flipped = path / "chunk-00001.npy"
    content = bytearray(flipped.read_bytes())
    content[700] ^= 4
    flipped.write_bytes(content)
    (path / "chunk-00003.npy").unlink()
    (path / "chunk-00004.npy").write_bytes(b"")
    pool = Pool.load(path, root)
    assert pool.verify() == [1, 3, 4]
    with pytest.raises(UsageError, match="chunk-00001.npy of the pool p .*SHA-256.*verify p"):
        pool.check(1)
    kept = (path / "chunk-00002.npy").stat().st_mtime_ns
    discard(path, pool.verify())
    assert Pool.open(path, root).k == 1
    assert build(path, 6) == [1, 3, 4]
    assert (path / "chunk-00002.npy").stat().st_mtime_ns == kept
    again = Pool.open(path, root)
    assert again.verify() == [] and again.chunks == pool.chunks


def test_listing_missing_chunks_writes_nothing(root):
    """A killed builder has left a torn chunk, one without a record, parts and old files."""
    create(path := root / "p", SPEC)
    write_chunk(path, 0, chunk_of(0))  # whole, but not recorded
    for name in ("chunk-00001.npy", "part-00000-00000000.npy"):
        (path / name).write_bytes(b"torn")
    (old := path / ".part-00000-00000000.npy.abcdefgh").write_bytes(b"")
    os.utime(old, (0, 0))

    def there():
        return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in path.iterdir()}

    before = there()
    assert missing(path, 2) == [0, 1]
    assert there() == before
    assert settle(path, 2) == [1]
    assert missing(path, 2) == [1]
    assert not old.exists()
