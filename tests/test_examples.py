"""The examples run: what a user adds with --module is trained, planned and measured.

`own_study.py` runs through Ray in `tests/cluster/test_own_study.py`.
"""

import ast
import re
import shlex
import subprocess
import sys
from importlib import util
from pathlib import Path

import numpy as np
import pytest

from scaling import metrics
from scaling.data import datasets
from scaling.models import layers
from scaling.planning import costs
from scaling.runs.vae import VaeRun
from scaling.trial import VaeTrial, catalog, extensions
from tests.conftest import timeless
from tests.narrow import numbers

FOLDER = Path(__file__).parents[1] / "examples"
MODULES = ("dataset", "likelihood", "metric", "network")  # modules that --module loads


@pytest.fixture(scope="module", autouse=True)
def examples():
    """Loads all examples as `--module` does, and restores the changed dictionaries."""
    made = [extensions.find(str(FOLDER / f"own_{name}.py")) for name in MODULES]
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


def test_a_users_network_and_likelihood_are_trained(tiny):
    trial = VaeTrial(
        "digits", m_z=2, n_c=8, network="shallow", likelihood="laplace", lr=3e-3, batch=20
    )
    run, (first, last) = rows(trial, tiny)
    assert last["train_elbo"] > first["train_elbo"]
    assert last["d_z"] == 8
    planned = costs.parameters(trial)
    assert {name: last[name] for name in planned} == planned
    assert planned["parameters_z"] == (8 * 16 + 16) + (8 * 8 + 8)


def test_a_users_data_set_has_the_properties_of_its_entry():
    entry, data = catalog.DATASETS["rings"], datasets.load("rings")
    assert data.train.shape == (entry.train_images, entry.channels, entry.side, entry.side)
    assert len(data.test) == entry.official_test
    assert (data.levels, data.train.max()) == (entry.levels, entry.levels - 1)
    trial = VaeTrial("rings", n_c=2, mixtures=2, lr=3e-3, batch=20, train_size=40)
    _, (first, last) = rows(trial, datasets.split(data, 40, 0))
    assert last["train_elbo"] > first["train_elbo"]


def test_a_users_metric_is_found_and_measured(tiny, trial):
    run, _ = rows(trial, tiny)
    options = metrics.settings(["level_error"], ["images=10"])
    row, _ = metrics.compute(run, ["level_error"], options)
    assert 0 < numbers(row)["level_error"] < tiny.levels - 1
    assert row != metrics.compute(run, ["level_error"])[0]


def test_a_trial_names_the_modules_that_it_needs(examples):
    made = {"network": "shallow", "likelihood": "mixture", "dataset": "rings"}
    words = {module.name: module.word for module in examples}
    needed = {"network": words["own_network"], "dataset": words["own_dataset"]}
    assert extensions.needed(made) == needed


def test_memory_grows_with_a_counted_network():
    narrow, wide = (VaeTrial("digits", network="shallow", n_c=n) for n in (8, 4096))
    assert costs.memory(narrow, costs.CPU_CORE) < costs.memory(wide, costs.CPU_CORE)
    encoder, decoder = layers.halves(wide)
    assert len(encoder) == len(decoder) == 2


def script(name):
    """Loads an example that is a program, and returns its module."""
    spec = util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec and spec.loader
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_vae_is_trained_on_samples_of_another_generator(tmp_path, capsys):
    example = script("own_samples")
    found = example.main(tmp_path, epochs=3)
    data = datasets.split(datasets.load("digits"), 300, 0)
    made = example.samples(data.train, data.levels, 1500).reshape(5, 300, 1, 8, 8)
    by_hand = VaeRun(
        example.replace(example.TRIAL, source=example.replace(example.DMAAPX, k=5, pool="any")),
        data,
        epochs=3,
        read_chunk=lambda index: made[index],
    )
    assert found["samples"] == list(by_hand)[-1]["test_elbo"]
    assert found["samples"] != found["real images"]
    assert "Imported 1,500 images" in capsys.readouterr().out


def test_samples_of_the_gaussian_are_like_the_images(digits):
    made = script("own_samples").samples(digits.train, digits.levels, 2000)
    assert made.dtype == np.uint8 and made.max() <= digits.levels - 1
    inner = (slice(None), 0, 3, 3)  # a pixel that is rarely clipped
    assert abs(made[inner].mean() - digits.train[inner].mean()) < 1


def test_a_stopped_training_continues_where_it_was(tmp_path, monkeypatch):
    example, reported = script("resumable"), []

    def stopped(row):
        if row["epoch"] == 10:
            raise KeyboardInterrupt

    example.main(tmp_path / "whole", epochs=15)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(example, "show", stopped)
        example.main(tmp_path / "cut", epochs=15)
    monkeypatch.setattr(example, "show", lambda row: reported.append(row["epoch"]))
    example.main(tmp_path / "cut", epochs=15)
    assert reported == [10, 14, 15]  # the row of epoch 5 is not measured again
    whole, cut = (
        example.Store(tmp_path / name).folder(example.key(example.TRIAL)).rows()
        for name in ("whole", "cut")
    )
    assert [timeless(row) for row in cut] == [timeless(row) for row in whole]


def commands(path):
    """Yields the commands of studies in an example's docstring."""
    text = re.sub(r"\\\n\s*", "", ast.get_docstring(ast.parse(path.read_text())) or "")
    found = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    assert found, f"{path.name} shows no command"
    return [line for line in found if "studies/" in line or "own_study" in line]


COMMANDS = [line for path in sorted(FOLDER.glob("*.py")) for line in commands(path)]


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_of_the_examples_can_be_planned(tmp_path, line):
    words = [*shlex.split(line)[1:], "--dry-run", "--results", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *words], cwd=FOLDER.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "total:" in done.stdout
