"""Hosts that differ from the driver's in the results and data that they see, in code or token."""

import shutil
from typing import Any

import numpy as np
import pytest

from scaling.data.datasets import load
from tests.cluster.conftest import ROOT, TINY
from tests.hosts.conftest import assert_as_undisturbed
from tests.hosts.network import TMP

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(6000)]
AUTO = [*TINY, "--address", "auto"]


def test_rows_arrive_in_results_that_only_one_host_sees(study, cluster, tmp_path):
    """The driver is on a worker's host, the only one that sees the results."""
    first, second = cluster(2, seeing={2})
    first.run("mkdir", "-p", study.results / "trials")
    first.run("touch", study.results / ".shared")
    study.driver = second
    run = study.run(*AUTO, "--epochs", 6)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{study.results} is not shared: node {first.address} " in run.stdout
    assert study.trained_on(first)
    assert_as_undisturbed(study, 6, tmp_path)
    assert first.run("find", study.results / "trials", "-mindepth", "1") == ""


def test_rows_arrive_from_a_host_that_may_not_write_the_results(study, cluster, tmp_path):
    first, second = cluster(2, cpus={1: 0})
    second.run("mount", "-o", "remount,bind,ro", study.results)
    run = study.run(*AUTO, "--epochs", 6)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{study.results} is not shared: node {second.address} " in run.stdout
    assert "may not write there" in run.stdout
    assert len(study.trained_on(second)) == 4
    assert_as_undisturbed(study, 6, tmp_path)


def test_a_data_file_that_only_the_driver_has_is_sent(study, cluster, tmp_path):
    first, second = cluster(2, cpus={1: 0})
    draw = np.random.default_rng(0)
    pictures: dict[str, Any] = {
        name: draw.integers(0, 17, (60, 8, 8), np.uint8) for name in ("train_images", "test_images")
    }
    place = TMP / "own.npz"
    np.savez(first.path(place), **pictures)
    run = study.run("--dataset", place, *AUTO, "--epochs", 4)
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(study.trained_on(second)) == 4
    assert not second.path(place).exists()
    np.savez(tmp_path / "own.npz", **pictures)
    assert_as_undisturbed(study, 4, tmp_path, data=load(str(tmp_path / "own.npz")))


@pytest.fixture
def older(world):
    """Copies the code with an older version of one module."""
    copy = world / "older"
    for name in ("scaling", "analysis", "studies"):
        shutil.copytree(ROOT / name, copy / name)
    with (copy / "scaling" / "data" / "mollify.py").open("a") as module:
        module.write("\nOLDER = True\n")
    return copy


def test_an_older_copy_of_the_code_is_refused(study, cluster, older):
    _, second = cluster(2, versions={2: {ROOT: older}})
    run = study.run(*AUTO, "--epochs", 4)
    assert run.returncode == 2, run.stdout + run.stderr
    assert f"The node {second.address} " in run.stderr
    assert "differs from this host: the code of scaling-vae" in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert not study.ledger()


def test_a_wrong_token_is_refused(study, hosts):
    first, second = hosts(2)
    study.after("scaling.cluster.connect", "CONNECT_SECONDS = 60\n")
    address = first.head(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="a" * 64)
    study.driver, study.more = second, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "b" * 64}
    run = study.run(*TINY, "--address", address)
    assert run.returncode == 2, run.stdout + run.stderr
    assert f"The Ray cluster at --address {address} does not let this process in" in run.stderr
    assert "RAY_AUTH_TOKEN_PATH" in run.stderr and "Traceback" not in run.stderr
    assert not study.ledger()
    study.driver, study.more["RAY_AUTH_TOKEN"] = first, "a" * 64
    run = study.run(*TINY, "--address", address)
    assert run.returncode == 0, run.stdout + run.stderr
