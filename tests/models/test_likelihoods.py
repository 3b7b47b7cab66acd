"""Bernoulli and Gaussian compared with torch, and levels with floats."""

import pytest
import torch

from scaling.errors import UsageError
from scaling.models.likelihoods import Bernoulli, Gaussian, family, quantize
from scaling.trial import VaeTrial


def test_bernoulli_equals_torch():
    logits = torch.randn(3, 1, 4, 4, generator=generator())
    x = torch.randint(0, 2, (3, 1, 4, 4), generator=generator(), dtype=torch.uint8)
    expected = torch.distributions.Bernoulli(logits=logits).log_prob(x.float()).sum((1, 2, 3))
    torch.testing.assert_close(Bernoulli(logits).log_prob(x), expected)
    extreme = Bernoulli(torch.tensor([1e3, -1e3]).view(2, 1, 1, 1)).log_prob(x[:2, :, :1, :1])
    assert extreme.isfinite().all()


def test_gaussian_equals_torch_and_its_largest_value():
    mean = torch.rand(2, 1, 32, 32, generator=generator()).double()
    x = torch.randint(0, 256, (2, 1, 32, 32), generator=generator())
    expected = torch.distributions.Normal(mean, 0.03).log_prob(x / 255).sum((1, 2, 3))
    torch.testing.assert_close(Gaussian(mean, 0.03).log_prob(x), expected)
    best = Gaussian(x.double() / 255, 0.03).log_prob(x)
    assert best[0].item() == pytest.approx(2649.7, abs=0.05)


def test_quantize_is_the_inverse_of_scaling():
    every = torch.arange(17, dtype=torch.uint8)
    assert torch.equal(quantize(every / 16, 17), every)
    assert torch.equal(quantize(torch.tensor([-3.0, 4.0]), 17), torch.tensor([0, 16]).byte())


@pytest.mark.parametrize(("fields", "channels", "levels", "width"), [
    ({}, 1, 17, 3 * 10),
    ({"mixtures": 5}, 3, 256, 10 * 5),
    ({"mol_mix": "per_channel"}, 3, 256, 10 * 10),
    ({"likelihood": "gaussian"}, 3, 256, 3),
    ({"likelihood": "bernoulli"}, 1, 2, 1),
])  # fmt: skip
def test_a_trials_likelihood_reads_as_many_outputs_as_its_width(fields, channels, levels, width):
    made = family(VaeTrial("digits", **fields), channels, levels)
    assert made.width == width
    p = made.likelihood(torch.zeros(2, width, 4, 4, dtype=torch.bfloat16))
    x = torch.zeros(2, channels, 4, 4, dtype=torch.uint8)
    assert p.log_prob(x).shape == (2,) and p.mean.shape == x.shape
    assert p.log_prob(x).dtype == torch.float32  # whatever the type of the network's output


def test_a_bernoulli_is_refused_for_more_than_two_levels():
    with pytest.raises(UsageError, match="these have 17"):
        family(VaeTrial("mnist", likelihood="bernoulli"), 1, 17)


def generator():
    return torch.Generator().manual_seed(5)
