"""Files, pools and weights that a plan needs: a missing one gets the launch's own sentence."""

import shutil
from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest

from scaling.cli import inputs
from scaling.cli.inputs import check_needed, lacks, whole_name, with_whole_pool_names
from scaling.errors import UsageError
from scaling.metrics import features
from scaling.pools.pool import Pool
from scaling.storage.store import Store
from scaling.trial import DMAAPX, DiffusionTrial, Source, TwoSampleTrial, VaeTrial
from scaling.trial.own_files import content
from scaling.trial.schedule import schedule
from tests.small_pool import SPEC, build

HERE = Namespace(offline=False, data_root=None)


def checked(trial, store, options=HERE):
    check_needed(options, schedule([trial], 10, 5, None), store)


def own_file(path, **arrays):
    np.savez(path, **({"images": np.zeros((40, 8, 8), np.uint8)} | arrays))
    return str(path)


def test_a_users_file_that_is_missing_is_reported(tmp_path):
    store = Store(tmp_path)
    checked(VaeTrial(own_file(tmp_path / "a.npz"), n_c=2), store)
    with pytest.raises(UsageError, match="does not exist"):
        checked(VaeTrial(str(tmp_path / "missing.npz"), n_c=2), store)
    floats = own_file(tmp_path / "floats.npz", images=np.zeros((40, 8, 8), np.float32))
    with pytest.raises(UsageError, match="levels from 0 to 255"):
        checked(VaeTrial(floats, n_c=2), store)


def test_a_likelihood_of_other_levels_is_reported(tmp_path, monkeypatch):
    store, two = Store(tmp_path), np.zeros((40, 8, 8), np.uint8)
    two[1:, 2, 2] = 1
    bits = own_file(tmp_path / "bits.npz", images=two)
    checked(VaeTrial(bits, n_c=2, likelihood="bernoulli"), store)
    grey = own_file(tmp_path / "grey.npz", images=two * 255)
    for dataset, levels in (("digits", 17), ("fashion_mnist", 256), (grey, 256)):
        trial = VaeTrial(dataset, n_c=2, likelihood="bernoulli")
        with pytest.raises(UsageError, match=f"with 2 levels, and .* has {levels}"):
            checked(trial, store)
    monkeypatch.setattr(inputs, "READ_BYTES", 0)  # too large to be read for a plan
    checked(VaeTrial(grey, n_c=2, likelihood="bernoulli"), store)


def test_a_train_size_above_that_of_the_data_is_reported(tmp_path):
    with pytest.raises(UsageError, match="Give at most --train-size 39"):
        checked(VaeTrial(own_file(tmp_path / "a.npz"), n_c=2, train_size=41), Store(tmp_path))


def test_a_file_with_too_few_images_for_a_partition_is_reported(tmp_path):
    images = np.zeros((40, 8, 8), np.uint8)
    file = tmp_path / "a.npz"
    np.savez(file, train_images=images, test_images=images[:1])
    checked(VaeTrial(str(file), n_c=2), Store(tmp_path))
    with pytest.raises(UsageError, match="has 1 test image, and partition=disjoint needs at"):
        checked(VaeTrial(str(file), n_c=2, partition="disjoint"), Store(tmp_path))


def test_a_share_that_is_no_image_is_reported(tmp_path):
    mixed = VaeTrial(
        "digits", n_c=2, train_size=300, source=Source(real_share=0.001, k=1, pool="x")
    )
    with pytest.raises(UsageError, match=r"is 0 real images. Give --set source.real_share=0 or at"):
        checked(mixed, Store(tmp_path))
    model = DiffusionTrial("digits", train_size=300, share=0.001)
    with pytest.raises(UsageError, match=r"share=0.001 of 300 images is no image at all. Give a l"):
        checked(model, Store(tmp_path))


def test_standard_data_that_are_missing_offline_are_reported(tmp_path):
    offline = Namespace(offline=True, data_root=tmp_path)
    with pytest.raises(UsageError, match="--offline downloads nothing"):
        checked(VaeTrial("cifar10", n_c=2), Store(tmp_path), offline)
    (tmp_path / "cifar-10-batches-py").mkdir()
    checked(VaeTrial("cifar10", n_c=2), Store(tmp_path), offline)
    checked(VaeTrial("digits", n_c=2), Store(tmp_path), offline)


