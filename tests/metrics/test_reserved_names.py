"""A user's metric replaces no number of a row and no array that it did not measure."""

from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest

from analysis.columns import COLUMNS as DOCUMENTED
from scaling import metrics
from scaling.errors import UsageError
from scaling.metrics import reserved_names
from scaling.runs.vae import VaeRun
from scaling.trial.validation import Validated


@dataclass(frozen=True)
class Settings(Validated):
    """The metric `mine` has no options."""


@pytest.fixture
def returning(monkeypatch, trial, tiny):
    """Returns a function that adds a metric `mine`, with numbers and arrays that it returns."""

    subject = VaeRun(trial, tiny, 1, 1)

    def add(numbers, arrays):
        mine = ModuleType("mine")
        made = {"COLUMNS": ("mine",), "Settings": Settings, "measure": lambda *_: (numbers, arrays)}
        vars(mine).update(made)
        monkeypatch.setitem(metrics.EXTRA, "mine", mine)
        metrics.find.cache_clear()
        return lambda: metrics.compute(subject, ["mine"])

    yield add
    metrics.find.cache_clear()


def test_every_documented_column_is_taken():
    built_in = set().union(*(module.COLUMNS for module in metrics._built_in().values()))
    assert {name for name in DOCUMENTED if not reserved_names.is_reserved(name)} <= built_in
    assert not {name for name in built_in if reserved_names.is_reserved(name)}


def test_every_number_and_picture_of_a_run_is_taken(trial, tiny):
    run = VaeRun(trial, tiny, 1, 1)
    (row,) = run
    assert [name for name in row if not reserved_names.is_reserved(name)] == []
    _, arrays = metrics.compute(run, ["psnr"])
    assert {*run.arrays(), *arrays} <= reserved_names.ARRAYS


def test_a_metric_returns_its_columns_and_its_reason_alone(returning):
    made = {"mine": 1.0, "mine_absent": "no"}, {"mine_images": np.zeros(1)}
    assert returning(*made)() == made
    with pytest.raises(UsageError, match="returns epoch, test_elbo, which its COLUMNS do not name"):
        returning({"mine": 1.0, "epoch": 3, "test_elbo": 1.0}, {})()
    with pytest.raises(UsageError, match="returns arrays named samples, as the project's own are"):
        returning({"mine": 1.0}, {"samples": np.zeros(1)})()
