"""The amortization gap: a closed form, the slow loop over images, and what must not change."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal

from scaling.metrics import amortization
from scaling.metrics.amortization import Settings, Windows, amortization_gap, measure
from scaling.models.vae import STD_FLOOR, diagonal_normal
from scaling.runs.vae import VaeRun
from scaling.seeds import derive
from tests.conftest import assert_same_state

PIXELS, LATENTS, NOISE = 7, 3, 1.0
PRECISE = Settings(steps=400, lr=1e-2, mc_train=3, mc_eval=150)


class LinearGaussian(nn.Module):
    """x = W z + s e with z ~ N(0, I), and an encoder that is the best factorized posterior with
    means `shift` beside it and standard deviations `wide` times as large.
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
        """KL(q* || posterior): of the variances 1 / precision_ii, the best a factorized q has."""
        return 0.5 * (self.precision.diagonal().log().sum() - self.precision.logdet()).item()

    def gap(self):
        """KL(q || posterior) - KL(q* || posterior) of the detuned encoder."""
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
    model = LinearGaussian(shift, wide)
    x = model.images()
    gap = amortization_gap(model, x, PRECISE)
    assert (gap.optimal - gap.encoder).mean().item() == pytest.approx(model.gap(), rel=0.01)
    below = (model.evidence(x) - gap.optimal).mean().item()
    assert below == pytest.approx(model.divergence(), abs=0.02)


def test_the_default_settings_come_close():
    model = LinearGaussian(0.9)
    gap = amortization_gap(model, model.images())
    assert (gap.optimal - gap.encoder).mean().item() == pytest.approx(model.gap(), rel=0.1)
    assert gap.steps == 300


@pytest.mark.parametrize("orthogonal", [True, False])
def test_no_gap_at_the_best_factorized_posterior(orthogonal):
    model = LinearGaussian(orthogonal=orthogonal)
    gap = amortization_gap(model, model.images(), PRECISE)
    assert abs((gap.optimal - gap.encoder).mean().item()) < 0.02
    assert LinearGaussian(0.9).gap() > 50 * 0.02


def test_from_the_prior_to_the_same_optimum():
    model = LinearGaussian(0.9, 2.0)
    x = model.images(50)
    torch.manual_seed(0)
    encoder = amortization_gap(model, x, PRECISE)
    torch.manual_seed(0)
    prior = amortization_gap(model, x, replace(PRECISE, init="prior"))
    assert (prior.optimal - encoder.optimal).abs().mean() < 0.05 * model.gap()


def test_finetuning_the_encoder_gains_at_most_as_much():
    model = LinearGaussian(0.9, 2.0)
    tuned = replace(PRECISE, variant="encoder_finetune", steps=300)
    gap = amortization_gap(model, model.images(), tuned)
    # its means become right, its standard deviations, no parameters here, stay wide
    assert (gap.optimal - gap.encoder).mean().item() == pytest.approx(
        model.gap() - LinearGaussian(0.0, 2.0).gap(), rel=0.02
    )


def test_both_elbos_share_their_draws():
    model = LinearGaussian(0.9, 2.0)
    gap = amortization_gap(model, model.images(), Settings(steps=1, lr=1e-12, mc_eval=1))
    torch.testing.assert_close(gap.optimal, gap.encoder, rtol=0, atol=1e-4)
    assert gap.encoder.std() > 0.1


def test_clipped_gaps_are_not_negative():
    model = LinearGaussian()
    too_far = Settings(steps=3, lr=5.0, mc_eval=4)
    torch.manual_seed(0)
    raw = amortization_gap(model, model.images(), too_far)
    torch.manual_seed(0)
    clipped = amortization_gap(model, model.images(), replace(too_far, clip_nonneg=True))
    assert (raw.optimal < raw.encoder).any()
    assert torch.equal(clipped.optimal, torch.maximum(raw.optimal, raw.encoder))


