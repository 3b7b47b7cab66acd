"""Feature extractors: a classifier that learns the classes, and weights that are checked."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from scaling.metrics import features
from scaling.metrics.features import Missing
from scaling.metrics.sample_quality import extracted
from scaling.runs.vae import VaeRun
from scaling.trial import VaeTrial


def test_labels_may_be_any_whole_numbers(trial, digits):
    names = np.array([-1, 3, 4, 5, 6, 7, 8, 9, 10, 2084071])
    plain, named = (
        VaeRun(trial, replace(digits, train_labels=labels), 1, 1)
        for labels in (digits.train_labels, names[digits.train_labels])
    )
    for left, right in zip(*(classified(run) for run in (plain, named)), strict=True):
        np.testing.assert_array_equal(left, right)


def classified(run):
    return extracted(features.classifier(run), [run.test[:50] / 16])


@pytest.fixture(scope="module")
def run(digits):
    return VaeRun(VaeTrial("digits", n_c=2, mixtures=2), digits, 1, 1)


@pytest.fixture(scope="module")
def judged(run):
    """Returns features and logits of the test images by a classifier trained once."""
    return features.classifier(run)(run.test / 16)


def test_the_classifier_recognizes_digits_that_it_was_not_trained_on(judged, digits):
    hidden, logits = judged
    assert hidden.shape == (len(digits.test), features.CLASSIFIER_FEATURES)
    right = logits.argmax(1).numpy() == digits.test_labels
    assert right.mean() > 0.9  # chance: 0.1
    assert not hidden.requires_grad and not logits.requires_grad


def test_logits_are_a_linear_map_of_the_features(judged):
    hidden, logits = (part[:200].double().numpy() for part in judged)
    ones = np.concatenate([hidden, np.ones((200, 1))], axis=1)
    solved = np.linalg.lstsq(ones, logits)[0]  # by singular values: some features are always 0
    np.testing.assert_allclose(ones @ solved, logits, rtol=0, atol=1e-3)


def test_the_same_d_train_has_the_same_classifier_whatever_was_drawn_before(judged, trial, digits):
    other = VaeRun(replace(trial, seed=9, n_c=3), digits, 1, 1)
    torch.rand(5)
    state = torch.random.get_rng_state()
    again, _ = features.classifier(other)(other.test / 16)
    assert torch.equal(again, judged[0])
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("labels", [np.zeros(0, np.uint8), np.full(1297, 3)])
def test_fewer_than_two_classes_are_refused(trial, digits, labels):
    alone = VaeRun(trial, replace(digits, train_labels=labels), 1, 1)
    with pytest.raises(Missing, match="have no classes|are of one class, and an extractor"):
        features.classifier(alone)


def test_a_file_is_read_only_if_its_checksum_is_the_published_one(tmp_path, monkeypatch):
    file = tmp_path / "weights.pth"
    with pytest.raises(Missing, match="weights are not at"):
        features._verify(file)
    file.write_bytes(b"anything")
    digest = hashlib.sha256(b"anything").hexdigest()
    with pytest.raises(Missing, match=f"is not the published file: its SHA-256 is {digest}"):
        features._verify(file)
    monkeypatch.setattr(features, "WEIGHTS_SHA256", digest)
    features._verify(file)


def test_the_reason_does_not_name_the_home_folder(tmp_path, monkeypatch):
    """Rows are published, and the reason is part of them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(Missing, match="weights are not at ~/weights.pth"):
        features._verify(tmp_path / "weights.pth")
