"""A launch measures and reads models of the images that they began with, or is refused."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from scaling.cluster import launch as study
from scaling.cluster import pools
from scaling.cluster.measuring import Cells, _measure_all
from scaling.errors import UsageError
from scaling.storage.store import Store
from scaling.trial import DiffusionTrial, Source, key
from scaling.trial.schedule import Diffusion, Planned, schedule


def test_a_metric_is_not_measured_on_other_images(begun, other_images):
    with pytest.raises(UsageError, match="began on other images"):
        _measure_all(begun, Cells(begun.key, {}, {}), other_images, "cpu", lambda: None)


def test_only_vaes_with_a_readable_model_are_measured_later(trial, tiny, tmp_path):
    for one, message in (
        (DiffusionTrial("digits", channels=8), "is not a VAE. Its metrics are in its rows"),
        (trial, "has no readable model of epoch 7"),
    ):
        folder = Store(tmp_path).folder(key(one))
        folder.create(one)
        cells = Cells(folder.key, {7: ("psnr",)}, {})
        with pytest.raises(UsageError, match=message):
            _measure_all(folder, cells, tiny, "cpu", lambda: None)


def test_a_finished_model_whose_samples_will_be_read_is_checked(trial, tiny, tmp_path, monkeypatch):
    model = DiffusionTrial("digits", channels=8)
    items = schedule(
        [replace(trial, source=Source(real_share=0.0, k=1))], 4, 2, Diffusion(model, 3)
    )
    trials = {item.key: Planned(item, "done", 0.0, 0.0) for item in items}
    asked: list[str] = []
    monkeypatch.setattr(study, "check_same_data", lambda folder, data: asked.append(folder.key))
    monkeypatch.setattr(pools, "check_same_samples", lambda *words: None)
    monkeypatch.setattr(pools, "check", lambda *words: None)
    request: Any = SimpleNamespace(
        trials=trials, store=Store(tmp_path), load=lambda name, binarise: tiny
    )
    study._check(request)
    assert asked == list(trials) and len(asked) == 2
