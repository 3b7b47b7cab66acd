"""Placement of a launch: planned shares of GPUs, never more than there are, no silent CPUs."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from scaling.cluster import placing
from scaling.cluster.placing import fitted, placement_of
from scaling.cluster.request import Request
from scaling.errors import UsageError
from scaling.planning.costs import GPU
from scaling.planning.fit import gpu_share, micro_batch, refitted
from scaling.presets import PAPER_EDM
from scaling.trial.placement import Cluster
from scaling.trial.schedule import Planned, Scheduled


@pytest.mark.parametrize(("fixed", "refused"), [(False, True), (True, False)])
def test_cpus_never_silently_replace_planned_gpus(trial, fixed, refused):
    """Without GPUs a planned share is refused, and a typed share of 0 is not."""
    planned = Planned(Scheduled(trial, 4, 2), "new", 1.0, 0.0 if fixed else 0.25)
    request: Any = SimpleNamespace(
        trials={"a": planned},
        gpus_fixed=fixed,
        cpus=1.0,
        address="local",
        mps="off",
        shares_gpus=False,
    )
    cluster = Cluster.of_nodes(((4.0, 0.0),))
    with pytest.raises(UsageError, match="planned for a GPU") if refused else nullcontext():
        assert placement_of(request, cluster).gpus == {"a": 0.0}


def request_of(trial, *gpus, **fields) -> Any:
    trials = {str(n): Planned(Scheduled(trial, 4, 2), "new", 1.0, g) for n, g in enumerate(gpus)}
    made = {"gpus_fixed": False, "cpus": 1.0, "address": "local", "mps": "auto"}
    shares = any(0 < share < 1 for share in gpus)
    return SimpleNamespace(trials=trials, shares_gpus=shares, **(made | fields))


def test_each_trial_has_its_own_share(trial, capsys):
    placement = placement_of(request_of(trial, 0.25, 1.0), Cluster.of_nodes(((4.0, 1.0),)))
    assert (placement.cpus, placement.gpus) == (1.0, {"0": 0.25, "1": 1.0})
    assert capsys.readouterr().out == "Ray: 1 node(s), 4 CPUs, 1 GPUs\n"


def test_gpus_that_stay_idle_are_mentioned(trial, capsys):
    placement_of(request_of(trial, 0.0), Cluster.of_nodes(((4.0, 2.0),)))
    assert "no trial here uses them: --preset cifar10" in capsys.readouterr().out


def test_more_than_a_node_has_is_refused_before_anything_is_printed(trial, capsys):
    with pytest.raises(UsageError, match="A trial needs 2 GPU"):
        placement_of(request_of(trial, 2.0), Cluster.of_nodes(((4.0, 1.0), (4.0, 1.0))))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("address", "mps", "share", "named"), [
    ("auto", "auto", 0.5, True), ("auto", "off", 0.5, False), ("auto", "auto", 1.0, False),
    ("local", "auto", 0.5, False),
])  # fmt: skip
def test_nodes_without_mps_are_named_if_gpus_are_shared(
    trial, capsys, monkeypatch, address, mps, share, named
):
    monkeypatch.setattr(placing, "without_mps", lambda: ["10.0.0.7 abcdef"])
    request = request_of(trial, share, address=address, mps=mps)
    placement_of(request, Cluster.of_nodes(((4.0, 1.0),)))
    assert ("10.0.0.7 abcdef" in capsys.readouterr().out) is named


SMALL, LARGE = ("RTX 2080 Ti", 11 * 10**9), ("H200", 143 * 10**9)


def launched(trial, **fields) -> Any:
    """Makes a request for one trial that was planned for a whole GPU."""
    trials = {"a": Planned(Scheduled(trial, 4, 2), "new", 1.0, 1.0)}
    made = dict.fromkeys(Request.__dataclass_fields__) | {"trials": trials, "address": "auto"}
    return Request(**(made | {"gpus_fixed": False, "refit": refitted} | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("there", [{"n": LARGE}, {"n": SMALL}, {"n": LARGE, "m": SMALL}])
def test_shares_and_micro_batches_fit_the_smallest_gpu_of_the_nodes(monkeypatch, capsys, there):
    monkeypatch.setattr(placing, "gpus_of_nodes", lambda: there)
    machine = replace(GPU, bytes=min(size for _, size in there.values()))
    found = fitted(launched(PAPER_EDM)).trials["a"]
    assert found.micro_batch == micro_batch(PAPER_EDM, machine)
    assert found.gpus == gpu_share(PAPER_EDM, machine, (), found.micro_batch)
    assert (found.micro_batch is None) is (SMALL not in there.values())
    printed = capsys.readouterr().out
    assert printed == (
        "GPUs of the nodes: H200 (143 GB), RTX 2080 Ti (11 GB); trials are planned for the "
        "smallest\n" if len(there) > 1 else ""
    )  # fmt: skip


def test_a_micro_batch_that_was_given_never_grows(monkeypatch):
    monkeypatch.setattr(placing, "gpus_of_nodes", lambda: {"n": LARGE})
    trials = {"a": Planned(Scheduled(PAPER_EDM, 4, 2), "new", 1.0, 1.0, micro_batch=8)}
    assert fitted(launched(PAPER_EDM, trials=trials)).trials["a"].micro_batch == 8


@pytest.mark.parametrize("fields", [{"gpus_fixed": True}, {"address": "local"}])
def test_fixed_shares_and_a_local_ray_are_not_changed(trial, monkeypatch, fields):
    monkeypatch.setattr(placing, "gpus_of_nodes", lambda: {"n": LARGE})
    request = launched(trial, **fields)
    assert fitted(request) is request


def test_without_known_gpus_the_plan_is_not_changed(trial, monkeypatch):
    monkeypatch.setattr(placing, "gpus_of_nodes", lambda: {"n": ("", 0)})
    request = launched(trial)
    assert fitted(request) is request
