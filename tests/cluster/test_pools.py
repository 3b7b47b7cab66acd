"""Pools through Ray: sampled, read without a copy, checked, grown and repaired."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from scaling.pools.pool import Pool
from scaling.storage.trial_folder import TrialFolder
from tests.cluster.conftest import ALONE
from tests.narrow import not_none

pytestmark = pytest.mark.cluster
CELLS = ["--source", "dmaapx", "--m-z", "1", "--n-c", "2", "--seeds", "0", "1"]
SMOKE = ["--smoke-test", "--no-figures", *ALONE, *CELLS]


def pool_command(study, *words):
    command = [sys.executable, "-m", "scaling", "pool", *map(str, words)]
    command += ["--results", str(study.results)]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_pool_is_sampled_read_grown_and_repaired(study):
    run = study.run(*SMOKE)
    assert run.returncode == 0, run.stderr
    (path,) = (study.results / "pools").glob("*edm*")
    pool = Pool.open(path, path.parent)
    assert pool.k == 2
    assert pool.verify() == []
    before = dict(pool.chunks)
    trials = [TrialFolder(p) for p in study.folders() if "dmaapx" in p.name]
    assert len(trials) == 2
    for trial in trials:
        assert not_none(trial.done())["chunks"] == {str(i): sha for i, sha in before.items()}
        assert trial.trial().reads_pool == pool.name

    stamp = (path / "chunk-00000.npy").stat().st_mtime_ns
    grown = pool_command(study, "grow", pool.name, "--k", 3, *ALONE)
    assert grown.returncode == 0, grown.stderr
    assert f"pool {pool.name}: 180 of 180 images sampled" in grown.stdout
    assert (path / "chunk-00000.npy").stat().st_mtime_ns == stamp

    damaged = bytearray((path / "chunk-00001.npy").read_bytes())
    damaged[-1] ^= 1
    (path / "chunk-00001.npy").write_bytes(damaged)
    refused = study.run(*SMOKE, "--set", "source.pool=" + pool.name, "source.k=3")
    assert refused.returncode == 3
    assert "chunk-00001.npy" in refused.stdout
    assert "pool verify" in refused.stdout
    mended = pool_command(study, "verify", pool.name)
    assert "damaged: chunk 1" in mended.stdout
    after = Pool.open(path, path.parent)
    assert {i: after.chunks[i] for i in before} == before  # the same images as before
    again = study.run(*SMOKE, "--set", "source.pool=" + pool.name, "source.k=3")
    assert again.returncode == 0, again.stderr


@pytest.mark.slow
@pytest.mark.faults
def test_a_builder_killed_halfway_continues_without_sampling_again(study):
    model = ["--smoke-test", "--no-figures", "--set", "share=1.0", "--epochs", "1"]
    model += ["--replicates", "0"]
    trained = replace(study, name="diffusion").run(*model)
    assert trained.returncode == 0, trained.stderr
    (path,) = (study.results / "pools").glob("*edm*")
    command = [sys.executable, "-m", "scaling", "pool", "grow", path.name, "--k", "60"]
    builder = subprocess.Popen(
        [*command, "--results", str(study.results)],
        env={**os.environ, **study.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len(list(path.glob("chunk-*.npy"))) < 8 and builder.poll() is None:
        time.sleep(0.05)
    builder.kill()
    builder.wait()
    time.sleep(1)  # workers that lost their driver may finish their current chunk
    finished = {file: file.stat().st_mtime_ns for file in path.glob("chunk-*.npy")}
    assert 8 <= len(finished) < 60

    grown = pool_command(study, "grow", path.name, "--k", "60")
    assert grown.returncode == 0, grown.stderr
    assert {file: file.stat().st_mtime_ns for file in finished} == finished
    pool = Pool.open(path, path.parent)
    assert pool.k == 60
    assert pool.verify() == []


def test_samples_of_any_generator_are_imported_and_trained_on(study, tmp_path):
    levels = np.random.default_rng(0).integers(0, 17, (130, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "mine.npy", levels)
    words = [tmp_path / "mine.npy", "--name", "mine", "--train-size", 60, "--split", 2]
    done = pool_command(study, "import", *words)
    assert done.returncode == 0, done.stderr
    (path,) = (study.results / "pools").glob("mine-*")
    few = study.run(*SMOKE, "--set", f"source.pool={path.name}", "source.k=3")
    assert few.returncode == 2
    assert "k=3" in few.stderr
    wrong = study.run(*SMOKE, "--set", "source.pool=nobodys", "source.k=2")
    assert wrong.returncode == 2
    assert path.name in wrong.stderr
    run = study.run(*SMOKE, "--set", f"source.pool={path.name}", "source.k=2")
    assert run.returncode == 0, run.stderr
    keys = json.loads((study.results / "double_descent" / "study.json").read_text())["trials"]
    assert all("edm" not in key for key in keys)


@pytest.mark.slow
def test_a_trial_never_holds_a_pool_of_two_gigabytes(tmp_path, ray_folder):
    """A reader's private memory grows by at most two chunks, whatever k; views are shared."""
    script = READER.format(root=str(tmp_path), ray=ray_folder)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for answer, fits in zip(map(json.loads, done.stdout.splitlines()), (True, False), strict=True):
        assert answer["pool"] >= 2e9
        assert answer["in_store"] is fits
        assert answer["read_only"]
        assert answer["peak"] - answer["start"] <= 2 * answer["chunk"]


READER = """
import json, pathlib, numpy as np, ray, torch
from scaling.cluster.object_store import put_pools
from scaling.pools import build as pool_build
from scaling.pools.pool import Pool
from scaling.pools.spec import PoolSpec
from scaling.data.sources import epoch_images
from scaling.trial import DMAAPX, VaeTrial
from dataclasses import replace

root, n, k = pathlib.Path({root!r}), 50_000, 14
spec = PoolSpec("big", "cifar10", 256, (3, 32, 32), n)
pool_build.create(root / "big", spec)
chunk = np.zeros(spec.chunk_shape, np.uint8)
for i in range(k):
    chunk[:, 0, 0, 0] = i
    pool_build.record(root / "big", {{i: pool_build.write_chunk(root / "big", i, chunk)}})
pool = Pool.open(root / "big", root)
@ray.remote
def reader(chunks):
    def anonymous():
        lines = pathlib.Path("/proc/self/status").read_text().splitlines()
        return int(next(x for x in lines if x.startswith("RssAnon")).split()[1]) * 1024
    train = torch.zeros(spec.chunk_shape, dtype=torch.uint8)
    trial = VaeTrial("cifar10", source=replace(DMAAPX, k=k))
    images, start, peak, read_only = None, anonymous(), 0, True
    for epoch in range(1, k + 1):
        read_only &= not chunks.read(epoch - 1).flags.writeable
        images = epoch_images(trial, train, 256, epoch, chunks.read)
        assert int(images[0, 0, 0, 0]) == epoch - 1
        peak = max(peak, anonymous())
    return dict(start=start, peak=peak, read_only=read_only)

for store in (4_000_000_000, 500_000_000):
    ray.init(address="local", num_cpus=1, object_store_memory=store, _temp_dir={ray!r},
             include_dashboard=False, log_to_driver=False)
    shared = put_pools({{"big": pool}}, {{"big": k}}, 0)["big"]
    answer = ray.get(reader.remote(shared))
    print(json.dumps(answer | dict(chunk=pool.chunk_bytes, pool=k * pool.chunk_bytes,
                                 in_store=bool(shared.refs))))
    ray.shutdown()
"""
