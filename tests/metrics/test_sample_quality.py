"""FID and Inception Score: closed forms, torch-fidelity, and reasons without weights."""

import hashlib
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from scaling.errors import UsageError
from scaling.metrics import features, sample_quality
from scaling.metrics.sample_quality import (
    Settings,
    extracted,
    frechet_distance,
    inception_score,
    prior_samples,
    statistics,
)
from scaling.runs.vae import VaeRun
from tests.narrow import numbers


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_the_distance_of_commuting_gaussians_is_the_closed_form(rng):
    mean1, mean2 = rng.normal(size=(2, 5))
    variances1, variances2 = rng.uniform(0.1, 3, (2, 5))
    turn, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    covariances = [turn * v @ turn.T for v in (variances1, variances2)]
    expected = ((mean1 - mean2) ** 2).sum() + ((variances1**0.5 - variances2**0.5) ** 2).sum()
    found = frechet_distance(mean1, covariances[0], mean2, covariances[1])
    assert found == pytest.approx(expected, rel=1e-10)


def test_the_distance_of_any_two_gaussians_equals_scipys(rng):
    from scipy.linalg import sqrtm

    a, b = rng.normal(size=(2, 6, 6))
    a, b = a @ a.T, b @ b.T
    expected = np.trace(a) + np.trace(b) - 2 * np.trace(sqrtm(a @ b)).real
    assert frechet_distance(np.zeros(6), a, np.zeros(6), b) == pytest.approx(expected, rel=1e-9)


def test_singular_covariances_are_allowed(rng):
    point, line = np.zeros((3, 3)), np.diag([4.0, 0, 0])
    assert frechet_distance(np.zeros(3), point, np.ones(3), line) == pytest.approx(3 + 4)
    few = rng.normal(size=(4, 30))
    assert frechet_distance(*statistics(few), *statistics(few)) == pytest.approx(0, abs=1e-4)


def test_samples_of_two_gaussians_come_near_their_distance(rng):
    x = rng.normal(size=(40_000, 3))
    y = 1.5 * rng.normal(size=(40_000, 3)) + [1, 0, 0]
    found = frechet_distance(*statistics(x), *statistics(y))
    assert found == pytest.approx(1 + 3 * 0.25, rel=0.05)


def test_the_inception_score_of_sure_and_unsure_predictions_is_known():
    sure = 100 * np.eye(4)[np.arange(400) % 4]
    assert inception_score(sure) == pytest.approx(4)
    assert inception_score(np.zeros((400, 4))) == pytest.approx(1)
    assert inception_score(sure[np.zeros(40, int)]) == pytest.approx(1)
    p = np.array([[0.9, 0.1], [0.1, 0.9]])  # KL of each row to (1/2, 1/2)
    expected = 2 * 0.9**0.9 * 0.1**0.1
    assert inception_score(np.log(p), splits=1) == pytest.approx(expected)
    parts = np.concatenate([np.log(p), 100 * np.eye(2)])  # their marginals are their own
    assert inception_score(parts, splits=2) == pytest.approx((expected + 2) / 2)
    skewed = np.concatenate([np.zeros((2, 2)), np.repeat(100 * np.eye(2)[:1], 2, axis=0)])
    assert inception_score(skewed, splits=2) == pytest.approx(1)  # 1.24 if not split


def test_distance_and_score_equal_those_of_torch_fidelity(rng):
    fid = pytest.importorskip("torch_fidelity.metric_fid")
    isc = pytest.importorskip("torch_fidelity.metric_isc")
    x, y = rng.normal(size=(300, 20)), rng.normal(size=(200, 20)) * 1.2 + 0.1
    theirs = fid.fid_statistics_to_metric(
        *(fid.fid_features_to_statistics(torch.tensor(part)) for part in (x, y)), verbose=False
    )
    ours = frechet_distance(*statistics(x), *statistics(y))
    assert ours == pytest.approx(theirs["frechet_inception_distance"], rel=1e-8)
    score = isc.isc_features_to_metric(torch.tensor(x), 10, shuffle=False)
    assert inception_score(x, 10) == pytest.approx(score["inception_score_mean"], rel=1e-8)


def test_prior_samples_are_levels_of_the_likelihood(trial, tiny, monkeypatch):
    run = VaeRun(trial, tiny, 1, 1)
    batches = [x for x in prior_samples(run.vae, run.test[:1], Settings(samples=230))]
    samples = torch.cat(batches)
    assert [len(x) for x in batches] == [100, 100, 30] and samples.shape[1:] == (1, 8, 8)
    assert samples.dtype == torch.uint8 and samples.max() <= 16

    class Fixed:
        def sample(self):
            return torch.full((100, 1, 8, 8), 0.99)

    monkeypatch.setattr(run.vae, "decode", lambda z: Fixed())
    for rounding, level in (("nearest", 16), ("down", 15)):
        settings = Settings.from_dict({"samples": 100, "rounding": rounding})
        assert (next(prior_samples(run.vae, run.test[:1], settings)) == level).all()


def test_grey_images_are_judged_by_a_classifier_trained_here(trial, digits):
    run = VaeRun(trial, digits, 1, 1)
    run.vae.train()
    before = torch.random.get_rng_state()
    row, arrays = sample_quality.measure(run, Settings(samples=300))
    assert run.vae.training and torch.equal(before, torch.random.get_rng_state())
    assert row == sample_quality.measure(run, Settings(samples=300))[0]
    assert row["sample_quality_extractor"] == "classifier"
    assert 1 <= numbers(row)["inception_score"] <= 10
    assert arrays["prior_samples"].shape == (64, 1, 8, 8)
    extract = features.classifier(run)
    test, logits = extracted(extract, [run.test / 16])
    assert (logits.argmax(1) == digits.test_labels).mean() > 0.9
    train, _ = extracted(extract, [run.train / 16])
    own = frechet_distance(*statistics(train), *statistics(test))
    assert own < 0.1 * numbers(row)["fid"]  # an untrained VAE's samples are no digits
    assert inception_score(logits, 1) > numbers(row)["inception_score"]


