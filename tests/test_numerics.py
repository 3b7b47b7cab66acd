"""Extreme numbers: a correct result, or a failed trial with its reason, and never a NaN."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from analysis import summarize
from scaling.data.datasets import Dataset, split
from scaling.errors import UsageError
from scaling.metrics.elbo import mean_elbo
from scaling.models.vae import STD_FLOOR
from scaling.runs.diffusion import DiffusionRun
from scaling.runs.execute import Job, execute
from scaling.runs.two_sample import TwoSampleRun
from scaling.runs.vae import VaeRun
from scaling.storage.store import Store
from scaling.trial import DiffusionTrial, TwoSampleTrial, grid, key
from tests.conftest import timeless

GAUSSIAN = {"likelihood": "gaussian", "mixtures": 10}
BERNOULLI = {"likelihood": "bernoulli", "mixtures": 10}
EDM = DiffusionTrial(
    "digits", channels=4, multipliers=(1, 1), blocks=1, attention=(), batch=20, ramp_images=0
)
PAIRS = TwoSampleTrial("digits", pool="noise", stages=2, channels=4, batch=20)


def constant(level, images=20, levels=17):
    """Makes equal images of one level."""
    pixels, labels = np.full((images, 1, 8, 8), level, np.uint8), np.zeros(images, np.uint8)
    return Dataset("digits", pixels, pixels[:7], labels, labels[:7], levels)


def finished(root, trial, data, epochs=2):
    folder = Store(root).folder(key(trial))
    folder.create(trial)
    execute(folder, data, Job(epochs, 1), lambda row: None)
    return folder


def numbers(row):
    return [value for value in row.values() if isinstance(value, float)]


@pytest.mark.parametrize("options", [
    {"lr": 1e30},
    {"lr": 1e30, "batch": 45},  # one step per epoch: the loss is finite, the weights are not
    {"lr": 1e38, "network": "fully_connected"},
    {"lr": 1e38, "network": "fully_connected", "batch": 45},
    {"sigma": 1e-30} | GAUSSIAN,
], ids=str)  # fmt: skip
def test_an_overflow_is_a_failed_trial_with_a_reason(tmp_path, trial, tiny, options):
    folder = finished(tmp_path, replace(trial, **options), tiny)
    assert folder.state(2) == "failed"
    assert "finite in epoch 1" in folder.done()["error"]
    assert "smaller lr" in folder.done()["error"]
    assert folder.rows() == []
    assert list(folder.load_checkpoints()) == []


def noise(shape):
    return lambda index: np.random.default_rng(index).integers(0, 17, shape, dtype=np.uint8)


RUNS = {
    "vae": lambda trial, data: VaeRun(trial, data, 3, 1),
    "diffusion": lambda trial, data: DiffusionRun(EDM, data, 3, 1),
    "two_sample": lambda trial, data: TwoSampleRun(
        PAIRS, data, 3, 1, read_chunk=noise(data.train.shape)
    ),
}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("kind", RUNS)
def test_a_number_that_is_lost_between_rows_ends_every_kind_of_run(trial, tiny, kind, bad):
    run = RUNS[kind](trial, tiny)
    rows = iter(run)
    first = next(rows)
    assert all(map(math.isfinite, numbers(first)))
    module = run.parts["vae" if kind == "vae" else "model"]
    assert isinstance(module, torch.nn.Module)
    with torch.no_grad():
        next(iter(module.parameters())).fill_(bad)
    with pytest.raises(FloatingPointError, match="finite in epoch 2; a smaller lr"):
        next(rows)
    assert run.last_row == first


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_model_that_cannot_be_measured_gives_no_row(trial, tiny, part, monkeypatch):
    """One image without a finite ELBO is enough, on either side of the gap."""
    run = VaeRun(trial, tiny, 1, 1)
    chosen = getattr(run, part)

    def measured(vae, images):
        value = math.inf if images is chosen else -100.0
        return {"elbo": -value, "kl": 1.0}

    monkeypatch.setattr("scaling.metrics.elbo.mean_elbo", measured)
    with pytest.raises(FloatingPointError, match=f"^{part}_elbo|^generalization_gap"):
        run.measure()


@pytest.mark.parametrize("level", [0, 16])
@pytest.mark.parametrize("network", ["residual", "fully_connected"])
def test_a_vae_is_trained_on_images_without_variance(tmp_path, trial, level, network):
    """Levels have probabilities, so the ELBO is at most 0, and training brings it nearer."""
    folder = finished(tmp_path, replace(trial, network=network, train_size=20), constant(level), 20)
    assert folder.state(20) == "done"
    elbos = [row["train_elbo"] for row in folder.rows()]
    assert max(elbos) <= 0
    assert elbos[-1] > elbos[0]
    assert abs(folder.rows()[-1]["generalization_gap"]) < 0.1 * abs(elbos[-1]) + 1


def test_other_kinds_are_trained_on_images_without_variance(tiny):
    data = constant(3)
    assert all(map(math.isfinite, numbers(list(DiffusionRun(EDM, data, 2, 1))[-1])))
    same = TwoSampleRun(PAIRS, data, 2, 1, read_chunk=lambda index: data.train)
    assert list(same)[-1]["accuracy"] == 0.5  # the same image once in each class


def test_one_image_is_trained_on_or_refused(tmp_path, trial, digits):
    folder = finished(tmp_path, replace(trial, train_size=1), digits)
    assert folder.state(2) == "done"
    assert all(math.isfinite(value) for row in folder.rows() for value in numbers(row))
    alone = split(digits, 1, 0)
    assert len(alone.test) == 1796
    assert all(map(math.isfinite, numbers(list(DiffusionRun(EDM, alone, 2, 1))[-1])))
    with pytest.raises(UsageError, match="--train-size 2"):
        TwoSampleRun(PAIRS, alone, 2, 1, read_chunk=noise(alone.train.shape))


def test_two_images_of_each_class_give_one_for_training_and_one_for_testing(digits):
    pair = split(digits, 2, 0)
    run = TwoSampleRun(PAIRS, pair, 2, 1, read_chunk=noise(pair.train.shape))
    assert len(run.train.labels) == len(run.held_out.labels) == 2
    assert list(run)[-1]["accuracy"] in (0.0, 0.5, 1.0)


@pytest.mark.parametrize("kind", ["vae", "diffusion", "two_sample"])
def test_a_batch_larger_than_the_data_is_the_whole_data(trial, tiny, kind, monkeypatch):
    def rows(batch):
        monkeypatch.setitem(globals(), "EDM", replace(EDM, batch=batch))
        monkeypatch.setitem(globals(), "PAIRS", replace(PAIRS, batch=batch))
        return [timeless(row) for row in RUNS[kind](replace(trial, batch=batch), tiny)]

    size = 2 * (45 - 45 // 5) if kind == "two_sample" else 45
    assert rows(10**6) == rows(size)
    assert rows(10**6) != rows(size - 1)


@pytest.mark.parametrize(("options", "d_z"), [({"n_c": 1}, 4), ({"m_z": 64}, 256)], ids=str)
def test_the_narrowest_network_and_the_largest_latent_are_trained_at_8x8(
    tmp_path, trial, tiny, digits, options, d_z
):
    edge = replace(trial, **options)
    folder = finished(tmp_path, edge, digits)
    assert folder.state(2) == "done"
    row = folder.rows()[-1]
    assert row["d_z"] == d_z
    assert row["parameters_z"] == (3 * edge.n_c + 2) * edge.m_z
    assert all(map(math.isfinite, numbers(row)))


def silent(run, rho):
    """Makes every q equal to N(0, std) whatever the image."""
    head = run.vae.encoder.head
    with torch.no_grad():
        head.weight.zero_()
        head.bias.copy_(torch.tensor([0.0, rho]).repeat_interleave(len(head.bias) // 2))


def test_a_latent_scale_that_vanishes_has_the_kl_of_its_floor(trial, tiny):
    run = VaeRun(trial, tiny, 1, 1)
    silent(run, -1e30)
    expected = 4 * (0.5 * (STD_FLOOR**2 - 1) - math.log(STD_FLOOR))
    assert mean_elbo(run.vae, run.test)["kl"] == pytest.approx(expected, rel=1e-6)
    assert all(map(math.isfinite, numbers(run.measure())))


def test_a_latent_scale_that_explodes_has_its_kl_until_it_overflows(trial, tiny):
    run = VaeRun(trial, tiny, 1, 1)
    silent(run, 1e6)
    expected = 4 * (0.5 * (1e12 - 1) - math.log(1e6))
    assert mean_elbo(run.vae, run.test)["kl"] == pytest.approx(expected, rel=1e-6)
    silent(run, 1e30)
    with pytest.raises(FloatingPointError, match="not finite"):
        run.measure()


def test_a_wrong_pixel_with_an_extreme_logit_costs_the_logit(trial):
    """With every logit 1e6, log p(0) = -1e6 and log p(1) = 0, without rounding to log 0."""
    data = constant(0, levels=2)
    run = VaeRun(replace(trial, **BERNOULLI), data, 1, 1)
    decoder: Any = run.vae.decoder
    last = decoder.body[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.fill_(1e6)
    row = run.measure()
    assert row["test_reconstruction"] == pytest.approx(-64e6, rel=1e-6)


@pytest.mark.parametrize("value", [-1e30, -1e4, 1e4, 1e30])
@pytest.mark.parametrize("options", [{}, GAUSSIAN, BERNOULLI], ids=str)
def test_extreme_decoders_are_measured_or_refused(tmp_path, trial, tiny, options, value):
    data = replace(tiny, levels=2, train=tiny.train > 8, test=tiny.test > 8)
    data = replace(data, train=data.train.astype(np.uint8), test=data.test.astype(np.uint8))
    run = VaeRun(replace(trial, **options), data if options == BERNOULLI else tiny, 1, 1)
    with torch.no_grad():
        decoder: Any = run.vae.decoder
        decoder.body[-1].bias.fill_(value)
    try:
        row = run.measure()
    except FloatingPointError as error:
        assert "not finite" in str(error)
    else:
        json.dumps(row, allow_nan=False)


def test_a_trial_that_became_nan_is_named_and_not_in_figures(tmp_path, trial, digits, monkeypatch):
    """Its earlier rows stay in the table, and do not enter the figure's numbers."""
    asked = {key(t): t for t in grid(trial, m_z=[1, 2], seed=[0, 1])}
    train_epoch = VaeRun.train_epoch

    def lost(run):
        loss = train_epoch(run)
        return math.nan if (run.trial.m_z, run.trial.seed, run.epoch) == (2, 1, 2) else loss

    monkeypatch.setattr(VaeRun, "train_epoch", lost)
    folders = [finished(tmp_path, t, digits) for t in asked.values()]
    (failed,) = (folder for folder in folders if folder.state(2) == "failed")
    assert [row["epoch"] for row in failed.rows()] == [1]
    trials = {name: {"epochs": 2} for name in asked}
    Store(tmp_path).update_study("study", lambda study: study | {"trials": trials})
    output = summarize(tmp_path / "study")
    assert any(f"failed: {failed.key} at epoch 1: the training ELBO" in line for line in output)
    drawn = pd.read_csv(tmp_path / "study" / "figures" / "fig7.csv")
    assert set(zip(drawn["m_z"], drawn["n"], strict=True)) == {(1, 2), (2, 1)}
    assert np.isfinite(drawn["mean"]).all()
