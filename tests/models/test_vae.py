"""The ELBO, compared with a model whose evidence is known."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

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
    """A model x = W z + b + s e with z ~ N(0, I), whose evidence and posterior are known."""

    def __init__(self, latents=3, pixels=7, s=0.4):
        generator = torch.Generator().manual_seed(1)
        self.weight = torch.randn(pixels, latents, generator=generator).double()
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
        return MultivariateNormal(mean, covariance)


class Diagonal(LinearGaussian):
    """A model whose W has orthogonal columns, so the posterior factorizes as q does."""

    def __init__(self):
        super().__init__()
        self.weight = torch.linalg.qr(self.weight).Q * torch.tensor([0.5, 1.0, 2.0]).double()

    def posterior(self, x):
        exact = super().posterior(x)
        return diagonal_normal(exact.mean, exact.variance.sqrt())


@pytest.mark.parametrize("model", [LinearGaussian(), Diagonal()])
def test_exact_posterior_gives_the_evidence_for_every_z(model):
    x = torch.randn(200, 7, generator=torch.Generator().manual_seed(2)).double()
    value = elbo(model, x, model.posterior(x), kl="sampled")
    torch.testing.assert_close(value, model.evidence(x), rtol=1e-5, atol=1e-5)


def test_the_analytic_kl_agrees_with_the_sampled_one_on_average():
    model, draws = Diagonal(), 20_000
    x = torch.randn(1, 7, generator=torch.Generator().manual_seed(2)).double()
    torch.manual_seed(0)
    values = elbo(model, x.expand(draws, -1), model.posterior(x.expand(draws, -1)))
    error = values.std() / math.sqrt(draws)
    assert abs(values.mean() - model.evidence(x)) < 4 * error


def test_any_other_q_is_below_the_evidence():
    model = Diagonal()
    x = torch.randn(1, 7, generator=torch.Generator().manual_seed(2)).double().expand(20_000, -1)
    exact = model.posterior(x)
    torch.manual_seed(0)
    q = diagonal_normal(exact.mean + 0.3, 1.5 * exact.base_dist.stddev)
    assert elbo(model, x, q).mean() < model.evidence(x[:1]) - 0.05
