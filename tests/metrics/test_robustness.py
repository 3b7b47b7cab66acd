"""The robustness gap: the attacked images (Table 2), and a slow mean over all pairs."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from scaling.metrics import robustness
from scaling.metrics.attack import GREY, Strength, attack, symmetric_kl
from scaling.metrics.ms_ssim import ms_ssim
from scaling.metrics.robustness import Settings, measure, references
from scaling.seeds import derive
from tests.conftest import assert_same_state
from tests.narrow import numbers


def test_references_are_stratified_from_the_first_1024():
    labels = np.random.default_rng(0).integers(0, 10, 5000)
    chosen, how = references(5000, labels, 50)
    assert how == "stratified" and len(set(chosen)) == 50 and chosen.max() < 1024
    share = np.bincount(labels[:1024], minlength=10) / 1024
    assert np.abs(np.bincount(labels[chosen], minlength=10) - 50 * share).max() <= 1
    np.testing.assert_array_equal(references(5000, labels, 50)[0], chosen)


@pytest.mark.parametrize(
    "labels",
    [None, np.zeros(0, dtype=int), np.arange(100), np.repeat(range(50), 2)],
    ids=["none", "empty", "all different", "more classes than references"],
)
def test_references_without_usable_labels_are_the_first_images(labels):
    chosen, how = references(100, labels, 20)
    assert how == "unstratified" and len(set(chosen)) == 20


@pytest.mark.parametrize("images", [50, 30])
def test_a_small_test_set_is_used_whole(images):
    chosen, how = references(images, np.zeros(images, dtype=int), 50)
    assert how == "all" and sorted(chosen) == list(range(images))


def test_attacks_have_the_strength_of_table_2_unless_it_is_set():
    assert Settings().strength(1) == Strength(50, 10, 50, 1.0, 0.1)
    assert Settings().strength(3) == Strength(20, 10, 100, 1.0, 0.05)
    changed = Settings(eta=0.5, grad="l2", msssim="standard").strength(3)
    assert changed == Strength(20, 10, 100, 0.5, 0.05, "l2")


@pytest.mark.parametrize("at_once", [512, 5])
@pytest.mark.parametrize("variant", ["kuzina", "standard"])
def test_the_gap_is_the_mean_over_references_and_restarts(trained, monkeypatch, at_once, variant):
    monkeypatch.setattr(robustness, "AT_ONCE", at_once)
    row, _ = measure(trained, Settings(n_ref=10, n_attack=3, n_steps=5, msssim=variant))
    vae, labels = trained.vae.eval(), trained.data.test_labels
    x = trained.test[references(50, labels, 10)[0]].double() / 16
    torch.manual_seed(derive(trained.trial.seed, trained.epoch, "robustness"))
    initial = 0.2 * torch.randn(3, *x.shape, dtype=torch.float64)

    def reconstruct(images):
        p = vae.decode(vae.encode(images).sample())
        return p.mean.detach(), (p.sample() * 16).round().detach() / 16

    attacked = [attack(vae, x, start, replace(GREY, n_steps=5)) for start in initial]
    mean, sample = reconstruct(x)
    terms = []
    for images in attacked:
        means, samples = reconstruct(images)
        for i in range(10):
            j = slice(i, i + 1)
            compared = [(x, images), (mean, means), (sample, samples)]
            terms.append([ms_ssim(a[j], b[j], variant).item() for a, b in compared])
    inputs, means, samples = np.mean(terms, 0)
    assert row["ms_ssim_input"] == pytest.approx(inputs)
    assert row["robustness_gap"] == pytest.approx(inputs - means)
    assert row["robustness_gap_sample"] == pytest.approx(inputs - samples)
    divergence = [symmetric_kl(vae.encode(a), vae.encode(x)).mean().item() for a in attacked]
    assert row["symmetric_kl"] == pytest.approx(np.mean(divergence))


def test_a_row_is_complete_and_consistent(trained):
    row, arrays = measure(trained, Settings(n_attack=2, n_steps=5))
    text = {"robustness_variant": "kuzina", "robustness_references": "all"}
    assert set(row) == set(robustness.COLUMNS) | set(text)
    assert {name: row[name] for name in text} == text
    assert row["robustness_images"] == 50
    found = numbers(row)
    for suffix in ("", "_sample"):
        difference = found["ms_ssim_input"] - found[f"ms_ssim_reconstruction{suffix}"]
        assert row[f"robustness_gap{suffix}"] == pytest.approx(difference)
    assert found["robustness_gap_sample"] > found["robustness_gap"] > 0
    assert all(a.shape == (16, 1, 8, 8) and a.dtype == np.uint8 for a in arrays.values())
    shown = arrays["attacked_images"].astype(int) - arrays["attack_references"]
    assert 0 < np.abs(shown).max() <= math.ceil(0.1 * 255)


def test_measuring_does_not_change_the_run(trained):
    trained.optimizer.zero_grad()
    trained.vae.train()
    before = {name: value.clone() for name, value in trained.vae.state_dict().items()}
    draws = torch.random.get_rng_state()
    settings = Settings(n_ref=10, n_attack=2, n_steps=3)
    first, _ = measure(trained, settings)
    assert_same_state(trained.vae.state_dict(), before)
    assert torch.equal(torch.random.get_rng_state(), draws)
    assert all(p.requires_grad and p.grad is None for p in trained.vae.parameters())
    assert all(module.training for module in trained.vae.modules())
    assert measure(trained, settings)[0] == first
