"""One launch at a time: locks of dead processes are ignored, those of living ones respected."""

import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from scaling.errors import Unfinished, UsageError
from scaling.storage import lock as module
from scaling.storage.lock import Lock, locked
from tests.narrow import not_none

HOLD = "import sys; from scaling.storage.lock import locked; from pathlib import Path\n"
HOLD += "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def quick(monkeypatch):
    """Makes a lock beat and wait for a fiftieth of the usual times."""
    for name in ("BEAT_SECONDS", "WATCH_SECONDS", "TORN_SECONDS", "POLL_SECONDS"):
        monkeypatch.setattr(module, name, getattr(module, name) / 50)


def elsewhere(path, **changes):
    """Writes the lock of a process in another container or on another host."""
    made = Lock(path)
    holder: Any = made.holder
    holder |= {"host": "elsewhere", "pid": os.getpid(), **changes}
    path.write_bytes(made.content())
    return made


def test_a_second_launch_is_refused_until_the_first_ends(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert not_none(holder.stdout).readline() == "held\n"
    with pytest.raises(UsageError, match=f"process {holder.pid}"), locked(tmp_path):
        pass
    assert (tmp_path / "launch.lock").exists()
    holder.kill()
    holder.communicate()
    with locked(tmp_path) as lock:  # at once, without watching
        assert json.loads(lock.path.read_text())["pid"] == os.getpid()
    assert not (tmp_path / "launch.lock").exists()


def test_the_lock_of_a_killed_process_that_nobody_waits_for_is_free(tmp_path):
    """Until its parent waits, a dead process stays listed, with its start time."""
    words = [sys.executable, "-c", HOLD, str(tmp_path)]
    holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert not_none(holder.stdout).readline() == "held\n"
    os.kill(holder.pid, signal.SIGKILL)
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # dead, and not waited for
    with locked(tmp_path) as lock:
        assert lock.holder["pid"] == os.getpid()
    holder.communicate()


@pytest.mark.parametrize("content", ['{"host": "%h", "pid": 1, "started": "0"}', "", '{"pid"'])
def test_the_lock_of_a_dead_process_or_a_torn_one_is_ignored(tmp_path, quick, content):
    """The first content is that of earlier versions."""
    import socket

    (tmp_path / "launch.lock").write_text(content.replace("%h", socket.gethostname()))
    with locked(tmp_path) as lock:
        assert json.loads(lock.path.read_text())["id"] == lock.holder["id"]


@pytest.mark.parametrize("where", [{"boot": "another"}, {"pid_namespace": "pid:[1]"}])
def test_a_holder_elsewhere_lives_while_its_counter_changes(tmp_path, quick, capsys, where):
    """Its process number may also be that of a living or a dead process here."""
    theirs = elsewhere(tmp_path / "launch.lock", **where)
    beating = threading.Thread(target=theirs.keep_beating, daemon=True)
    beating.start()
    with pytest.raises(UsageError, match="on elsewhere"), locked(tmp_path):
        pass
    assert "watching" in capsys.readouterr().err
    theirs.ended.set()
    beating.join()
    assert theirs.path.exists()  # the second's end leaves the first's lock
    with locked(tmp_path) as lock:
        assert lock.path.exists()


def test_clocks_of_other_hosts_do_not_matter(tmp_path, quick):
    """The locks of dead holders were written an hour ahead of this clock, and a year ago."""
    for age in (-3600, 365 * 24 * 3600):
        theirs = elsewhere(tmp_path / "launch.lock", boot="another")
        stamp = os.stat(theirs.path).st_mtime - age
        os.utime(theirs.path, (stamp, stamp))
        with locked(tmp_path) as lock:
            assert json.loads(lock.path.read_text())["id"] == lock.holder["id"]


def test_a_launch_that_lost_its_lock_stops_and_leaves_the_others(tmp_path, quick):
    with locked(tmp_path) as lock:
        lock.check()
        lock.ended.set()  # frozen: no more beats
        theirs = elsewhere(lock.path, boot="another")
        lock.beat()
        with pytest.raises(Unfinished, match="taken over"):
            lock.check()
    assert json.loads(theirs.path.read_text())["id"] == theirs.holder["id"]


def test_the_last_beat_does_not_write_a_released_lock_again(tmp_path, quick, monkeypatch):
    looked = threading.Event()
    is_held: Any = vars(module.Fence)["is_held"].fget

    def slow(fence):
        held = is_held(fence)
        looked.set()
        if threading.current_thread().name == "lock":
            threading.Event().wait(0.05)  # meanwhile the launch ends
        return held

    monkeypatch.setattr(module.Fence, "is_held", property(slow))
    with locked(tmp_path):
        assert looked.wait(10)
    threading.Event().wait(0.1)
    assert not (tmp_path / "launch.lock").exists()


def test_a_lock_that_was_removed_by_hand_is_written_again(tmp_path):
    with locked(tmp_path) as lock:
        lock.path.unlink()
        lock.beat()
        assert json.loads(lock.path.read_text())["beat"] == "000000000001"
        lock.check()


def test_a_lock_that_changed_after_it_was_judged_dead_stays(tmp_path):
    theirs = elsewhere(tmp_path / "launch.lock")
    judged = module._seen(theirs.path)
    theirs.beat()
    module._bury(theirs.path, judged)
    assert theirs.path.exists()
    module._bury(theirs.path, module._seen(theirs.path))
    assert not theirs.path.exists()


@pytest.mark.parametrize("inside", [(), ("rows.jsonl",)])
def test_an_empty_folder_in_place_of_vanished_results_is_removed(tmp_path, inside):
    """Ray Tune makes such a folder; the user's own empty one stays."""
    root = tmp_path / "results"
    root.mkdir()
    with locked(root):
        pass
    assert root.is_dir()
    with locked(root):
        root.rename(tmp_path / "elsewhere")
        root.mkdir()
        for name in inside:
            (root / name).touch()
    assert root.exists() == bool(inside)
    assert (tmp_path / "elsewhere" / "launch.lock").exists()
