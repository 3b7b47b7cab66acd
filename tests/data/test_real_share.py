"""The share of real images in a mixture: exact over an epoch, and unchanged where it is whole."""

from math import gcd

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scaling.data.sources import real_images
from scaling.errors import UsageError
from scaling.trial import NORMAL, Source
from tests.data.test_sources import REAL, images_of


@given(share=st.floats(0, 1), batch=st.integers(1, 60), count=st.integers(1, 200))
@settings(deadline=None)
def test_real_images_keep_their_share_from_batch_to_batch(share, batch, count):
    assume(share in (0, 1) or 0 < round(share * count) < count)
    train = torch.full((count, 1, 1, 1), REAL, dtype=torch.uint8)
    samples = np.zeros((count, 1, 1, 1), np.uint8)
    source = NORMAL if share == 1 else Source(real_share=share, k=1)
    images = images_of(source, 1, train, lambda index: samples, batch=batch)
    real = seen = 0
    for x in images.split(batch):
        real, seen = real + int((x == REAL).sum()), seen + len(x)
        assert abs(real - share * seen) <= 0.5 + 1e-9
    assert len(images) == count


@pytest.mark.parametrize(("share", "batch", "count", "real"), [
    (0.01, 20, 300, 3), (0.99, 20, 300, 297), (0.017, 60, 300, 5), (0.4, 1, 50, 20),
])  # fmt: skip
def test_a_share_that_is_no_whole_image_of_a_batch_is_exact_over_the_epoch(
    share, batch, count, real
):
    assert int(real_images(share, count, batch).sum()) == real


@given(percent=st.integers(0, 100), times=st.integers(1, 20), count=st.integers(1, 2000))
@settings(deadline=None)
def test_a_share_that_is_whole_in_each_batch_is_as_it_always_was(percent, times, count):
    batch = times * 100 // gcd(percent, 100)
    sizes = [min(batch, count - first) for first in range(0, count, batch)]
    marks = real_images(percent / 100, count, batch).split(batch)
    assert [int(mark.sum()) for mark in marks] == [round(percent / 100 * size) for size in sizes]


@pytest.mark.parametrize(("share", "message"), [
    (0.001, "0.001 of 50 images is 0 real images. Give --set source.real_share=0 or at least 0.02"),
    (0.999, "0.999 of 50 images is 50 real images. Give --set source.real_share=1 or at most 0.98"),
])  # fmt: skip
@pytest.mark.parametrize("mix", ["batch", "fixed"])
def test_a_share_of_none_or_all_images_is_refused(share, message, mix):
    with pytest.raises(UsageError, match=message):
        images_of(Source(real_share=share, k=1, mix=mix))
