"""Addresses at which nobody listens, a head that goes away, and the token; without Ray."""

import os
import socket
from types import SimpleNamespace

import pytest
from ray._private import ray_constants

from scaling.cluster import connect
from scaling.cluster.connect import HEAD_GONE, HEAD_SECONDS, _probe, _watch_head
from scaling.errors import UsageError
from scaling.trial.placement import Cluster


@pytest.fixture
def listening():
    """Opens a port that accepts connections."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        yield server.getsockname()[1]


@pytest.fixture
def closed():
    """Finds a port at which nobody listens."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def test_an_address_where_nobody_listens_is_refused(listening, closed):
    _probe(f"127.0.0.1:{listening}")
    nothing = f"Nothing listens at --address 127.0.0.1:{closed}.*--head"
    with pytest.raises(UsageError, match=nothing):
        _probe(f"127.0.0.1:{closed}")


@pytest.mark.parametrize("address", [
    "", "host", ":6379", "host:", "host:port", "ray://host:10001", "http://host:80", "host:63 79",
])  # fmt: skip
def test_a_word_that_is_no_address_is_refused_naming_the_form(address):
    with pytest.raises(UsageError, match="local, auto or HOST:PORT is expected"):
        _probe(address)


@pytest.mark.parametrize("address", ["127.0.0.1:99999", "127.0.0.1:-1", "127.0.0.1:0"])
def test_an_impossible_port_is_refused(address):
    with pytest.raises(UsageError, match="Nothing listens|is expected"):
        _probe(address)


def joining(monkeypatch, error, address="10.1.2.3:6379"):
    """Joins a cluster with a Ray that raises this error."""
    monkeypatch.setenv("RAY_ADDRESS", "")
    monkeypatch.setattr(connect, "_probe", lambda address: None)

    def init(found, **options):
        assert found == "auto"
        raise error

    monkeypatch.setattr(connect, "_init", init)
    connect._join(address)


def test_no_cluster_and_a_cluster_that_refuses_get_different_sentences(monkeypatch):
    with pytest.raises(UsageError, match="No Ray cluster is running.*ray start --head"):
        joining(monkeypatch, ConnectionError("nobody"), "auto")
    message = (
        "at --address 10.1.2.3:6379 does not let this process in: version.*RAY_AUTH_TOKEN_PATH"
    )
    with pytest.raises(UsageError, match=message):
        joining(monkeypatch, RuntimeError("version mismatch\nand a long trace"))
    with pytest.raises(UsageError, match="at --address .* in: Failed.*RAY_AUTH_TOKEN_PATH"):
        joining(monkeypatch, ConnectionError("Failed to connect"))  # Ray's answer to a wrong token
    assert os.environ["RAY_ADDRESS"] == "10.1.2.3:6379"


def test_the_address_in_the_environment_is_checked_before_ray_waits_for_it(monkeypatch, closed):
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{closed}")
    with pytest.raises(UsageError, match=f"127.0.0.1:{closed}"):
        connect._join("auto")


class Ended(Exception):
    pass


@pytest.fixture
def watched(monkeypatch):
    """Makes a head that exists while `alive` returns True, and a clock that only sleeping moves."""
    made = SimpleNamespace(now=0.0, alive=lambda: True, head="h:1", codes=[])

    def sleep(seconds):
        made.now += seconds

    def probe(address):
        if not made.alive():
            raise UsageError("gone")

    def leave(code):
        made.codes.append(code)
        raise Ended

    monkeypatch.setattr(connect, "time", SimpleNamespace(monotonic=lambda: made.now, sleep=sleep))
    monkeypatch.setattr(connect, "_probe", probe)
    monkeypatch.setattr(connect, "_head", lambda: made.head)
    monkeypatch.setattr(os, "_exit", leave)
    return made


def test_a_head_that_is_gone_ends_the_process_with_the_command_to_continue(watched, capsys):
    watched.alive = lambda: watched.now < 100
    with pytest.raises(Ended):
        _watch_head("h:1")
    assert watched.codes == [HEAD_GONE]
    assert 100 + HEAD_SECONDS <= watched.now + connect.PROBE_SECONDS <= 110 + HEAD_SECONDS
    assert "the head of the Ray cluster at h:1 is gone" in capsys.readouterr().err
    with pytest.raises(Ended):
        _watch_head("h:1", local=True)
    output = capsys.readouterr().err
    assert "this launch's own Ray is gone" in output and "start" not in output


def test_a_head_that_comes_back_is_forgiven(watched):
    """The head is gone for 30 seconds again and again; then the process leaves by itself."""
    watched.alive = lambda: watched.now % 60 < 30
    original = connect._head

    def head():
        return original() if watched.now < 900 else None

    connect._head = head
    try:
        _watch_head("h:1")
    finally:
        connect._head = original
    assert watched.codes == [] and watched.now >= 900


def test_nodes_that_are_alive_are_counted(monkeypatch):
    nodes = [
        {"Alive": True, "Resources": {"CPU": 4.0, "memory": 1.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
        {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 2.0}},
    ]
    monkeypatch.setattr(connect, "ray", SimpleNamespace(nodes=lambda: nodes))
    assert connect.resources() == Cluster.of_nodes(((4.0, 0.0), (8.0, 2.0)))


def test_a_local_ray_joins_no_cluster_and_restores_the_setting(monkeypatch):
    before = ray_constants.ENABLE_RAY_CLUSTER
    seen = []

    def init(address, **options):
        seen.append((address, ray_constants.ENABLE_RAY_CLUSTER, options))
        raise RuntimeError("no room")

    monkeypatch.setattr(connect, "_init", init)
    with pytest.raises(UsageError, match="Ray cannot start here: .*scaling-vae doctor"):
        connect._start(2)
    ((address, cluster, options),) = seen
    assert (address, cluster, options["include_dashboard"]) == ("local", False, False)
    assert options["num_cpus"] == 2
    assert ray_constants.ENABLE_RAY_CLUSTER is before


@pytest.mark.parametrize(("given", "mode", "read"), [
    (None, "token", [""]), ("disabled", "disabled", []), ("token", "token", []),
])  # fmt: skip
def test_a_local_ray_demands_its_token_unless_the_environment_decides(
    monkeypatch, given, mode, read
):
    """Whether a stranger is then refused is tested with Ray (`../test_security.py`)."""
    monkeypatch.setenv("RAY_AUTH_MODE", given or "")
    if given is None:
        monkeypatch.delenv("RAY_AUTH_MODE")
    again: list[str] = []
    started: list[str] = []
    monkeypatch.setattr(connect, "Config", SimpleNamespace(initialize=again.append))
    monkeypatch.setattr(
        connect, "_init", lambda *words, **options: started.append(os.environ["RAY_AUTH_MODE"])
    )
    connect._start(1)
    assert (started, again) == ([mode], read)
