"""Requests for samples: as many and of the same shape as the images that they stand for."""

import pytest

from scaling.cluster import pools
from scaling.cluster.pool_requests import pool_request
from scaling.data.datasets import load
from scaling.data.partition import divided
from scaling.trial import DiffusionTrial, VaeTrial


@pytest.mark.parametrize("partition", ["train_and_test", "disjoint", "development"])
def test_a_chunk_has_as_many_images_as_d_train_also_without_a_train_size(partition):
    digits, model = load("digits"), DiffusionTrial("digits", partition=partition)
    images = len(divided(digits, model.part).train)
    made = pool_request("p", model, "model", 5, 3, digits)
    assert made.spec.images_per_chunk == images
    assert pools._images(digits, VaeTrial("digits", partition=partition))[-1] == images