def with_pool(store, name="mygan-123"):
    store.pool(name).parent.mkdir(parents=True, exist_ok=True)
    build(store.pool(name), 2, replace(SPEC, name=name))
    return Pool.load(store.pool(name), store.root / "pools")


def test_a_unique_prefix_names_a_pool(tmp_path):
    store = Store(tmp_path)
    with_pool(store)
    assert whole_name("mygan", store) == whole_name("mygan-123", store) == "mygan-123"
    assert whole_name("other", store) == "other"
    with_pool(store, "mygan-124")
    with pytest.raises(UsageError, match="mygan-123, mygan-124 begin with mygan-"):
        whole_name("mygan-", store)
    assert whole_name("mygan-124", store) == "mygan-124"


def test_the_prefix_becomes_the_whole_name_in_trials_of_each_kind(tmp_path):
    store = Store(tmp_path)
    with_pool(store)
    vae = VaeTrial("digits", n_c=2, source=DMAAPX.replaced({"pool": "mygan", "k": 1}))
    normal = VaeTrial("digits", n_c=2)
    tested = TwoSampleTrial("digits", pool="my")
    got = with_whole_pool_names([vae, normal], store)
    assert [trial.reads_pool for trial in got] == ["mygan-123", None]
    assert got[1] is normal
    assert with_whole_pool_names([tested], store)[0].reads_pool == "mygan-123"


def test_pools_that_are_missing_or_too_small_are_reported(tmp_path):
    store = Store(tmp_path)
    pool = with_pool(store)
    size = pool.spec.images_per_chunk
    trial = VaeTrial("digits", n_c=2, train_size=size)

    def reading(name, k):
        return trial.replaced({}, {}) if not name else trial.replaced(
            {"source": DMAAPX.replaced({"pool": name, "k": k})}, {})  # fmt: skip

    checked(reading(pool.name, 2), store)
    with pytest.raises(UsageError, match="has 2 chunks, and k=3 needs 3"):
        checked(reading(pool.name, 3), store)
    shutil.rmtree(store.pool(pool.name))
    with pytest.raises(UsageError, match="the pool does not exist"):
        checked(reading(pool.name, 2), store)


def test_a_pool_for_a_users_file_is_found_by_the_content_of_the_file(tmp_path):
    store, file = Store(tmp_path), tmp_path / "a.npz"
    own_file(file)
    known = content(file)
    store.pool("gen").parent.mkdir(parents=True, exist_ok=True)
    build(store.pool("gen"), 2, replace(SPEC, name="gen", dataset=f"own-{known}"))
    size, source = SPEC.images_per_chunk, DMAAPX.replaced({"pool": "gen", "k": 2})
    trial = VaeTrial(str(file), n_c=2, train_size=size, source=source)
    checked(trial, store)
    own_file(file, images=np.ones((40, 8, 8), np.uint8))
    with pytest.raises(UsageError, match=f"has dataset=own-{known}, and dataset=own-"):
        checked(trial, store)


def test_missing_weights_are_reported_for_colour_images_only(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    coloured = schedule([VaeTrial("cifar10", n_c=2)], 10, 5, None, ("sample_quality",))
    grey = schedule([VaeTrial("digits", n_c=2)], 10, 5, None, ("sample_quality",))
    assert inputs.INCEPTION == features.WEIGHTS
    (line,) = lacks(coloured)
    assert str(tmp_path) in line and not [*lacks(grey)]
    inputs.inception_file().parent.mkdir(parents=True)
    inputs.inception_file().write_bytes(b"")
    assert not [*lacks(coloured)]


def test_a_pool_that_several_random_splits_read_is_reported(tmp_path):
    """A set of test images of its own is the same for all, and one split may read any pool."""
    source = DMAAPX.replaced({"pool": "gen", "k": 2})
    trial = VaeTrial("digits", n_c=2, train_size=20, source=source, partition="disjoint")
    splits = [replace(trial, replicate=n) for n in (0, 1)]
    (line,) = lacks(schedule(splits, 10, 5, None))
    assert "2 random splits read the pool gen, whose generator may have seen" in line
    assert not [*lacks(schedule(splits[:1], 10, 5, None))]
    own = own_file(tmp_path / "a.npz", train_images=np.zeros((60, 8, 8), np.uint8),
                   test_images=np.zeros((40, 8, 8), np.uint8))  # fmt: skip
    assert not [*lacks(schedule([replace(one, dataset=own) for one in splits], 10, 5, None))]
