"""The networks' parameter counts, and the ELBO against a model whose evidence is known."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from scaling.models.vae import build, diagonal_normal, elbo
from scaling.trial import VaeTrial

# spec: parameters of the residual VAE on 3x32x32 with K = 10, rows n_c, columns m_z
M_Z = (1, 2, 8, 10, 16, 64)
TOTALS = {
    1: (399, 404, 434, 444, 474, 714),
    8: (9198, 9224, 9380, 9432, 9588, 10836),
    64: (502950, 503144, 504308, 504696, 505860, 515172),
    256: (7909734, 7910504, 7915124, 7916664, 7921284, 7958244),
    512: (31548006, 31549544, 31558772, 31561848, 31571076, 31644900),
}


def counts(**options):
    with torch.device("meta"):
        return build(VaeTrial("cifar10", **options), 3, 32, 256).count_parameters()


@pytest.mark.parametrize("n_c", TOTALS)
def test_parameters_equal_the_table(n_c):
    for m_z, total in zip(M_Z, TOTALS[n_c], strict=True):
        found = counts(n_c=n_c, m_z=m_z)
        assert found["parameters"] == total
        assert found["parameters_z"] == 3 * n_c * m_z + 2 * m_z
        assert found["parameters_rest"] == 120 * n_c**2 + 174 * n_c + 100


def test_one_by_one_second_convolution():
    assert counts(n_c=256, m_z=1, res_second_kernel=1)["parameters"] == 5812582
    assert counts(n_c=512, m_z=64, res_second_kernel=1)["parameters"] == 23256292


def test_fully_connected_parameters():
    trial = VaeTrial("mnist", n_c=512, network="fully_connected", likelihood="bernoulli")
    vae = build(trial, 1, 32, 2)
    assert vae.count_parameters()["parameters"] == 1_600_544
    assert sum(p.numel() for p in vae.encoder.parameters()) == 803_872
    mixture = VaeTrial("fashion_mnist", n_c=512, network="fully_connected")
    assert build(mixture, 1, 32, 256).count_parameters()["parameters"] == 16_834_592


@pytest.mark.parametrize(("m_z", "options", "shape"), [
    (3, {"network": "residual"}, (3, 8, 8)),
    (3, {"network": "residual", "latent_reading": "channels_x64"}, (192, 8, 8)),
    (3, {"network": "fully_connected", "batch_norm": True}, (48,)),
])  # fmt: skip
def test_latent_and_image_shapes(m_z, options, shape):
    vae = build(VaeTrial("cifar10", n_c=4, m_z=m_z, **options), 3, 32, 256)
    x = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    q = vae.encode(x)
    assert q.batch_shape == (5,)
    assert q.event_shape == shape
    assert vae.decode(q.mean).mean.shape == x.shape
    assert elbo(vae, x, q).shape == (5,)


def test_the_residual_is_a_true_one_unless_asked():
    from scaling.models.networks import Residual

    x = -torch.ones(1, 2, 4, 4)
    true, quirk = Residual(2).eval(), Residual(2, inplace_quirk=True).eval()
    assert torch.equal(true(x) - true.block(x), x)
    assert torch.equal(quirk(x) - quirk.block(x), torch.zeros_like(x))


def test_encode_takes_levels_or_floats():
    vae = build(VaeTrial("digits", n_c=4, mixtures=5), 1, 8, 17).eval()
    x = torch.randint(0, 17, (4, 1, 8, 8), dtype=torch.uint8)
    torch.testing.assert_close(vae.encode(x).mean, vae.encode(x / 16).mean)


def test_analytic_kl():
    q = diagonal_normal(torch.tensor([[0.5, -1.0]]), torch.tensor([[0.5, 2.0]]))

    class Nothing:
        def decode(self, z):
            return self

        def log_prob(self, x):
            return torch.zeros(1)

    assert -elbo(Nothing(), torch.zeros(1), q).item() == pytest.approx(1.75, abs=1e-6)


class LinearGaussian:
    """x = W z + b + s e with z ~ N(0, I): evidence and posterior are normal in closed form."""

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
    """W with orthogonal columns: the posterior factorizes, so q can be of the VAE's own family."""

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


def test_analytic_kl_agrees_on_average():
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
