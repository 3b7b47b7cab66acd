"""Log-densities along interpolations, compared with a linear VAE's closed form."""

import json
import math
from typing import Any

import numpy as np
import pytest
import torch

from scaling.errors import UsageError
from scaling.metrics import smoothness
from scaling.metrics.smoothness import COLUMNS, CURVES, Settings, log_q, pairs
from scaling.models.vae import diagonal_normal
from scaling.runs.vae import VaeRun


class Linear(torch.nn.Module):
    """A VAE of images (B, 1, 2, 2) with z = x: decodes gain * z, encodes N(x + bend x^2, std^2)."""

    dtype = torch.float64

    def __init__(self, gain, std, bend=0.0):
        super().__init__()
        self.gain, self.std, self.bend = gain, std, bend

    def encode(self, x):
        return diagonal_normal(x + self.bend * x**2, torch.full_like(x, self.std))

    def decode(self, z):
        return type("Mean", (), {"mean": self.gain * z})


def straight(gain, std, bend=0.0) -> Any:
    """Returns the model typed as Any, because it has only some members of a VAE."""
    return Linear(gain, std, bend)


def ends():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, 3, 1, 2, 2, generator=generator, dtype=torch.float64)


def test_a_perfect_decoder_gives_the_density_of_the_mean_everywhere():
    x0, x1 = ends()
    values = log_q(straight(1.0, 0.1), x0, x1, Settings(points=11))
    expected = -4 * (math.log(0.1) + 0.5 * math.log(2 * math.pi))
    torch.testing.assert_close(values, torch.full((3, 11), expected).double())


def test_a_decoder_that_shrinks_gives_a_parabola():
    x0, x1 = ends()
    values = log_q(straight(0.7, 0.1), x0, x1, Settings(points=5))
    for i, alpha in enumerate((0, 0.25, 0.5, 0.75, 1)):
        z = alpha * x0 + (1 - alpha) * x1
        expected = torch.distributions.Normal(0.7 * z, 0.1).log_prob(z).sum((1, 2, 3))
        torch.testing.assert_close(values[:, i], expected)


def test_the_roughness_of_a_monotone_curve_is_its_rise(trial, tiny, monkeypatch):
    run = VaeRun(trial, tiny, 1, 1)
    for values, expected in (
        (torch.linspace(-3, 4, 50).expand(7, 50), 7.0),
        (torch.full((7, 50), 2.0), 0.0),
        (torch.tensor([[0.0, 1.0] * 25] * 2 + [[0.0] * 50] * 2), 49 / 2),
    ):
        monkeypatch.setattr(smoothness, "log_q", lambda *_, values=values: values)
        row, arrays = smoothness.measure(run)
        assert row["roughness"] == pytest.approx(expected, abs=1e-4)
        assert row["interpolation_log_q"] == pytest.approx(values.mean().item())


def test_a_bent_encoder_is_rougher_than_a_straight_one():
    def roughness(bend):
        return log_q(straight(1.0, 0.1, bend), *ends()).diff(dim=1).abs().sum()

    assert roughness(0.0) < 1e-9 < 1 < roughness(0.2) < roughness(0.4)


def test_a_row_has_the_curves_of_interpolated_pairs(trial, tiny):
    run = VaeRun(trial, tiny, 1, 1)
    list(run)
    run.vae.train()
    settings = Settings(pairs=4, points=9)
    row, arrays = smoothness.measure(run, settings)
    assert run.vae.training and tuple(row) == (*COLUMNS, *CURVES)
    assert arrays["smoothness_alpha"].shape == (9,)
    assert arrays["smoothness_log_q"].shape == (4, 9)
    drawn = [json.loads(str(row[name])) for name in CURVES]
    values = arrays["smoothness_log_q"]
    np.testing.assert_allclose(drawn, [values.mean(0), values[0]], rtol=1e-5)
    run.vae.eval()
    first, second = (run.test[index] for index in pairs(len(run.test), 4))
    with torch.no_grad():
        for alpha, i in ((1.0, -1), (0.5, 4), (0.0, 0)):
            z = alpha * run.vae.encode(first).mean + (1 - alpha) * run.vae.encode(second).mean
            expected = run.vae.encode(run.vae.decode(z).mean).log_prob(z)
            np.testing.assert_allclose(arrays["smoothness_log_q"][:, i], expected, rtol=1e-4)
    sampled = [smoothness.measure(run, Settings(4, 9, samples=2))[0] for _ in range(2)]
    assert sampled[0] == sampled[1] != row


def test_pairs_are_different_images_and_the_same_for_all_models():
    first, second = pairs(3, 200)
    assert all(a != b for a, b in zip(first, second, strict=True))
    assert set(first) == set(second) == {0, 1, 2}
    assert pairs(3, 200) == (first, second)


def test_impossible_settings_are_refused():
    with pytest.raises(UsageError, match="points=1"):
        Settings(points=1)
