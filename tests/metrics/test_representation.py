"""Classifiers of latent means, compared with scikit-learn on the split that all models share."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from scaling.errors import UsageError
from scaling.metrics import representation
from scaling.metrics.representation import COLUMNS, Settings, accuracies, latent_means
from scaling.runs.vae import VaeRun
from tests.narrow import numbers

PLAIN = {
    "logistic": LogisticRegression(max_iter=1000),
    "svm_linear": SVC(kernel="linear"),
    "svm_rbf": SVC(),
    "knn": KNeighborsClassifier(5),
}


@pytest.fixture(scope="module")
def pixels():
    found = load_digits()
    return found.data[:1000] / 16, found.target[:1000]


@pytest.fixture(scope="module")
def found(pixels):
    return accuracies(*pixels)


@pytest.mark.parametrize("name", PLAIN)
def test_accuracies_equal_those_of_scikit_learn(pixels, found, name):
    features, labels = pixels
    order = np.random.RandomState(42).permutation(len(labels))
    train, test = order[: int(0.8 * len(labels))], order[int(0.8 * len(labels)) :]
    plain = PLAIN[name].fit(features[train], labels[train]).score(features[test], labels[test])
    assert found[name] == pytest.approx(plain, abs=0.0051)  # the tolerance is one image of 200


def test_accuracies_of_shifted_overlapping_features_equal_too():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 500)
    features = 3 + 0.1 * (rng.normal(size=(4, 30))[labels] * 0.3 + rng.normal(size=(500, 30)))
    train, test = np.split(np.random.RandomState(42).permutation(500), [400])
    found = accuracies(features, labels)
    for name, model in PLAIN.items():
        model = model.fit(features[train], labels[train])
        assert found[name] == pytest.approx(model.score(features[test], labels[test]), abs=0.011)


def test_unrelated_labels_are_predicted_by_chance():
    rng = np.random.default_rng(0)
    found = accuracies(rng.normal(size=(1000, 8)), rng.integers(0, 10, 1000))
    assert all(value == pytest.approx(0.1, abs=0.08) for value in found.values())


def test_logistic_regression_that_was_stopped_is_a_mean_over_seeds(pixels):
    features, labels = pixels[0][:300], pixels[1][:300]
    assert accuracies(features, labels, Settings(solver="saga"))["logistic"] > 0.8


def test_features_are_means_of_q_in_eval_mode(trial, tiny):
    run = VaeRun(trial, tiny, 1, 1)
    list(run)
    run.vae.train()
    found = latent_means(run.vae, run.test)
    assert run.vae.training
    run.vae.eval()
    with torch.no_grad():
        expected = run.vae.encoder(run.test.float() / 16)[:, : trial.m_z].flatten(1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_row_has_the_four_accuracies(trial, tiny):
    row, arrays = representation.measure(VaeRun(trial, tiny, 1, 1))
    assert tuple(row) == (*COLUMNS, "majority_share") and not arrays
    assert all(0 <= value <= 1 for value in numbers(row).values())


def test_the_majority_share_is_the_accuracy_of_a_dummy_classifier(trial, tiny):
    rng = np.random.default_rng(0)
    for count in (2, 3, 10):
        labels = rng.integers(0, count, len(tiny.test_labels)) * rng.integers(0, 2)
        labels[:3] = (0, 1, 2)
        run = VaeRun(trial, replace(tiny, test_labels=labels), 1, 1)
        row, _ = representation.measure(run, Settings(train_share=0.7))
        order = np.random.RandomState(42).permutation(len(labels))
        train, test = np.split(labels[order], [int(0.7 * len(labels))])
        dummy = DummyClassifier().fit(train, train)
        assert row["majority_share"] == dummy.score(test, test)


def test_the_setting_images_selects_the_first_images(trial, tiny):
    run = VaeRun(trial, tiny, 1, 1)
    few = VaeRun(trial, replace(tiny, test=tiny.test[:40], test_labels=tiny.test_labels[:40]), 1, 1)
    row, _ = representation.measure(run, Settings(images=40))
    assert row == representation.measure(few)[0]


@pytest.mark.parametrize(("labels", "reason"), [
    (np.zeros(0, np.uint8), "the test images have no labels"),
    (np.zeros(50, np.uint8), "all 50 labelled images are of one class, and classifiers need two"),
    (np.arange(5), "4 labelled images are too few to train a classifier"),
])  # fmt: skip
def test_images_that_cannot_be_classified_have_a_reason(trial, tiny, labels, reason):
    run = VaeRun(trial, replace(tiny, test_labels=labels), 1, 1)
    row, _ = representation.measure(run)
    assert row == {"representation_absent": reason}


def test_impossible_settings_are_refused():
    with pytest.raises(UsageError, match="train_share"):
        Settings(train_share=1.0)
    with pytest.raises(UsageError, match="images=0"):
        Settings(images=0)
