"""What a launch could not finish: it is named, and the exit code is not that of success."""

from types import SimpleNamespace
from typing import Any

import pytest

from scaling.cli import process
from scaling.cli import study as cli
from scaling.cluster import object_store, pools
from scaling.cluster.costly_metrics import name_without_model
from scaling.cluster.launch import Ended, Launch, _with_uses
from scaling.cluster.measuring import without_model
from scaling.cluster.request import Request
from scaling.data.datasets import load
from scaling.errors import UsageError
from scaling.pools.pool import Pool
from scaling.storage.store import Store
from scaling.trial import DiffusionTrial, VaeTrial, data_of, key
from scaling.trial.schedule import Planned, Scheduled, schedule
from tests.small_pool import build

EMPTY: Any = {"used_again": frozenset()}


@pytest.fixture
def done(trial, tmp_path):
    """Makes a finished trial with rows at 2 and 4, and a model of epoch 4 only."""
    store = Store(tmp_path)
    folder = store.folder(key(trial))
    folder.create(trial)
    for epoch in (2, 4):
        folder.append_row({"epoch": epoch})
    folder.save_checkpoint({"epoch": 4})
    folder.finish(4)
    return store, Scheduled(trial, 4, 2, ("amortization",), (2, 4))


def test_missing_metrics_and_pools_change_the_exit_code(done, capsys):
    store, scheduled = done
    assert cli._exit_code(store, [scheduled], Ended()) == process.DONE
    assert cli._exit_code(store, [scheduled], Ended(missing=["the pool p"])) == process.FAILED
    assert "Missing: the pool p. Continue with: python" in capsys.readouterr().out
    assert (
        cli._exit_code(store, [scheduled], Ended("--max-hours 1", ["the pool p"])) == process.CAPPED
    )


def test_metrics_that_cannot_be_measured_without_a_model_are_named(done, capsys):
    store, scheduled = done
    planned = {scheduled.key: Planned(scheduled, "done", 0.0, 0.0)}
    request: Any = SimpleNamespace(store=store, trials=planned)
    assert without_model(store, scheduled.key, scheduled.metrics, (2, 4))
    assert not without_model(store, scheduled.key, scheduled.metrics, (4, 6))
    name_without_model(request)
    assert "1 trials were trained by another study" in capsys.readouterr().out
    store.folder(scheduled.key).merge_row(2, {"amortization_gap": 1.0})
    name_without_model(request)
    assert not capsys.readouterr().out


@pytest.mark.parametrize(("measured", "gpus", "again"), [
    (False, 0.25, True), (True, 0.25, False), (False, 1.0, False), (False, 0.0, False),
])  # fmt: skip
def test_a_finished_trial_uses_its_share_of_a_gpu_again_to_be_measured(done, measured, gpus, again):
    store, scheduled = done
    if measured:
        store.folder(scheduled.key).merge_row(4, {"amortization_gap": 1.0})
    planned = Planned(scheduled, "done", 0.0, gpus)
    fields: Any = {"store": store, "trials": {scheduled.key: planned}, "metric_settings": {}}
    unused: Any = None
    request = Request(**(dict.fromkeys(Request.__dataclass_fields__) | fields | EMPTY))
    found = _with_uses(Launch(request, {}, unused, unused))
    assert found.used_again == ({scheduled.key} if again else set())
    assert found.shares_gpus is again


@pytest.mark.parametrize(("judged", "again"), [(False, True), (True, False)])
def test_a_finished_model_uses_its_share_again_to_draw_samples(
    tmp_path, monkeypatch, judged, again
):
    scheduled = Scheduled(DiffusionTrial("digits"), 4, 2)
    planned = Planned(scheduled, "done", 0.0, 0.5)
    fields: Any = {"store": Store(tmp_path), "trials": {scheduled.key: planned}, "pool_k": 2}
    unused: Any = None
    request = Request(**(dict.fromkeys(Request.__dataclass_fields__) | fields | EMPTY))
    monkeypatch.setattr(pools, "_is_missing", lambda *a: False)
    monkeypatch.setattr(pools, "_is_judged", lambda *a: judged)
    launch = Launch(request, {data_of(scheduled.trial): load("digits")}, unused, unused)
    assert _with_uses(launch).used_again == ({scheduled.key} if again else set())


def test_models_are_kept_for_metrics_and_for_samples(trial):
    (model,) = schedule([DiffusionTrial("digits")], 300, 50, None, ("amortization",), 100)
    assert model.kept_epochs == (300,)  # another study may train it further
    assert model.metrics == ()
    assert schedule([trial], 4, 2, None, ("amortization",), 2)[0].kept_epochs == (2, 4)
    assert schedule([trial], 4, 2, None)[0].kept_epochs == ()


def test_a_bernoulli_needs_levels_0_and_1():
    bernoulli = VaeTrial("own.npz", likelihood="bernoulli")
    bernoulli.check_levels(2)
    VaeTrial("own.npz").check_levels(256)
    with pytest.raises(UsageError, match="own.npz has 256. Save it with levels 0 to 1"):
        bernoulli.check_levels(256)


@pytest.mark.parametrize(("smallest", "fits"), [(1e6, True), (1e3, False)])
def test_a_pool_must_fit_each_nodes_object_store(tmp_path, monkeypatch, smallest, fits):
    nodes = [
        {"Alive": alive, "Resources": {"object_store_memory": size}}
        for alive, size in ((True, 1e9), (True, smallest), (False, 1.0))
    ]
    monkeypatch.setattr(object_store, "ray", SimpleNamespace(nodes=lambda: nodes, put=lambda x: x))
    build(tmp_path / "pools" / "p", 2)
    pool = Pool.load(tmp_path / "pools" / "p", tmp_path / "pools")
    shared = object_store.put_pools({"p": pool}, {"p": 2}, 0)["p"]
    assert bool(shared.refs) == fits
