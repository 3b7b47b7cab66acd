"""Rows name the options of each metric that change its numbers and are not the defaults."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from analysis.columns import MEASURED
from analysis.statistics import comparable, measured
from scaling import metrics
from scaling.errors import UsageError
from scaling.metrics.options import DEFAULTS, OPTIONS, changed
from scaling.runs.vae import VaeRun
from scaling.trial.bounds import Count
from scaling.trial.validation import Validated

IMAGES = 50  # of the test set of the fixture `tiny`, which are grey
NAMED = [
    ("robustness", {"delta": 0.3, "n_attack": 5}, "delta=0.3, n_attack=5"),
    ("robustness", {"grad": "sign", "n_steps": 2, "eta": 0.5}, "eta=0.5, grad=sign, n_steps=2"),
    ("psnr", {"images": 7}, "images=7"),
    ("representation", {"train_share": 0.1}, "train_share=0.1"),
    ("representation", {"images": 20, "solver": "saga"}, "images=20, solver=saga"),
    ("representation", {"linear_tolerance": 1e-3}, "linear_tolerance=0.001"),
    ("corruption", {"severity": 1, "seed": 3}, "seed=3, severity=1"),
    ("corruption", {"train_share": 0.5}, "train_share=0.5"),
    ("smoothness", {"points": 3, "pairs": 20}, "pairs=20, points=3"),
    ("smoothness", {"samples": 2}, "samples=2"),
    ("sample_quality", {"samples": 2000, "images": 20}, "images=20, samples=2000"),
    ("sample_quality", {"splits": 2, "rounding": "down"}, "rounding=down, splits=2"),
    ("iwae", {"draws": 100}, "draws=100"),
]
SAME = [  # options with the values that the data set gives, and those that columns of rows name
    ("robustness", {"delta": 0.1, "n_steps": 50}),
    ("robustness", {"n_ref": 20, "msssim": "standard"}),
    ("psnr", {"images": IMAGES}),
    ("psnr", {"images": 9999}),
    ("representation", {"images": IMAGES}),
    ("corruption", {"folder": "CIFAR-10-C"}),
    ("smoothness", {"pairs": 100}),
    ("sample_quality", {"extractor": "classifier", "weights": "file", "images": 60}),
    ("iwae", {"n_images": 5}),
]


@pytest.fixture
def run(trial, tiny):
    return VaeRun(trial, tiny, 1, 1)


@pytest.mark.parametrize(("name", "options", "text"), NAMED)
def test_options_that_differ_from_the_defaults_are_named(run, name, options, text):
    assert changed(metrics.find(name).Settings(**options), run) == text


@pytest.mark.parametrize(("name", "options"), SAME)
def test_options_that_change_no_number_are_the_defaults(run, name, options):
    assert len(run.test) == IMAGES
    assert changed(metrics.find(name).Settings(**options), run) == DEFAULTS


def test_each_metric_names_its_options_in_a_row(run):
    """The estimator of the amortization gap has had a column before."""
    found = {"psnr": {"images": 7}, "smoothness": {"pairs": 2, "points": 3}}
    found |= {"robustness": {"n_attack": 1, "n_steps": 1}, "iwae": {"n_images": 2, "draws": 100}}
    found |= {"amortization": {"n_images": 2, "steps": 1, "mc_eval": 1}, "representation": {}}
    row, _ = metrics.compute(run, list(found), found)
    assert {name: text for name, text in row.items() if name.endswith(OPTIONS)} == {
        "psnr_options": "images=7",
        "smoothness_options": "pairs=2, points=3",
        "robustness_options": "n_attack=1, n_steps=1",
        "iwae_options": "draws=100",
        "representation_options": DEFAULTS,
    }


def test_a_row_without_numbers_names_no_options(run):
    row, _ = metrics.compute(run, ["corruption"])
    assert set(row) == {"corruption_absent"}


def test_analysis_knows_the_options_of_each_number():
    """It does not import the metrics, so that both state the names."""
    assert (measured.DEFAULTS, comparable.OPTIONS) == (DEFAULTS, OPTIONS)
    known = metrics._built_in()
    assert set(known) == {*MEASURED, "amortization"}
    described = {*sum(measured.MEASURED_ON.values(), ())}
    for name in MEASURED:
        numbers = [each for each in known[name].COLUMNS if each not in described]
        lacking = [n for n in numbers if f"{name}{OPTIONS}" not in measured.settings_of(n)]
        assert numbers and lacking == []
    assert "amortization_estimator" in measured.settings_of("amortization_gap")


@dataclass(frozen=True)
class Settings(Validated):
    """The options of the metric `mine`."""

    images: Count | None = None
    at_once: Count = 512
    file: str | None = None


class Own(Settings):
    """The same, of which one is said to change numbers."""

    def used(self, subject):
        return {"images": len(subject.test[: self.images])}


@pytest.fixture
def mine(monkeypatch, run):
    """Returns a function that measures a metric `mine` with such settings."""

    def measure(kind, **options):
        made = ModuleType("mine")
        numbers = {"blur": 1.0, "edges": 2.0, "mine_words": "many"}
        vars(made).update(COLUMNS=tuple(numbers), Settings=kind, measure=lambda *_: (numbers, {}))
        monkeypatch.setitem(metrics.EXTRA, "mine", made)
        metrics.find.cache_clear()
        row, _ = metrics.compute(run, ["mine"], {"mine": options})
        return {name: text for name, text in row.items() if name.endswith(OPTIONS)}

    yield measure
    metrics.find.cache_clear()


def test_the_options_of_a_users_metric_are_named_for_each_number(mine):
    for column, text in mine(Settings, images=5, at_once=9).items():
        assert column in ("blur_options", "edges_options")
        assert text == "at_once=9, images=5"
        assert column in measured.settings_of(column.removesuffix(OPTIONS))
    assert mine(Settings) == {"blur_options": DEFAULTS, "edges_options": DEFAULTS}
    assert set(mine(Own, images=5, at_once=9).values()) == {"images=5"}
    assert set(mine(Own, images=IMAGES).values()) == {DEFAULTS}


def test_settings_without_a_default_or_without_fields_are_measured_too(mine):
    @dataclass(frozen=True)
    class Needed:
        level: int
        images: int = 5

    assert set(mine(Needed, level=3).values()) == {"images=5, level=3"}
    assert mine(type("Plain", (), {})) == {}


def test_options_do_not_reveal_a_users_name(mine):
    found = mine(Settings, file=str(Path.home() / "weights.pth"))
    assert set(found.values()) == {"file=~/weights.pth"}


def test_a_users_metric_may_not_take_the_name_of_such_a_column(monkeypatch):
    made = ModuleType("mine")
    vars(made).update(COLUMNS=("psnr_options",), Settings=Settings, measure=lambda *_: ({}, {}))
    monkeypatch.setitem(metrics.EXTRA, "mine", made)
    with pytest.raises(UsageError, match="psnr_options, a column that rows or trials have"):
        metrics.check_added()
