"""The examples run: what a user adds with --module is trained, planned and measured."""

import sys
from pathlib import Path

import pytest

from scaling import metrics
from scaling.data import datasets
from scaling.models import layers
from scaling.planning import costs
from scaling.runs.vae import VaeRun
from scaling.trial import VaeTrial, catalog, extensions
from tests.there import numbers

FOLDER = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module", autouse=True)
def examples():
    """All of them, loaded as `--module` does; no other test's names are left changed."""
    made = [extensions.find(str(path)) for path in sorted(FOLDER.glob("own_*.py"))]
    assert len(made) == 4
    extensions.load_all(made)
    yield made
    for what, module, attribute in extensions.OPEN:
        names = getattr(sys.modules[module], attribute)
        for name in [name for name in names if (what, name) in extensions.ADDED]:
            del names[name]
    for one in made:
        extensions._loaded.remove(one)
        del sys.modules[one.name]
    extensions.ADDED.clear()


def rows(trial, data):
    run = VaeRun(trial, data, epochs=2, measure_every=1)
    return run, list(run)


def test_a_network_and_a_likelihood_are_trained(tiny):
    trial = VaeTrial(
        "digits", m_z=2, n_c=8, network="shallow", likelihood="laplace", lr=3e-3, batch=20
    )
    run, (first, last) = rows(trial, tiny)
    assert last["train_elbo"] > first["train_elbo"]
    assert last["d_z"] == 8
    planned = costs.parameters(trial)
    assert {name: last[name] for name in planned} == planned
    assert planned["parameters_z"] == (8 * 16 + 16) + (8 * 8 + 8)


def test_a_data_set_is_what_its_row_says():
    row, data = catalog.DATASETS["rings"], datasets.load("rings")
    assert data.train.shape == (row.train_images, row.channels, row.side, row.side)
    assert len(data.test) == row.official_test
    assert (data.levels, data.train.max()) == (row.levels, row.levels - 1)
    trial = VaeTrial("rings", n_c=2, mixtures=2, lr=3e-3, batch=20, train_size=40)
    _, (first, last) = rows(trial, datasets.split(data, 40, 0))
    assert last["train_elbo"] > first["train_elbo"]


def test_a_metric_is_found_and_measured(tiny, trial):
    run, _ = rows(trial, tiny)
    options = metrics.settings(["level_error"], ["images=10"])
    row, _ = metrics.compute(run, ["level_error"], options)
    assert 0 < numbers(row)["level_error"] < tiny.levels - 1
    assert row != metrics.compute(run, ["level_error"])[0]


def test_a_trial_of_a_module_says_which_one_it_needs(examples):
    made = {"network": "shallow", "likelihood": "mixture", "dataset": "rings"}
    words = {module.name: module.word for module in examples}
    needed = {"network": words["own_network"], "dataset": words["own_dataset"]}
    assert extensions.needed(made) == needed


def test_memory_grows_with_a_counted_network():
    narrow, wide = (VaeTrial("digits", network="shallow", n_c=n) for n in (8, 4096))
    assert costs.memory(narrow, costs.CPU_CORE) < costs.memory(wide, costs.CPU_CORE)
    encoder, decoder = layers.halves(wide)
    assert len(encoder) == len(decoder) == 2
