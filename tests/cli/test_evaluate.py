"""The metrics that `evaluate` finds by name, and the settings that they accept."""

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scaling import metrics
from scaling.errors import UsageError
from scaling.metrics import compute, find, settings


def test_a_metric_is_found_by_its_name_or_its_column():
    assert find("amortization") is find("amortization_gap")
    with pytest.raises(UsageError, match="Did you mean 'amortization'.*amortization.*robustness"):
        find("amortisation")
    with pytest.raises(UsageError, match="Did you mean 'psnr_mean'"):
        find("psnr_maen")


def test_a_metric_in_a_new_file_is_found(monkeypatch, tmp_path):
    with pytest.raises(UsageError, match="Unknown metric 'brightness'"):
        find("brightness")
    (tmp_path / "brightness.py").write_text('COLUMNS = ("brightness_mean",)')
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    try:
        assert find("brightness") is find("brightness_mean")
    finally:
        sys.modules.pop("scaling.metrics.brightness", None)
        find.cache_clear()


def test_settings_go_to_the_metrics_that_have_them_in_their_types():
    made = settings(["amortization", "robustness_gap"], ["steps=20", "lr=0.1", "delta=0.2"])
    assert made == {"amortization": {"steps": 20, "lr": 0.1}, "robustness": {"delta": 0.2}}
    with pytest.raises(UsageError, match="No chosen metric has.*Did you mean 'steps'.*n_images"):
        settings(["amortization"], ["stepps=20"])
    with pytest.raises(UsageError, match="does not fit"):
        settings(["amortization"], ["steps=many"])


def test_a_number_that_is_not_finite_is_absent_with_the_reason(monkeypatch):
    numbers = {"gap": float("nan"), "far": float("inf"), "fine": 1.5, "variant": "kuzina"}
    exploded = SimpleNamespace(
        __name__="scaling.metrics.made_up",
        Settings=dict,
        measure=lambda run, settings: (numbers, {"shown": np.zeros(2, np.uint8)}),
    )
    monkeypatch.setattr(metrics, "find", lambda name: _Hashable(exploded))
    nobody: Any = None
    made, arrays = compute(nobody, ["made_up"])
    assert made == {"fine": 1.5, "variant": "kuzina", "made_up_absent": "not finite: gap, far"}
    assert arrays["shown"].tolist() == [0, 0]


class _Hashable:
    """A made-up metric's module; like a real module, it can be a dictionary's key."""

    def __init__(self, module):
        self.__dict__.update(vars(module))
