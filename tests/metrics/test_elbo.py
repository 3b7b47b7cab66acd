"""ELBOs of a row: the images that they are measured on, and which are absent."""

import math
from dataclasses import replace

import pytest
import torch

from scaling.data.partition import divided
from scaling.metrics.elbo import mean_elbo
from scaling.models.vae import elbo, prior
from scaling.runs.vae import VaeRun
from tests.narrow import not_none


def last_row(trial, data):
    run = VaeRun(trial, data, 2, measure_every=2)
    return run, list(run)[-1]


def test_without_validation_images_there_is_no_validation_elbo(trial, tiny):
    _, row = last_row(trial, tiny)
    assert "validation_elbo" not in row


def test_bits_per_dimension_are_nats_over_pixels_and_log_2(trial, tiny):
    run, row = last_row(trial, tiny)
    bits = -row["test_elbo"] / run.test[0].numel() / 0.6931471805599453
    assert row["test_bits_per_dim"] == pytest.approx(bits, rel=1e-12)


def test_validation_is_measured_on_images_of_its_own(trial, digits):
    chosen = replace(trial, partition="disjoint", replicate=1)
    data = divided(digits, chosen.part)
    run, row = last_row(chosen, data)
    assert row["validation_images"] == len(not_none(data.validation))
    with torch.no_grad():
        again = [mean_elbo(run.vae, run.validation)["elbo"] for _ in range(20)]
    mean = sum(again) / len(again)
    spread = math.sqrt(sum((x - mean) ** 2 for x in again) / (len(again) - 1))
    assert abs(row["validation_elbo"] - mean) < 6 * spread
    assert row["validation_elbo"] != row["test_elbo"]


def test_the_mean_is_over_images_whatever_the_batches(trial, tiny):
    run, _ = last_row(trial, tiny)
    x = run.train
    torch.manual_seed(1)
    batched = mean_elbo(run.vae, x)
    run.vae.eval()
    torch.manual_seed(1)
    with torch.no_grad():
        q = run.vae.encode(x)
        alone = elbo(run.vae, run.vae.as_levels(x), q).double().mean().item()
    assert batched["elbo"] == pytest.approx(alone, rel=1e-6)
    kl = torch.distributions.kl_divergence(q, prior(q)).double().mean().item()
    assert batched["kl"] == pytest.approx(kl, rel=1e-6)
