"""A run keeps one precision, records it, and is measured in float32."""

from dataclasses import replace

import pytest
import torch

from scaling.metrics.elbo import mean_elbo
from scaling.models import precision
from scaling.runs.vae import VaeRun
from tests.conftest import assert_same_state, timeless


@pytest.fixture
def half(trial):
    return replace(trial, precision="bf16")


def test_rows_name_the_precision_used(trial, half, tiny):
    assert list(VaeRun(trial, tiny, 1, 1))[-1]["precision"] == "float32"
    assert list(VaeRun(half, tiny, 1, 1))[-1]["precision"] == "bf16"


def test_a_resumed_run_keeps_its_precision_on_another_machine(trial, tiny, monkeypatch):
    monkeypatch.setattr("scaling.trial.vae.BF16_FROM_SIDE", 1)
    monkeypatch.setattr(precision, "has_bf16", lambda device: True)
    whole = VaeRun(trial, tiny, 3, 1)
    expected = [timeless(row) for row in whole]
    first = VaeRun(trial, tiny, 1, 1)
    rows = [timeless(row) for row in first]
    monkeypatch.setattr(precision, "has_bf16", lambda device: False)
    second = VaeRun(trial, tiny, 3, 1)
    second.load_state_dict(first.state_dict())
    rows += [timeless(row) for row in second]
    assert rows == expected
    assert {row["precision"] for row in rows} == {"bf16"}
    assert_same_state(second.state_dict()["vae"], whole.state_dict()["vae"])


def test_bf16_changes_training_and_not_the_measurement(trial, half, tiny):
    exact, rounded = VaeRun(trial, tiny, 1, 1), VaeRun(half, tiny, 1, 1)
    assert exact.measure()["test_elbo"] == rounded.measure()["test_elbo"]
    list(exact), list(rounded)
    weights = [next(run.vae.parameters()) for run in (exact, rounded)]
    assert not torch.equal(*weights)
    torch.testing.assert_close(*weights, rtol=0, atol=0.05)
    assert rounded.vae.encode(rounded.test).mean.dtype == torch.float32
    assert mean_elbo(rounded.vae, rounded.test).keys() == {"elbo", "kl"}


@pytest.mark.parametrize(("asked", "rounds"), [("float32", False), ("bf16", True)])
def test_float32_is_no_tf32_in_training(trial, tiny, monkeypatch, asked, rounds):
    run = VaeRun(replace(trial, precision=asked), tiny, 1, 1)
    seen = []
    step = run.step
    run.step = lambda x: seen.append(torch.backends.cudnn.allow_tf32) or step(x)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    list(run)
    assert set(seen) == {rounds} and torch.backends.cudnn.allow_tf32
