"""Pools on disk: read without a copy, and only for the data that they were made of."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from scaling.errors import UsageError
from scaling.pools.pool import Pool, info
from scaling.pools.spec import PoolSpec
from tests.small_pool import SPEC, build, chunk_of


def test_a_pool_is_read_as_it_was_written(path, root):
    pool = Pool.open(path, root)
    assert (pool.name, pool.k, pool.spec, pool.chunk_bytes) == ("p", 3, SPEC, 20 * 64)
    for index in range(3):
        assert (pool.read(index) == chunk_of(index)).all()
        plain = np.load(path / f"chunk-0000{index}.npy", allow_pickle=False)
        assert (plain == chunk_of(index)).all()
    assert pool.verify() == []


def test_pool_json_contains_the_spec_and_the_checksums(path):
    values = json.loads((path / "pool.json").read_text())
    assert {n: v for n, v in values.items() if n != "chunks"} == {
        "format": 1,
        "name": "p",
        "dataset": "digits",
        "levels": 17,
        "shape": [1, 8, 8],
        "images_per_chunk": 20,
        "model": "model",
        "epochs": 5,
        "sampler": {"steps": 18},
        "source": "sampled",
    }
    for index, entry in enumerate(values["chunks"]):
        file = path / f"chunk-0000{index}.npy"
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert entry == {"file": file.name, "sha256": digest, "first_seed": 20 * index}


def test_a_chunk_is_mapped_and_cannot_be_written(path, root):
    view = Pool.open(path, root).read(1)
    assert type(view) is np.ndarray and view.base is not None
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 0
    with pytest.raises(ValueError, match="WRITEABLE"):
        view.setflags(write=True)
    assert len(pickle.dumps(view, protocol=5, buffer_callback=lambda buffer: None)) < 1000


PRIVATE = """
import sys
from pathlib import Path
import numpy as np
from scaling.pools.pool import Pool

def private():
    (line,) = [l for l in Path("/proc/self/status").read_text().splitlines() if "RssAnon" in l]
    return 1024 * int(line.split()[1])

path = Path(sys.argv[1])
pool = Pool.open(path, path.parent)
start = private()
total = sum(int(view.max()) for view in [pool.read(i) for i in range(pool.k)])
mapped, copied = private() - start, 0
for i in range(pool.k):
    batch = np.array(pool.read(i))
    copied = max(copied, private() - start)
print(mapped, copied, pool.chunk_bytes)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux")
def test_reading_costs_a_chunk_of_private_memory_whatever_k(root):
    spec = PoolSpec("big", "digits", 17, (1, 64, 64), 1000)  # a chunk has 4 MB, all have 40 MB
    build(root / "big", 10, spec)
    out = subprocess.run(
        [sys.executable, "-c", PRIVATE, str(root / "big")],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    mapped, copied, chunk = map(int, out.stdout.split())
    assert mapped < 0.5 * chunk  # after all ten were mapped and read
    assert copied < 2.5 * chunk  # the next copy is made before the last one goes


def test_check_gives_the_checksum_of_what_is_read(path, root):
    pool = Pool.open(path, root)
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(path.glob("*.npy"))]
    assert [pool.check(i) for i in range(3)] == digests == [pool.chunks[i] for i in range(3)]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"dataset": "mnist"}, "dataset=digits, and dataset=mnist is needed"),
        ({"levels": 256}, "levels=17, and levels=256"),
        ({"shape": (3, 8, 8)}, r"shape=\(1, 8, 8\), and shape=\(3, 8, 8\)"),
        ({"images_per_chunk": 40}, "images_per_chunk=20.*or move its folder away: its study"),
        ({"k": 10}, "3 chunks, and k=10 needs 10. Type: scaling-vae pool grow p --k 10"),
    ],
)
def test_a_pool_for_something_else_is_refused(path, root, change, match):
    pool = Pool.open(path, root)
    fitting: dict[str, Any] = {
        "dataset": "digits",
        "levels": 17,
        "shape": (1, 8, 8),
        "images_per_chunk": 20,
    }
    pool.check_for(**fitting, k=3)
    pool.check_for(**fitting)
    with pytest.raises(UsageError, match=f"The pool p has {match}"):
        pool.check_for(**fitting | change)


def test_info_names_every_property_of_a_pool(path, root):
    text = "\n".join(info(Pool.open(path, root)))
    for part in ("p", "digits: 1x8x8, 17 levels", "3 of 20", "model, 5 epochs", "steps 18"):
        assert part in text
    assert "seeds 0 to 59" in text and "gap" not in text
