"""PSNR compared with its definition and known decoders."""

import math

import numpy as np
import pytest
import torch

from scaling.metrics import psnr
from scaling.metrics.psnr import COLUMNS, Settings
from scaling.runs.vae import VaeRun
from tests.narrow import numbers


class Shown:
    """A likelihood whose mean and sample are given images."""

    def __init__(self, mean, sample):
        self.mean, self._sample = mean, sample

    def sample(self):
        return self._sample


def test_a_known_error_has_a_known_psnr(trial, tiny, monkeypatch):
    run = VaeRun(trial, tiny, 1, 1)
    target = run.test.float() / 16
    monkeypatch.setattr(run.vae, "decode", lambda z: Shown(target + 0.1, target + 0.01))
    row, _ = psnr.measure(run)
    assert row == pytest.approx({"psnr_mean": 20.0, "psnr_sample": 40.0}, abs=1e-4)


def test_psnr_is_that_of_the_mean_error_not_a_mean_of_psnrs(trial, tiny, monkeypatch):
    run = VaeRun(trial, tiny, 1, 1)
    target = run.test.float() / 16
    shift = torch.linspace(0.01, 0.5, len(target)).view(-1, 1, 1, 1)
    monkeypatch.setattr(run.vae, "decode", lambda z: Shown(target + shift, target - shift))
    row, _ = psnr.measure(run)
    assert row["psnr_mean"] == pytest.approx(-10 * math.log10((shift**2).mean()), abs=1e-4)


def test_reconstructions_without_error_have_no_psnr(trial, tiny, monkeypatch):
    run = VaeRun(trial, tiny, 1, 1)
    target = run.test.float() / 16
    monkeypatch.setattr(run.vae, "decode", lambda z: Shown(target, target + 0.1))
    assert set(psnr.measure(run)[0]) == {"psnr_sample"}


def test_measuring_equals_the_slow_way_and_does_not_change_the_run(trial, tiny):
    run = VaeRun(trial, tiny, 2, 1)
    list(run)
    run.vae.train()
    before = torch.random.get_rng_state()
    row, arrays = psnr.measure(run, Settings(images=20))
    assert run.vae.training and torch.equal(before, torch.random.get_rng_state())
    assert tuple(row) == COLUMNS and row == psnr.measure(run, Settings(images=20))[0]
    found = numbers(row)
    # a sample has the likelihood's variance in addition
    assert found["psnr_sample"] < found["psnr_mean"]
    run.vae.eval()
    errors = []
    with torch.no_grad():
        for x in run.test[:20]:
            mean = run.vae.decode(run.vae.encode(x[None]).mean).mean[0]
            errors.append(((mean - x / 16) ** 2).mean().item())
    assert row["psnr_mean"] == pytest.approx(-10 * math.log10(np.mean(errors)), abs=1e-4)
    samples = arrays["reconstruction_samples"]
    assert samples.shape == (16, 1, 8, 8) and samples.dtype == np.uint8 and samples.max() <= 16
