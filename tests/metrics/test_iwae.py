"""The importance-weighted bound: models with known log p(x), and what must not change it."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from scaling.errors import UsageError
from scaling.metrics import best_q, iwae
from scaling.metrics.iwae import Settings, bound, log_weights, measure
from scaling.runs.vae import VaeRun
from tests.metrics.test_amortization import LinearGaussian
from tests.narrow import numbers


@pytest.fixture(autouse=True)
def draws():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        yield


@pytest.fixture
def trained(trial, tiny):
    run = VaeRun(replace(trial, n_c=4), tiny, 12, 12)
    list(run)
    return run


@pytest.mark.parametrize("k", [1, 7, 100])
def test_every_weight_is_the_evidence_if_q_is_the_posterior(k):
    model: Any = LinearGaussian(orthogonal=True)
    x = model.images(20)
    weights = log_weights(model, x, 100)
    torch.testing.assert_close(bound(weights, k), model.evidence(x), rtol=1e-9, atol=0)


def test_the_bound_rises_with_k_from_the_elbo_to_the_evidence():
    model: Any = LinearGaussian(0.5, 1.5)
    x = model.images(100)
    evidence, weights = model.evidence(x).mean(), log_weights(model, x, 4000)
    lost = [(evidence - bound(weights, k).mean()).item() for k in (1, 2, 10, 100, 1000)]
    assert lost[0] == pytest.approx(model.gap() + model.divergence(), rel=0.05)
    assert all(more > less for more, less in zip(lost, lost[1:], strict=False))
    assert 0 < lost[3] < 0.05 * lost[0] and abs(lost[4]) < 0.02


def test_the_bound_of_two_draws_equals_quadrature():
    """log w is normal here, so E log((w1 + w2) / 2) is a one-dimensional integral."""
    weights = torch.randn(200_000, 2, dtype=torch.float64)
    grid = torch.linspace(-8, 8, 4001).double()
    density = torch.exp(-(grid**2) / 4) / math.sqrt(4 * math.pi)  # standard deviation of w1 - w2
    # log((e^a + e^b) / 2) = (a + b) / 2 + log cosh((a - b) / 2)
    expected = (density * torch.log(torch.cosh(grid / 2))).sum().item() * (grid[1] - grid[0]).item()
    assert bound(weights, 2).mean().item() == pytest.approx(expected, abs=0.01)


def test_groups_of_draws_are_averaged():
    weights = torch.tensor([[0.0, math.log(3.0), 1.0, 1.0, 9.0]]).double()
    assert bound(weights, 2).item() == pytest.approx((math.log(2.0) + 1) / 2)
    with pytest.raises(UsageError, match="needs 6 draws"):
        bound(weights, 6)


def test_large_weights_do_not_overflow():
    assert bound(torch.full((1, 10), -1e4).double(), 10).item() == -1e4
    assert bound(torch.full((1, 10), 1e4).double(), 10).item() == 1e4


def test_a_row_has_bounds_that_rise_with_k(trained, monkeypatch):
    row, _ = measure(trained, Settings(n_images=6))
    assert set(row) == set(iwae.COLUMNS)
    found = numbers(row)
    assert found["iwae_1"] < found["iwae_100"] < found["iwae_1000"] < 0
    assert row["iwae_images"] == 6
    monkeypatch.setitem(best_q.AT_ONCE, "cpu", 4 * 64)
    again, _ = measure(trained, Settings(n_images=6, draws=100))
    assert "iwae_1000" not in again
    monkeypatch.undo()
    whole, _ = measure(trained, Settings(n_images=6, draws=100))
    assert again["iwae_100"] == pytest.approx(whole["iwae_100"], abs=1e-4)


def test_wrong_settings_are_refused():
    with pytest.raises(UsageError, match="n_images"):
        Settings(n_images=0)
    with pytest.raises(UsageError, match="draws"):
        Settings.from_dict({"draws": 50})


def test_fewer_draws_than_k_are_refused():
    with pytest.raises(UsageError, match="IWAE_100 needs 100 draws, and there are 10. Give more"):
        bound(torch.zeros(2, 10), 100)