def test_without_classes_the_classifier_has_a_reason(trial, tiny):
    run = VaeRun(trial, replace(tiny, train_labels=np.zeros(0, np.uint8)), 1, 1)
    row, arrays = sample_quality.measure(run, Settings(samples=64))
    assert "no classes" in str(row["sample_quality_absent"]) and len(row) == 1
    assert len(arrays["prior_samples"]) == 64


def test_one_test_image_is_too_few_and_the_reason_is_given(trial, tiny):
    run = VaeRun(trial, replace(tiny, test=tiny.test[:1], test_labels=tiny.test_labels[:1]), 1, 1)
    row, arrays = sample_quality.measure(run, Settings(samples=64))
    assert row == {"sample_quality_absent": "a covariance needs two test images"}
    assert len(arrays["prior_samples"]) == 64


@pytest.fixture
def rgb(trial, tiny):
    """Makes a run on grey digits in three channels."""
    three = replace(tiny, train=tiny.train.repeat(3, 1), test=tiny.test.repeat(3, 1))
    return VaeRun(trial, three, 1, 1)


def test_without_weights_scores_are_absent_with_a_reason(rgb, tmp_path, monkeypatch):
    pytest.importorskip("torch_fidelity")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    row, arrays = sample_quality.measure(rgb, Settings(samples=20))
    assert "weights are not at" in str(row["sample_quality_absent"]) and len(row) == 1
    assert arrays["prior_samples"].shape == (20, 3, 8, 8)


def test_without_scores_no_more_samples_are_drawn_than_pictures_need(rgb, monkeypatch):
    """The samples are those that would be shown together with scores."""
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    decoded = []
    decode = rgb.vae.decode
    monkeypatch.setattr(rgb.vae, "decode", lambda z: decoded.append(len(z)) or decode(z))
    _, arrays = sample_quality.measure(rgb, Settings(samples=10_000))
    assert sum(decoded) == 100
    _, judged = sample_quality.measure(rgb, Settings(samples=300, extractor="classifier"))
    np.testing.assert_array_equal(arrays["prior_samples"], judged["prior_samples"])


def test_other_weights_are_not_unpickled(rgb, tmp_path):
    pytest.importorskip("torch_fidelity")
    file = tmp_path / "weights.pth"
    file.write_bytes(b"anything")
    row, _ = sample_quality.measure(rgb, Settings(samples=20, weights=str(file)))
    assert hashlib.sha256(b"anything").hexdigest() in str(row["sample_quality_absent"])


def test_without_the_package_scores_are_absent_with_a_reason(rgb, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    row, _ = sample_quality.measure(rgb, Settings(samples=20))
    assert "not installed" in str(row["sample_quality_absent"])


@pytest.mark.slow
def test_with_weights_scores_equal_those_of_torch_fidelity(rgb, tmp_path, monkeypatch):
    """Random weights replace the published ones."""
    fidelity = pytest.importorskip("torch_fidelity")
    file = tmp_path / "weights.pth"
    _random_weights(file, monkeypatch)
    monkeypatch.setattr(features, "WEIGHTS_SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    settings = Settings(samples=12, images=12, splits=2, weights=str(file))
    row, arrays = sample_quality.measure(rgb, settings)
    real = (rgb.test[:12] / 16 * 255).round().to(torch.uint8)
    drawn = (torch.tensor(arrays["prior_samples"]) / 16 * 255).round().to(torch.uint8)
    theirs = fidelity.calculate_metrics(
        input1=_Images(drawn),
        input2=_Images(real),
        **{"cuda": False, "isc": True, "fid": True, "isc_splits": 2, "verbose": False},
        **{"samples_shuffle": False, "feature_extractor_weights_path": str(file)},
        save_cpu_ram=True,
        batch_size=12,
    )
    assert row["fid"] == pytest.approx(theirs["frechet_inception_distance"], rel=1e-3)
    assert row["inception_score"] == pytest.approx(theirs["inception_score_mean"], rel=1e-4)


class _Images(torch.utils.data.Dataset):
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]


def _random_weights(file, monkeypatch):
    from torch_fidelity import feature_extractor_inceptionv3 as module

    with monkeypatch.context() as patch:
        patch.setattr(module, "load_state_dict_from_url", lambda *args, **kwargs: {})
        patch.setattr(torch.nn.Module, "load_state_dict", lambda self, state: None)
        torch.manual_seed(0)
        network = module.FeatureExtractorInceptionV3("random", ["2048"])
    torch.save(network.state_dict(), file)


def test_impossible_settings_are_refused():
    with pytest.raises(UsageError, match="samples=1"):
        Settings(samples=1)
    with pytest.raises(UsageError, match="samples=9 cannot be cut into splits=10 parts"):
        Settings(samples=9)
    assert Settings(samples=9, splits=9).splits == 9


def test_features_on_a_gpu_are_not_rounded_to_tf32(trial, tiny, monkeypatch):
    rounds = []

    def extractor(subject, weights):
        def extract(x):
            rounds.append(torch.backends.cudnn.allow_tf32)
            return x.flatten(1), x.flatten(1)

        return extract

    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setitem(features.EXTRACTORS, "classifier", extractor)
    sample_quality.measure(VaeRun(trial, tiny, 1), Settings(samples=20))
    assert rounds and not any(rounds) and torch.backends.cudnn.allow_tf32
