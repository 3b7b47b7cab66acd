"""The amortization gap: a closed form, a loop over images, and what must not change."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal

from scaling.metrics import amortization, best_q
from scaling.metrics.amortization import Settings, amortization_gap, measure
from scaling.models.vae import diagonal_normal
from tests.conftest import assert_same_state
from tests.narrow import numbers

PIXELS, LATENTS, NOISE = 7, 3, 1.0
PRECISE = Settings(steps=400, mc_train=3, mc_eval=150)


class LinearGaussian(nn.Module):
    """A model x = W z + s e with z ~ N(0, I), and a detuned encoder.

    The encoder is the best factorized posterior, but its means are off by `shift` and its standard
    deviations are `wide` times as large.
    """

    def __init__(self, shift=0.0, wide=1.0, orthogonal=False):
        super().__init__()
        weight = torch.randn(PIXELS, LATENTS, generator=torch.Generator().manual_seed(1)).double()
        if orthogonal:
            weight = torch.linalg.qr(weight).Q * torch.tensor([0.5, 1.0, 2.0]).double()
        self.decoder = nn.Linear(LATENTS, PIXELS, bias=False, dtype=torch.float64)
        self.decoder.weight = nn.Parameter(weight)
        self.precision = torch.eye(LATENTS).double() + weight.T @ weight / NOISE**2
        self.encoder = nn.Linear(PIXELS, LATENTS, dtype=torch.float64)
        self.encoder.weight = nn.Parameter(torch.linalg.solve(self.precision, weight.T) / NOISE**2)
        self.encoder.bias = nn.Parameter(torch.full((LATENTS,), shift).double())
        self.shift, self.wide = shift, wide

    def decode(self, z):
        return Independent(Normal(self.decoder(z), NOISE), 1)

    def encode(self, x):
        mean = self.encoder(x)
        return diagonal_normal(mean, self.wide * self.precision.diagonal().rsqrt().expand_as(mean))

    def evidence(self, x):
        weight = self.decoder.weight
        covariance = weight @ weight.T + NOISE**2 * torch.eye(PIXELS)
        return MultivariateNormal(torch.zeros(PIXELS).double(), covariance).log_prob(x)

    def divergence(self):
        """Returns KL(q*

        posterior), where q* has the variances 1 / precision_ii.
        """
        return 0.5 * (self.precision.diagonal().log().sum() - self.precision.logdet()).item()

    def gap(self):
        """Returns KL(q

        posterior) - KL(q*

        posterior) of the detuned encoder.
        """
        shift = torch.full((LATENTS,), self.shift).double()
        wide = torch.tensor(self.wide).double()
        spread = LATENTS * (wide**2 - 1 - 2 * wide.log())
        return 0.5 * (spread + shift @ self.precision @ shift).item()

    def images(self, n=250):
        generator = torch.Generator().manual_seed(2)
        z = torch.randn(n, LATENTS, generator=generator).double()
        e = torch.randn(n, PIXELS, generator=generator).double()
        return (z @ self.decoder.weight.T + NOISE * e).detach()


@pytest.fixture(autouse=True)
def draws():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize(("shift", "wide"), [(1.0, 1.0), (0.0, 2.0), (-0.6, 1.5)])
def test_a_detuned_encoder_has_the_gap_known_in_closed_form(shift, wide):
    model: Any = LinearGaussian(shift, wide)
    x = model.images()
    gap = amortization_gap(model, x, PRECISE)
    assert (gap.optimal - gap.encoder).mean().item() == pytest.approx(model.gap(), rel=0.01)
    below = (model.evidence(x) - gap.optimal).mean().item()
    assert below == pytest.approx(model.divergence(), abs=0.02)


def test_the_default_settings_come_close_to_the_known_gap():
    model: Any = LinearGaussian(0.9)
    gap = amortization_gap(model, model.images())
    assert (gap.optimal - gap.encoder).mean().item() == pytest.approx(model.gap(), rel=0.03)
    assert gap.steps == 300


@pytest.mark.parametrize("orthogonal", [True, False])
def test_the_best_factorized_posterior_has_no_gap(orthogonal):
    model: Any = LinearGaussian(orthogonal=orthogonal)
    gap = amortization_gap(model, model.images(), PRECISE)
    assert abs((gap.optimal - gap.encoder).mean().item()) < 0.02
    assert LinearGaussian(0.9).gap() > 50 * 0.02


def test_a_start_from_the_prior_reaches_the_same_optimum():
    model: Any = LinearGaussian(0.9, 2.0)
    x = model.images(50)
    torch.manual_seed(0)
    encoder = amortization_gap(model, x, PRECISE)
    torch.manual_seed(0)
    prior = amortization_gap(model, x, replace(PRECISE, init="prior"))
    assert (prior.optimal - encoder.optimal).abs().mean() < 0.05 * model.gap()


def test_finetuning_the_encoder_gains_at_most_as_much():
    model: Any = LinearGaussian(0.9, 2.0)
    tuned = replace(PRECISE, variant="encoder_finetune", steps=300, lr=1e-2)
    gap = amortization_gap(model, model.images(), tuned)
    # means become right; standard deviations, which are no parameters, stay wide
    assert (gap.optimal - gap.encoder).mean().item() == pytest.approx(
        model.gap() - LinearGaussian(0.0, 2.0).gap(), rel=0.02
    )


def test_both_elbos_use_the_same_draws():
    model: Any = LinearGaussian(0.9, 2.0)
    gap = amortization_gap(model, model.images(), Settings(steps=1, lr=1e-12, mc_eval=1))
    torch.testing.assert_close(gap.optimal, gap.encoder, rtol=0, atol=1e-4)
    assert gap.encoder.std() > 0.1


def test_clipped_gaps_are_not_negative():
    model: Any = LinearGaussian()
    too_far = Settings(steps=2, lr=50.0, mc_eval=4)
    torch.manual_seed(0)
    raw = amortization_gap(model, model.images(), too_far)
    torch.manual_seed(0)
    clipped = amortization_gap(model, model.images(), replace(too_far, clip_nonneg=True))
    assert (raw.optimal < raw.encoder).any()
    assert torch.equal(clipped.optimal, torch.maximum(raw.optimal, raw.encoder))


def test_a_trained_vae_has_a_gap_and_hardly_any_image_loses(trained):
    named, arrays = measure(trained, Settings(steps=100, mc_eval=16))
    row = numbers(named)
    assert row["amortization_gap"] > 0.5
    assert (arrays["optimal_elbos"] - arrays["encoder_elbos"]).min() > -0.5
    assert row["amortization_images"] == len(trained.test) == 50
    assert row["amortization_steps"] == 100
    assert set(named) == set(amortization.COLUMNS)
    assert row["amortization_gap"] == pytest.approx(row["optimal_elbo"] - row["encoder_elbo"])


@pytest.mark.parametrize("variant", ["per_image", "encoder_finetune"])
def test_measuring_does_not_change_the_run(trained, variant):
    trained.optimizer.zero_grad()
    trained.vae.train()
    trained.vae.decoder.eval()  # as after reverse half asleep
    trained.vae.decoder.requires_grad_(False)
    before = {name: value.clone() for name, value in trained.vae.state_dict().items()}
    draws = torch.random.get_rng_state()
    first, _ = measure(trained, Settings(n_images=5, steps=3, mc_eval=2, variant=variant))
    assert_same_state(trained.vae.state_dict(), before)
    assert torch.equal(torch.random.get_rng_state(), draws)
    assert trained.vae.encoder.training and not trained.vae.decoder.training
    assert all(p.requires_grad and p.grad is None for p in trained.vae.encoder.parameters())
    assert not any(p.requires_grad for p in trained.vae.decoder.parameters())
    again, _ = measure(trained, Settings(n_images=5, steps=3, mc_eval=2, variant=variant))
    assert again == first


def test_cremers_rule_stops_the_optimization():
    model: Any = LinearGaussian(0.9)
    settings = replace(PRECISE, stop="cremer", steps=100, mc_train=1, mc_eval=50, lr=0.1)
    gap = amortization_gap(model, model.images(20), settings)
    assert 1200 <= gap.steps < best_q.STEPS_MAX and gap.steps % 100 == 0
    assert (gap.optimal - gap.encoder).mean().item() == pytest.approx(model.gap(), rel=0.1)


def test_the_estimators_name_has_every_setting_that_changes_numbers(trained):
    few: dict[str, Any] = {"n_images": 5, "steps": 2, "mc_eval": 2}
    row, _ = measure(trained, Settings(**few))
    assert row["amortization_estimator"] == "annealed-1"
    row, _ = measure(trained, Settings(**few, init="prior", lr=0.1))
    assert row["amortization_estimator"] == "annealed-1 lr=0.1 init=prior"
