"""The trials of each study: its axes on every preset, planned without data."""

import importlib.util
from pathlib import Path

import pytest

from analysis.results import load
from scaling.cli import studies
from scaling.trial import NORMAL, TwoSampleTrial
from scaling.trial.schedule import schedule
from tests.narrow import not_none

FOLDER = Path(__file__).parents[1] / "studies"
NAMES = studies.names()
POWERS = (1, 2, 4, 8, 16, 32, 64)


def study(name):
    spec = importlib.util.spec_from_file_location(f"study_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(not_none(spec))
    not_none(not_none(spec).loader).exec_module(module)
    return module


def scheduled(name, preset):
    module = study(name)
    chosen = module.PRESETS[preset]
    return schedule(
        module.trials(chosen), chosen.epochs, 1, chosen.diffusion, equal_images=chosen.equal_images
    )


def trials(name, preset="paper"):
    return [w.trial for w in scheduled(name, preset)]


CASES = [(name, preset) for name in NAMES for preset in study(name).PRESETS]


@pytest.mark.parametrize(("name", "preset"), CASES)
def test_every_preset_is_complete_and_of_one_data_set_family(name, preset):
    made = scheduled(name, preset)
    assert len(made) == len({w.key for w in made})
    assert all(w.epochs > 0 for w in made)
    readers = [w.trial for w in made if w.trial.kind == "vae" and w.trial.source.real_share < 1]
    assert all(trial.source.pool and trial.source.k for trial in readers)
    models = {w.key for w in made if w.trial.kind == "diffusion"}
    assert all(any(key in trial.source.pool for key in models) for trial in readers)


def test_every_study_has_digits_and_paper_and_a_smoke_test():
    assert len(NAMES) == 15
    for name in NAMES:
        assert {"digits", "paper", "smoke"} <= set(study(name).PRESETS)
        assert next(iter(study(name).PRESETS)) == "digits"


def test_double_descent_is_the_grid_of_figure_7():
    made = [t for t in trials("double_descent") if t.kind == "vae"]
    assert len(made) == 86
    for source in ("normal", "dmaapx"):
        points = {(t.m_z, t.n_c) for t in made if t.source.name == source}
        rows = {(m, n) for m in (1, 2, 8, 64) for n in (*POWERS, 128, 256, 512)}
        assert points == rows | {(m, 256) for m in POWERS}


def test_the_main_comparison_has_all_sources_and_data_sets():
    made = [t for t in trials("data_sources") if t.kind == "vae"]
    assert {t.source.name for t in made} == {"normal", "dmaapx", "aug_naive", "aug_tuned"}
    kinds = {(t.dataset, t.likelihood) for t in made}
    assert kinds == {
        ("cifar10", "mixture"),
        ("mnist", "bernoulli"),
        ("fashion_mnist", "gaussian"),
        ("fashion_mnist", "mixture"),
    }
    assert len(made) == 4 * 4 * 3


def test_the_other_axes_are_those_of_the_figures():
    assert {t.m_z for t in trials("latent_width")} == {1, 10}
    ks = {t.source.k for t in trials("sample_budget") if t.kind == "vae" and t.source != NORMAL}
    assert ks == {1, 2, 5, 10, 20, 50, 100, 1000}
    phases = [t for t in trials("reverse_half_asleep") if t.kind == "vae"]
    assert {t.half_asleep_from for t in phases} == {0, 500}
    noisy = {t.source.mollify_epochs for t in trials("mollification") if t.kind == "vae"}
    assert noisy == {0, 500}
    mixed = [t.source for t in trials("mixtures") if t.kind == "vae"]
    assert {(s.real_share, s.augment) for s in mixed} == {
        (x, a) for x in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0) for a in (None, "tuned")
    }
    shares = {t.share for t in trials("diffusion_subsets") if t.kind == "diffusion"}
    assert shares == {0.1, 0.3, 0.5, 0.7, 0.9, 1.0}
    for name, sources in (("downstream", 4), ("smoothness", 2)):
        made = [t for t in trials(name) if t.kind == "vae"]
        assert len(made) == 3 * sources == 3 * len({t.source for t in made})
        # the same trials, trained once for all three studies
        assert set(made) <= set(trials("data_sources"))
    tests = [t for t in trials("two_sample") if isinstance(t, TwoSampleTrial)]
    assert {t.share for t in tests} == {0.3, 0.5, 0.7, 0.9, 1.0}
    assert {t.seed for t in tests} == {0, 1, 2, 3, 4}
    assert {(t.real, t.images) for t in tests} == {("train", None), ("test", 5000)}


PUBLISHED = [
    *((name, "digits", "digits-replicates") for name in NAMES if name != "learning_rate"),
    ("double_descent", "digits-long", "digits-long"),
    ("learning_rate", "digits-tuned", "digits-long"),
    ("double_descent", "mnist-draws", "mnist-draws"),
    ("data_sources", "mnist-draws", "mnist-draws"),
    ("readings", "mnist-small", "mnist-draws"),  # published with two more replicates
    ("readings", "fashion-small", "fashion-draws"),
    ("double_descent", "cifar10-draws", "cifar10-draws"),
]


@pytest.mark.parametrize(("name", "preset", "folder"), PUBLISHED)
def test_presets_train_the_trials_whose_rows_are_published(name, preset, folder):
    """So the commands of docs/results.md give its numbers, but for the learning rates of digits."""
    rows = load(FOLDER.parent / "analysis" / "published" / folder / f"{name}.parquet")
    published, made = set(rows["key"]), {w.key for w in scheduled(name, preset)}
    more = preset in ("mnist-small", "fashion-small")
    assert made < published if more else made == published
