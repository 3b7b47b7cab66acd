"""Hosts on which attempts only fail, in a made-up cluster."""

from types import SimpleNamespace

import pytest

from scaling.cluster import bad_hosts
from scaling.cluster.bad_hosts import GIVEN_BACK, BadHosts

LENGTH = 56  # number of hex digits of a node's id


class Actor:
    def __init__(self, name):
        self._actor_id = SimpleNamespace(hex=lambda: name)


class Cluster:
    """Makes hosts a, b, ... with two CPUs each, and notes which of their CPUs are occupied."""

    def __init__(self, monkeypatch, names):
        self.lines: list[str] = []
        self.occupied: list[str] = []
        hosts = [(name * LENGTH, f"at {name}", 2.0) for name in names]
        monkeypatch.setattr(bad_hosts, "living", lambda: hosts)
        monkeypatch.setattr(bad_hosts, "node_of", lambda actor: actor * LENGTH)
        monkeypatch.setattr(bad_hosts, "OCCUPANT", SimpleNamespace(options=self._options))
        self.watch, self.failures = BadHosts(self.lines.append), {}

    def _options(self, scheduling_strategy):
        place = scheduling_strategy.node_id[0]
        return SimpleNamespace(remote=lambda: self.occupied.append(place) or place)

    def attempt(self, key, host, row=False, fails=True):
        """Makes an attempt as Tune does, which counts a failure before it reports it."""
        data = self.failures.setdefault(key, SimpleNamespace(num_failures=0))
        temporary = SimpleNamespace(ray_actor=Actor(host))
        self.watch.start(key, SimpleNamespace(run_metadata=data, temporary_state=temporary))
        if row:
            self.watch.row(key)
        if fails:
            data.num_failures += 1
            self.watch.fail(key)


@pytest.fixture
def cluster(monkeypatch):
    return Cluster(monkeypatch, ["a", "b"])


def test_a_host_where_all_attempts_fail_is_set_aside_and_they_do_not_count(cluster):
    cluster.attempt("x", "b")
    assert not cluster.occupied and cluster.failures["x"].num_failures == 1
    cluster.attempt("x", "b")
    assert cluster.occupied == ["b", "b"]  # each of its CPUs
    assert cluster.failures["x"].num_failures == 0
    (line,) = cluster.lines
    assert "The host at b is set aside: 2 attempts" in line
    cluster.attempt("y", "b")  # y had started there before
    assert cluster.failures["y"].num_failures == 0
    assert len(cluster.occupied) == 2 and len(cluster.lines) == 1


def test_a_row_clears_a_host_of_earlier_failures(cluster):
    for _ in range(3):
        cluster.attempt("x", "b")
        cluster.attempt("y", "b", row=True, fails=False)
    cluster.attempt("z", "b", row=True)
    assert not cluster.occupied
    assert cluster.failures["x"].num_failures == 3
    assert cluster.failures["z"].num_failures == 1


def test_failures_on_several_hosts_count_against_the_trial(monkeypatch):
    cluster = Cluster(monkeypatch, ["a", "b", "c"])
    for host in "abc":
        cluster.attempt("x", host)
    assert not cluster.occupied
    assert cluster.failures["x"].num_failures == 3


def test_the_last_host_is_never_set_aside(cluster):
    for key in "xyz":
        cluster.attempt(key, "b")
    for key in "xyz":
        cluster.attempt(key, "a")
    assert set(cluster.occupied) == {"b"}
    assert [cluster.failures[key].num_failures for key in "xyz"] == [1, 1, 1]


def test_only_some_failures_on_a_bad_host_are_not_counted(cluster):
    for _ in range(GIVEN_BACK + 3):
        cluster.attempt("x", "b")
    assert cluster.failures["x"].num_failures == 3


def test_a_trial_that_fails_elsewhere_too_gives_its_host_back(cluster):
    for host in "bba":
        cluster.attempt("x", host)
    assert cluster.lines[-1].startswith("The host that was set aside is used again")
    assert not any(host.occupied for host in cluster.watch.hosts.values())
    assert cluster.failures["x"].num_failures == 1
    for host in "bb":
        cluster.attempt("x", host)  # a further failure sets no host aside again
    assert cluster.failures["x"].num_failures == 3
    assert not any(host.occupied for host in cluster.watch.hosts.values())


def test_a_host_where_several_trials_fail_stays_aside(cluster):
    for key, host in ("xb", "yb", "xa"):
        cluster.attempt(key, host)
    assert [host.occupied for host in cluster.watch.hosts.values()] == [["b", "b"], []]
    assert len(cluster.lines) == 1


def test_a_row_of_a_trial_that_still_runs_there_gives_the_host_back(cluster):
    cluster.attempt("z", "b", fails=False)
    for key in "xy":
        cluster.attempt(key, "b")
    assert cluster.watch.hosts["b" * LENGTH].occupied
    cluster.watch.row("z")
    assert not cluster.watch.hosts["b" * LENGTH].occupied
    assert cluster.lines[-1].endswith("a trial works there")
