"""What all kinds of runs share: epochs with rows, resuming, ending early, and errors."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.models.flops import training_flops
from scaling.runs.run import Row, Run, Stateful
from scaling.trial import DiffusionTrial, Trial, VaeTrial

MODEL = DiffusionTrial("digits", channels=4, multipliers=(1,), blocks=1, attention=())


class Sum:
    """A part whose state is the sum of the epochs that it has seen."""

    def __init__(self) -> None:
        self.total = 0

    def state_dict(self) -> dict[str, Any]:
        return {"total": self.total}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.total = state_dict["total"]


class Adding(Run):
    """A run whose loss is the sum of all epochs so far."""

    def __init__(self, trial: Trial, epochs: int, every: int = 1, kept: tuple[int, ...] = ()):
        super().__init__(trial, epochs, every, "cpu", kept)
        self.sum = Sum()
        self.stops_at = math.inf

    @property
    def parts(self) -> dict[str, Stateful]:
        return {"sum": self.sum}

    def train_epoch(self) -> float:
        self.sum.total += self.epoch
        return float(self.sum.total)

    def measure(self) -> Row:
        return {"epoch": self.epoch, "loss": self.loss}

    def arrays(self) -> dict[str, np.ndarray]:
        return {}

    def stop_reason(self) -> str:
        return "enough" if self.epoch >= self.stops_at else ""


@given(st.integers(1, 60), st.integers(1, 20), st.sets(st.integers(1, 60)))
def test_rows_are_those_of_measured_and_kept_epochs_over_several_calls(epochs, every, kept):
    run = Adding(MODEL, epochs, every, tuple(kept))
    between = []
    run.between = lambda: between.append(run.epoch)
    rows = [row["epoch"] for row in run]
    expected = {e for e in range(1, epochs + 1) if e % every == 0 or e in kept} | {epochs}
    assert rows == sorted(expected)
    assert sorted({*rows, *between}) == list(range(1, epochs + 1))
    assert not set(rows) & set(between)


def test_a_vae_is_measured_as_its_trial_says():
    trial = VaeTrial("digits", n_c=2)
    rows = [row["epoch"] for row in Adding(trial, 40, 8)]
    assert rows == [e for e in range(1, 41) if trial.is_measured(e, 40, 8)]
    assert rows == [8, 16, 24, 32, 38, 40]


@given(st.integers(1, 9), st.integers(1, 9))
def test_a_run_stopped_and_resumed_anywhere_has_the_same_rows(stop, more):
    whole = list(Adding(MODEL, stop + more))
    first = Adding(MODEL, stop)
    rows = list(first)
    second = Adding(MODEL, stop + more)
    second.load_state_dict(first.state_dict())
    assert second.last_row == rows[-1]
    assert rows + list(second) == whole
    assert list(second) == []


def test_losses_of_the_made_up_run_are_sums_of_epochs():
    assert [row["loss"] for row in Adding(MODEL, 4)] == [1.0, 3.0, 6.0, 10.0]


def test_a_run_that_ends_early_says_why_in_its_last_row_and_stays_ended():
    run = Adding(MODEL, 10, 5)
    run.stops_at = 3
    assert list(run) == [{"epoch": 3, "loss": 6.0, "censored": "enough"}]
    again = Adding(MODEL, 10, 5)
    again.load_state_dict(run.state_dict())
    assert again.stopped == "enough" and list(again) == []


def test_the_state_of_a_run_that_did_not_end_early_does_not_mention_it():
    run = Adding(MODEL, 2)
    list(run)
    state = run.state_dict()
    assert "stopped" not in state and state["last_row"] == {"epoch": 2, "loss": 3.0}
    assert (state["epoch"], state["loss"], state["sum"]) == (2, 3.0, {"total": 3})


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_names_epoch_and_rate(loss, monkeypatch):
    run = Adding(MODEL, 5)
    trained = run.train_epoch
    monkeypatch.setattr(run, "train_epoch", lambda: loss if run.epoch == 3 else trained())
    message = "the loss is no longer finite in epoch 3; a smaller lr .now 0.001. may help"
    with pytest.raises(FloatingPointError, match=message):
        list(run)
    run.check(1.0, -2.0)
    with pytest.raises(FloatingPointError):
        run.check(1.0, loss)


def test_images_and_flops_grow_by_those_of_an_epoch():
    run = Adding(MODEL, 3)
    work = []
    for _ in run:
        work.append(run.work(50, (1, 8, 8), 17))
    assert [row["images_seen"] for row in work] == [50, 100, 150]
    flops = training_flops(MODEL)
    assert [row["training_flops"] for row in work] == [50 * flops, 100 * flops, 150 * flops]


def test_images_per_second_are_over_the_seconds_of_training():
    run = Adding(MODEL, 3)
    run.epoch, run.seconds = 3, 2.0
    assert run.timing(100) == {"seconds": 2.0, "images_per_s": 150.0}
    run.seconds = 0.0
    assert math.isfinite(float(run.timing(100)["images_per_s"]))
