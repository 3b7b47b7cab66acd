"""The ELBO, compared with a model whose evidence is known."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from scaling.metrics.best_q import path_elbo
from scaling.models.vae import build, diagonal_normal, elbo
from scaling.trial import VaeTrial


def test_encode_takes_levels_or_floats():
    vae = build(VaeTrial("digits", n_c=4, mixtures=5), 1, 8, 17).eval()
    x = torch.randint(0, 17, (4, 1, 8, 8), dtype=torch.uint8)
    torch.testing.assert_close(vae.encode(x).mean, vae.encode(x / 16).mean)


def test_the_analytic_kl_equals_torchs():
    q = diagonal_normal(torch.tensor([[0.5, -1.0]]), torch.tensor([[0.5, 2.0]]))

    class Nothing:
        def decode(self, z):
            return self

        def log_prob(self, x):
            return torch.zeros(1)

    assert -elbo(Nothing(), torch.zeros(1), q).item() == pytest.approx(1.75, abs=1e-6)


class LinearGaussian:
    """A model x = W z + b + s e with z ~ N(0, I), whose evidence and posterior are known.

    The columns of W are orthogonal, so the posterior factorizes as the q of a VAE does.
    """

    def __init__(self, latents=3, pixels=7, s=0.4):
        generator = torch.Generator().manual_seed(1)
        weight = torch.randn(pixels, latents, generator=generator).double()
        self.weight = torch.linalg.qr(weight).Q * torch.tensor([0.5, 1.0, 2.0]).double()
        self.bias = torch.randn(pixels, generator=generator).double()
        self.s = s

    def decode(self, z):
        eye = torch.eye(len(self.bias)).double()
        return MultivariateNormal(z @ self.weight.T + self.bias, self.s**2 * eye)

    def evidence(self, x):
        eye = torch.eye(len(self.bias)).double()
        covariance = self.weight @ self.weight.T + self.s**2 * eye
        return MultivariateNormal(self.bias, covariance).log_prob(x)

    def posterior(self, x):
        latents = self.weight.shape[1]
        precision = torch.eye(latents).double() + self.weight.T @ self.weight / self.s**2
        covariance = torch.linalg.inv(precision)
        mean = (x - self.bias) @ self.weight @ covariance / self.s**2
        return diagonal_normal(mean, covariance.diagonal().sqrt().expand_as(mean))


def test_exact_posterior_gives_the_evidence_for_every_z():
    model = LinearGaussian()
    x, noise = (torch.randn(200, n, generator=torch.Generator().manual_seed(2)) for n in (7, 3))
    value = path_elbo(model, x.double(), model.posterior(x.double()), noise.double())
    torch.testing.assert_close(value, model.evidence(x.double()), rtol=1e-5, atol=1e-5)


def test_the_mean_elbo_of_the_exact_posterior_is_the_evidence():
    model, draws = LinearGaussian(), 20_000
    x = torch.randn(1, 7, generator=torch.Generator().manual_seed(2)).double()
    torch.manual_seed(0)
    values = elbo(model, x.expand(draws, -1), model.posterior(x.expand(draws, -1)))
    error = values.std() / math.sqrt(draws)
    assert abs(values.mean() - model.evidence(x)) < 4 * error


def test_any_other_q_is_below_the_evidence():
    model = LinearGaussian()
    x = torch.randn(1, 7, generator=torch.Generator().manual_seed(2)).double().expand(20_000, -1)
    exact = model.posterior(x)
    torch.manual_seed(0)
    q = diagonal_normal(exact.mean + 0.3, 1.5 * exact.base_dist.stddev)
    assert elbo(model, x, q).mean() < model.evidence(x[:1]) - 0.05
