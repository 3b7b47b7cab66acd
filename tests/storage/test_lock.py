"""One launch at a time; dead holders count for nothing."""

import json
import os
import subprocess
import sys
import time

import pytest

from scaling.errors import UsageError
from scaling.storage.lock import locked


def test_the_second_launch_says_so_and_stops(tmp_path):
    script = "import sys; from scaling.storage.lock import locked; from pathlib import Path\n"
    script += "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(UsageError, match=f"process {holder.pid}"), locked(tmp_path):
        pass
    holder.kill()
    holder.communicate()
    with locked(tmp_path) as path:
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not (tmp_path / "launch.lock").exists()


@pytest.mark.parametrize("content", ['{"host": "%h", "pid": 1, "started": "0"}', ""])
def test_a_dead_or_torn_lock_counts_for_nothing(tmp_path, content):
    import socket

    path = tmp_path / "launch.lock"
    path.write_text(content.replace("%h", socket.gethostname()))
    os.utime(path, (time.time() - 60,) * 2)
    with locked(tmp_path) as taken:
        assert json.loads(taken.read_text())["pid"] == os.getpid()


def test_a_lock_of_another_host_goes_by_its_age(tmp_path):
    path = tmp_path / "launch.lock"
    path.write_text('{"host": "elsewhere", "pid": 1, "started": "0"}')
    with pytest.raises(UsageError, match="elsewhere"), locked(tmp_path):
        pass
    os.utime(path, (time.time() - 3600,) * 2)
    with locked(tmp_path):
        pass
