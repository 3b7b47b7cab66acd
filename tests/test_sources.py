"""Which images an epoch has: chunks in turn, copied, and refused where they do not fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scaling.checked import UsageError
from scaling.data.sources import check, epoch_images
from scaling.runs.vae import VaeRun
from scaling.trial import DMAAPX, NORMAL, Source, VaeTrial
from scaling.wanted import Diffusion, complete, pool_of
from tests.conftest import timeless

TRAIN = torch.zeros(5, 1, 8, 8, dtype=torch.uint8)


def chunk(index):
    return np.full((5, 1, 8, 8), index, np.uint8)


def test_normal_training_reads_d_train():
    assert epoch_images(NORMAL, TRAIN, 3, None) is TRAIN


@given(k=st.integers(1, 12), epochs=st.integers(1, 40))
def test_k_distinct_chunks_then_repeats_never_before(k, epochs):
    source = replace(DMAAPX, k=k)
    seen = [int(epoch_images(source, TRAIN, e, chunk)[0, 0, 0, 0]) for e in range(1, epochs + 1)]
    assert seen == [(e - 1) % k for e in range(1, epochs + 1)]
    assert len(set(seen[:k])) == min(k, epochs)


def test_writing_in_place_changes_no_shared_memory():
    shared = chunk(3)
    shared.flags.writeable = False
    images = epoch_images(replace(DMAAPX, k=1), TRAIN, 1, lambda index: shared)
    images.add_(1)
    assert (shared == 3).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(UsageError, match="needs a pool"):
        epoch_images(DMAAPX, TRAIN, 1, chunk)
    with pytest.raises(UsageError, match="shape"):
        epoch_images(replace(DMAAPX, k=1), TRAIN[:3], 1, chunk)
    for source in (Source(augment="naive"), Source(real_share=0.5), Source(mollify_epochs=3)):
        with pytest.raises(UsageError, match="cannot be trained on yet"):
            check(source)


def test_training_on_a_pool_of_d_train_equals_normal_training(trial, tiny):
    """The same images through the pool: only their order within the epoch's draw stays."""
    dmaapx = replace(trial, source=replace(DMAAPX, k=1))
    normal = [timeless(row) for row in VaeRun(trial, tiny, 2, 1)]
    pooled = [timeless(r) for r in VaeRun(dmaapx, tiny, 2, 1, read_chunk=lambda i: tiny.train)]
    assert [r["test_elbo"] for r in pooled] == [r["test_elbo"] for r in normal]


def test_the_source_elbo_is_that_of_the_chunk(trial, tiny):
    blank = np.zeros_like(tiny.train)
    dmaapx = replace(trial, source=replace(DMAAPX, k=1))
    rows = list(VaeRun(dmaapx, tiny, 30, 30, read_chunk=lambda index: blank))
    assert rows[-1]["source_elbo"] > rows[-1]["train_elbo"] + 20
    assert rows[-1]["generalization_gap"] == rows[-1]["train_elbo"] - rows[-1]["test_elbo"]


def test_pools_are_filled_in_and_their_models_come_first():
    from scaling.trial import DiffusionTrial

    vae = VaeTrial("digits", n_c=2, train_size=50, split=3, source=DMAAPX)
    other = replace(vae, source=replace(DMAAPX, diffusion_share=0.5, k=2))
    own = replace(vae, source=replace(DMAAPX, pool="mine", k=4))
    diffusion = Diffusion(DiffusionTrial("cifar10", channels=8), epochs=7)
    every = complete([vae, other, own, replace(vae, source=NORMAL)], 10, 5, diffusion)
    models, vaes = every[:2], [wanted.trial for wanted in every[2:]]
    assert [(m.trial.dataset, m.trial.share, m.trial.split) for m in models] == [
        ("digits", 1.0, 3),
        ("digits", 0.5, 3),
    ]
    assert [m.epochs for m in models] == [7, 7]
    assert [v.source.k for v in vaes] == [10, 2, 4, None]
    assert models[0].key in pool_of(vaes[0])
    assert models[1].key in pool_of(vaes[1])
    assert pool_of(vaes[2]) == "mine"
    longer = complete([vae], 10, 5, replace(diffusion, epochs=8))
    assert longer[1].key != every[2].key
    with pytest.raises(UsageError, match="source.pool=NAME"):
        complete([vae], 10, 5, None)
