"""The images of an epoch: chunks in turn, copies, mixtures, and refusals."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.data.sources import epoch_images
from scaling.errors import UsageError
from scaling.runs.vae import VaeRun
from scaling.trial import DMAAPX, NORMAL, Source, VaeTrial
from scaling.trial.schedule import Diffusion, pool_name, schedule
from tests.conftest import timeless
from tests.narrow import not_none

TRAIN = torch.zeros(50, 1, 8, 8, dtype=torch.uint8)
REAL = 16  # the level of D_train's images in tests of mixtures


def chunk(index):
    return np.full((50, 1, 8, 8), index, np.uint8)


def vae(source, **fields):
    return VaeTrial("digits", **({"batch": 20, "mixtures": 2} | fields), source=source)


def images_of(source, epoch=1, train=TRAIN, read_chunk=chunk, **fields):
    return epoch_images(vae(source, **fields), train, 17, epoch, read_chunk)


def test_normal_training_reads_d_train_once_per_epoch_in_a_new_order():
    train = torch.arange(50, dtype=torch.uint8).view(50, 1, 1, 1).expand(TRAIN.shape)
    first, second = (images_of(NORMAL, e, train)[:, 0, 0, 0].tolist() for e in (1, 2))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    other = images_of(NORMAL, 1, train, seed=1)[:, 0, 0, 0].tolist()
    assert first == images_of(NORMAL, 1, train)[:, 0, 0, 0].tolist() != other


@given(k=st.integers(1, 12), epochs=st.integers(1, 40), share=st.sampled_from([0.0, 0.3, 0.8]))
@settings(deadline=None, max_examples=30)
def test_all_k_chunks_are_read_before_any_repeats(k, epochs, share):
    source = Source(real_share=share, k=k)
    train = torch.full_like(TRAIN, REAL)
    seen: list[Any] = []
    for epoch in range(1, epochs + 1):
        levels = set(images_of(source, epoch, train)[:, 0, 0, 0].tolist()) - {REAL}
        assert len(levels) == 1
        seen += levels
    assert seen == [(e - 1) % k for e in range(1, epochs + 1)]
    assert len(set(seen[:k])) == min(k, epochs)


def test_a_mixture_takes_no_image_twice_in_an_epoch():
    train = torch.arange(50, dtype=torch.uint8).view(50, 1, 1, 1).expand(TRAIN.shape)
    samples = (100 + np.arange(50, dtype=np.uint8)).reshape(50, 1, 1, 1) + chunk(0)
    source = Source(real_share=0.4, k=1)
    seen = images_of(source, 1, train, lambda index: samples)[:, 0, 0, 0].tolist()
    assert len(set(seen)) == 50
    assert sum(level < 100 for level in seen) == 8 + 8 + 4


NUMBERED = np.arange(50, dtype=np.uint8).reshape(50, 1, 1, 1)


def numbered(index):
    return np.broadcast_to(100 + 50 * index + NUMBERED, TRAIN.shape).astype(np.uint8)


def test_a_shuffled_pool_is_read_completely_before_any_image_repeats():
    source = replace(DMAAPX, k=3, pool_order="shuffled")
    epochs = [
        images_of(source, epoch, read_chunk=numbered)[:, 0, 0, 0].tolist() for epoch in range(1, 7)
    ]
    whole = sorted(numbered(index)[i, 0, 0, 0] for index in range(3) for i in range(50))
    assert sorted(sum(epochs[:3], [])) == sorted(sum(epochs[3:], [])) == whole
    assert epochs[:3] != epochs[3:]
    assert all(len({(level - 100) // 50 for level in epoch}) == 3 for epoch in epochs)


def test_a_fixed_mixture_has_the_same_images_in_each_epoch():
    train = torch.from_numpy(np.broadcast_to(NUMBERED, TRAIN.shape).copy())
    source = Source(real_share=0.3, k=2, mix="fixed")
    first, second = (
        images_of(source, epoch, train, numbered)[:, 0, 0, 0].tolist() for epoch in (1, 2)
    )
    assert first != second and sorted(first) == sorted(second)
    assert sum(level < 50 for level in first) == 15 and len(set(first)) == 50
    assert sorted(images_of(source, 1, train, numbered, seed=1)[:, 0, 0, 0].tolist()) != sorted(
        first
    )


@pytest.mark.parametrize(
    "source",
    [
        *(NORMAL, replace(DMAAPX, k=2), Source(real_share=0.5, k=2), Source(augment="tuned")),
        *(Source(mollify_epochs=3), Source(real_share=0.5, k=2, augment="naive")),
        Source(real_share=0.2, k=1, augment="tuned", mollify_epochs=4),
    ],
)
def test_the_same_seed_and_epoch_give_the_same_images_whatever_else_is_drawn(source, digits):
    train = torch.from_numpy(digits.train[:50])
    samples = digits.train[50:100]
    first = images_of(source, 2, train, lambda index: samples)
    torch.manual_seed(5)
    assert torch.equal(first, images_of(source, 2, train, lambda index: samples))
    assert not torch.equal(first, images_of(source, 2, train, lambda index: samples, seed=1))
    assert first.dtype == torch.uint8
    assert first.max() < 17


def test_writing_into_an_epochs_images_changes_no_chunk():
    shared = chunk(3)
    shared.flags.writeable = False
    images_of(replace(DMAAPX, k=1), 1, TRAIN, lambda index: shared).add_(1)
    assert (shared == 3).all()
    images_of(NORMAL).add_(1)
    assert (TRAIN == 0).all()


def test_missing_pools_and_wrong_shapes_are_refused():
    with pytest.raises(UsageError, match="needs a pool"):
        images_of(DMAAPX)
    with pytest.raises(UsageError, match="shape"):
        images_of(replace(DMAAPX, k=1), 1, TRAIN[:3])


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"k": 3}, "real_share below 1"),
        ({"diffusion_share": 0.5}, "real_share below 1"),
        ({"mix": "fixed"}, "real_share below 1"),
        ({"real_share": 0.0, "mix": "fixed"}, "real_share above 0"),
        ({"keep_real": True}, "source.augment only"),
        ({"requantise": False}, "source.mollify_epochs only"),
        ({"augment": "tuned", "augment_probability": 1.5}, "not at least 0 and at most 1"),
    ],
)
def test_fields_that_do_not_go_together_are_refused_with_a_reason(fields, why):
    with pytest.raises(UsageError, match=why):
        Source(**fields)


def test_images_that_a_likelihood_cannot_take_are_refused():
    with pytest.raises(UsageError, match="bernoulli only"):
        vae(Source(augment="tuned", keep_real=True))
    with pytest.raises(UsageError, match="cannot be combined with samples"):
        VaeTrial("mnist", binarise="static_bernoulli", source=replace(DMAAPX, k=1))
    with pytest.raises(UsageError, match="read by the likelihood bernoulli only"):
        vae(Source(mollify_epochs=3, requantise=False))


def test_training_on_a_pool_of_d_train_equals_normal_training(trial, tiny):
    """The order of images within an epoch is the same too."""
    dmaapx = replace(trial, source=replace(DMAAPX, k=1))
    normal = [timeless(row) for row in VaeRun(trial, tiny, 2, 1)]
    pooled = [timeless(r) for r in VaeRun(dmaapx, tiny, 2, 1, read_chunk=lambda i: tiny.train)]
    assert [r["test_elbo"] for r in pooled] == [r["test_elbo"] for r in normal]


def test_the_source_elbo_is_measured_on_the_chunk(trial, tiny):
    blank = np.zeros_like(tiny.train)
    dmaapx = replace(trial, source=replace(DMAAPX, k=1))
    rows = list(VaeRun(dmaapx, tiny, 30, 30, read_chunk=lambda index: blank))
    assert rows[-1]["source_elbo"] > rows[-1]["train_elbo"] + 20
    assert rows[-1]["generalization_gap"] == rows[-1]["train_elbo"] - rows[-1]["test_elbo"]


def test_trials_get_their_pools_and_diffusion_models_come_first():
    from scaling.trial import DiffusionTrial

    first = VaeTrial("digits", n_c=2, train_size=50, split=3, source=DMAAPX)
    other = replace(first, source=replace(DMAAPX, diffusion_share=0.5, k=2))
    own = replace(first, source=replace(DMAAPX, pool="mine", k=4))
    diffusion = Diffusion(DiffusionTrial("cifar10", channels=8), epochs=7)
    every = schedule([first, other, own, replace(first, source=NORMAL)], 10, 5, diffusion)
    models = every[:2]
    vaes = [one.trial for one in every if isinstance(one.trial, VaeTrial)]
    edms = [one.trial for one in models if isinstance(one.trial, DiffusionTrial)]
    assert len(every) == len(edms) + len(vaes)
    assert [(m.dataset, m.share, m.split) for m in edms] == [
        ("digits", 1.0, 3),
        ("digits", 0.5, 3),
    ]
    assert [m.epochs for m in models] == [7, 7]
    assert [v.source.k for v in vaes] == [10, 2, 4, None]
    whole = replace(own, source=replace(DMAAPX, pool="mine"))
    (read,) = (one.trial for one in schedule([whole], 10, 5, diffusion))
    assert isinstance(read, VaeTrial) and read.source.k == diffusion.k
    with pytest.raises(UsageError, match="--set source.k=K"):
        schedule([whole], 10, 5, None)
    assert models[0].key in not_none(vaes[0].reads_pool)
    assert models[1].key in not_none(vaes[1].reads_pool)
    assert vaes[2].reads_pool == "mine"
    longer = schedule([first], 10, 5, replace(diffusion, epochs=8))
    assert longer[1].key != every[2].key
    with pytest.raises(UsageError, match="source.pool=NAME"):
        schedule([first], 10, 5, None)


def test_the_name_of_a_pool_of_a_users_file_has_plain_characters():
    from scaling.trial import DiffusionTrial

    name = pool_name(DiffusionTrial("my own/two words & more.npz"), 7)
    assert name.startswith("two_words_more-1-")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-")
