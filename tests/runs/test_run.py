"""What every run shares: which epochs have rows, what goes on after a stop, what is an error."""

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
    """Its loss is the sum of all epochs so far."""

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
def test_rows_of_the_measured_and_the_kept_epochs_and_a_call_after_each_other(epochs, every, kept):
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
def test_a_stop_anywhere_changes_nothing(stop, more):
    whole = list(Adding(MODEL, stop + more))
    first = Adding(MODEL, stop)
    rows = list(first)
    second = Adding(MODEL, stop + more)
    second.load_state_dict(first.state_dict())
    assert second.last_row == rows[-1]
    assert rows + list(second) == whole
    assert list(second) == []


def test_the_sum_is_known():
    assert [row["loss"] for row in Adding(MODEL, 4)] == [1.0, 3.0, 6.0, 10.0]


def test_a_run_that_ends_early_says_why_in_its_last_row_and_stays_ended():
    run = Adding(MODEL, 10, 5)
    run.stops_at = 3
    assert list(run) == [{"epoch": 3, "loss": 6.0, "censored": "enough"}]
    again = Adding(MODEL, 10, 5)
    again.load_state_dict(run.state_dict())
    assert again.stopped == "enough" and list(again) == []


def test_only_one_that_ended_early_has_that_in_its_state():
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
    told = "the loss is no longer finite in epoch 3; a smaller lr .now 0.001. may help"
    with pytest.raises(FloatingPointError, match=told):
        list(run)
    run.check(1.0, -2.0)
    with pytest.raises(FloatingPointError):
        run.check(1.0, loss)


def test_images_and_flops_so_far_are_those_of_an_epoch_times_epochs():
    run = Adding(MODEL, 3)
    work = []
    for _ in run:
        work.append(run.work(50, (1, 8, 8), 17))
    assert [row["images_seen"] for row in work] == [50, 100, 150]
    flops = training_flops(MODEL)
    assert [row["training_flops"] for row in work] == [50 * flops, 100 * flops, 150 * flops]


def test_images_a_second_are_those_of_the_training_seconds():
    run = Adding(MODEL, 3)
    run.epoch, run.seconds = 3, 2.0
    assert run.timing(100) == {"seconds": 2.0, "images_per_s": 150.0}
    run.seconds = 0.0
    assert math.isfinite(float(run.timing(100)["images_per_s"]))