def one_by_one(run, settings):
    """Image after image: q* by Adam with gradients from scratch, then both ELBOs."""
    x, latent = run.test[: settings.n_images], run.vae.encode(run.test[:1]).mean.shape[1:]
    torch.manual_seed(derive(run.trial.seed, run.epoch, "amortization"))
    size = (len(x), *latent)
    train = [
        torch.randn(settings.mc_train, *size, dtype=run.vae.dtype) for _ in range(settings.steps)
    ]
    evaluate = [torch.randn(1, *size, dtype=run.vae.dtype)[0] for _ in range(settings.mc_eval)]

    def value(i, mean, std, noise):
        kl = (0.5 * (mean**2 + std**2 - 1) - std.log()).sum()
        return run.vae.decode(mean + std * noise).log_prob(x[i : i + 1]).squeeze() - kl

    optimal, encoder = [], []
    for i in range(len(x)):
        first, rho = run.vae.encoder(x[i : i + 1].double() / 16).detach().chunk(2, 1)
        mean, rho = nn.Parameter(first.clone()), nn.Parameter(rho.clone())
        first_std = F.softplus(rho.detach()) + STD_FLOOR
        adam = torch.optim.Adam([mean, rho], lr=0.03)
        for noise in train:
            std = F.softplus(rho) + STD_FLOOR
            loss = -sum(value(i, mean, std, draw[i : i + 1]) for draw in noise) / len(noise)
            adam.zero_grad()
            loss.backward()
            adam.step()
        std = F.softplus(rho) + STD_FLOOR
        pairs = [
            (value(i, mean, std, e[i : i + 1]), value(i, first, first_std, e[i : i + 1]))
            for e in evaluate
        ]
        optimal.append(sum(a.item() for a, _ in pairs) / len(pairs))
        encoder.append(sum(b.item() for _, b in pairs) / len(pairs))
    return torch.tensor(optimal), torch.tensor(encoder)


@pytest.fixture
def trained(trial, tiny):
    run = VaeRun(replace(trial, n_c=4), tiny, 12, 12)
    list(run)
    run.vae.double()
    return run


@pytest.mark.parametrize("at_once", [250, 4])
def test_it_equals_one_image_after_the_other(trained, monkeypatch, at_once):
    settings = Settings(n_images=9, steps=25, mc_train=2, mc_eval=3)
    monkeypatch.setitem(amortization.AT_ONCE, "cpu", at_once * 64)
    row, arrays = measure(trained, settings)
    trained.vae.eval()
    optimal, encoder = one_by_one(trained, settings)
    torch.testing.assert_close(
        torch.from_numpy(arrays["optimal_elbos"]), optimal, rtol=1e-6, atol=0
    )
    torch.testing.assert_close(
        torch.from_numpy(arrays["encoder_elbos"]), encoder, rtol=1e-6, atol=0
    )
    assert row["amortization_gap"] == pytest.approx((optimal - encoder).mean().item(), abs=1e-4)
    assert row["amortization_gap"] > 0.5


def test_a_trained_vae_has_a_gap_and_no_image_loses_much(trained):
    row, arrays = measure(trained, Settings(steps=100, mc_eval=16))
    assert row["amortization_gap"] > 0.5
    assert (arrays["optimal_elbos"] - arrays["encoder_elbos"]).min() > -0.5
    assert row["amortization_images"] == len(trained.test) == 50
    assert row["amortization_steps"] == 100
    assert set(row) == set(amortization.COLUMNS)
    assert row["amortization_gap"] == pytest.approx(row["optimal_elbo"] - row["encoder_elbo"])


@pytest.mark.parametrize("variant", ["per_image", "encoder_finetune"])
def test_the_run_stays_as_it_was(trained, variant):
    trained.optimizer.zero_grad()
    trained.vae.train()
    trained.vae.decoder.eval()  # as reverse half asleep leaves it
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


def test_cremers_rule_waits_for_more_than_ten_windows():
    rule = Windows()
    for step in range(5000):
        rule.add(float(step))
    assert not rule.exhausted
    for _ in range(11 * 100 - 1):
        rule.add(0.0)
    assert not rule.exhausted
    rule.add(0.0)
    assert rule.exhausted


def test_cremers_rule_stops_the_optimization():
    model = LinearGaussian(0.9)
    settings = replace(PRECISE, stop="cremer", steps=1, mc_train=1, mc_eval=50, lr=3e-2)
    gap = amortization_gap(model, model.images(20), settings)
    assert 1200 <= gap.steps < amortization.STEPS_MAX and gap.steps % 100 == 0
    assert (gap.optimal - gap.encoder).mean().item() == pytest.approx(model.gap(), rel=0.1)
