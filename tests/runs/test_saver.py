"""Checkpoints take a small share of the time, are not far apart, and are stamped by the ledger."""

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scaling.errors import Unfinished
from scaling.runs import saver
from scaling.runs.ledger import Ledger


class Trainer:
    """Trains made-up epochs on a made-up clock, on which a checkpoint takes `cost` seconds."""

    def __init__(self, monkeypatch, epochs, seconds, cost, fence=None):
        self.now, self.seconds, self.cost = 0.0, seconds, cost
        self.saved, self.states, self.beats = [], [], 0
        self.run = cast(Any, SimpleNamespace(epoch=0, epochs=epochs, stopped=""))
        self.run.state_dict = lambda: {"epoch": self.run.epoch}
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        self.ledger = Ledger(None, {}, "abc")
        self.saver = saver.Saver(self.run, cast(Any, self), self.ledger, self.beat, fence)

    def save_checkpoint(self, state):
        self.now += self.cost
        self.saved.append(self.run.epoch)
        self.states.append(state)

    def beat(self):
        self.beats += 1

    def train(self, row_every):
        for _ in range(self.run.epochs):
            self.run.epoch += 1
            self.now += self.seconds
            measured = self.run.epoch % row_every == 0
            (self.saver.at_row if measured else self.saver.between_rows)()
        return self.saved


@pytest.mark.parametrize("cost", [0.01, 1.0, 20.0])
def test_checkpoints_take_at_most_their_share_of_the_time(monkeypatch, cost):
    trainer = Trainer(monkeypatch, 10_000, seconds=2.0, cost=cost)
    saved = trainer.train(row_every=1)
    assert len(saved) > 3 and saved[-1] == 10_000
    regular = len(saved) - 2  # the first and the last are saved whatever they cost
    assert regular * cost <= saver.CHECKPOINT_SHARE * trainer.now
    assert trainer.beats == 0


def test_without_rows_there_is_a_checkpoint_after_half_a_minute_and_a_beat_each_epoch(monkeypatch):
    trainer = Trainer(monkeypatch, 100, seconds=1.0, cost=0.0)
    assert trainer.train(row_every=101) == [30, 60, 90]
    assert trainer.beats == 100
    assert trainer.saver.between_seconds == 0.0


def test_the_time_of_checkpoints_between_rows_is_counted(monkeypatch):
    trainer = Trainer(monkeypatch, 100, seconds=10.0, cost=0.1)
    between = [epoch for epoch in trainer.train(row_every=50) if epoch % 50]
    assert between and trainer.saver.between_seconds == pytest.approx(0.1 * len(between))


def test_a_run_that_stopped_early_is_saved(monkeypatch):
    trainer = Trainer(monkeypatch, 10, seconds=1.0, cost=1.0)
    trainer.saver.cost = 100.0  # a costly checkpoint: the next one is far away
    trainer.train(row_every=20)
    assert trainer.saved == []
    trainer.run.epoch, trainer.run.stopped = 7, "diverged"
    trainer.saver.at_row()
    assert trainer.saved == [7]


def test_a_state_names_the_images_chunks_and_rows(monkeypatch):
    trainer = Trainer(monkeypatch, 1, seconds=1.0, cost=0.0)
    trainer.ledger.rows, trainer.ledger.checksums = [1], {"0": "sum"}
    trainer.train(row_every=1)
    (state,) = trainer.states
    assert state == {"epoch": 1, "fingerprint": "abc", "rows": [1], "chunks": {"0": "sum"}}


def test_nothing_is_saved_once_the_lock_is_lost(monkeypatch):
    def lost():
        raise Unfinished("taken over")

    trainer = Trainer(monkeypatch, 1, seconds=1.0, cost=0.0, fence=SimpleNamespace(check=lost))
    with pytest.raises(Unfinished):
        trainer.train(row_every=1)
    assert trainer.saved == []
