"""NVIDIA's MPS during a launch, with a stand-in program that starts, refuses or crashes."""

import os
import signal
import stat
from pathlib import Path

import pytest

from scaling.cluster import mps
from scaling.errors import UsageError

# Listens as the real one does: a file `control` in the pipe folder while the daemon is up.
FAKE = """#!/bin/sh
echo "$@" >> "$FAKE_CALLS"
pipes="${CUDA_MPS_PIPE_DIRECTORY:-$FAKE_DEFAULT}"
if [ "$1" = "-d" ]; then
  case "$FAKE_MODE" in
    refuses) echo "An instance of this daemon is already running"; echo more; exit 1 ;;
    deaf) exit 0 ;;
    holds) sleep 60 & echo $! > "$FAKE_UP.pid" ;;
  esac
  echo "serves ${CUDA_VISIBLE_DEVICES-all}" >> "$FAKE_CALLS"
  touch "$pipes/control"; touch "$FAKE_UP"
  exit 0
fi
read -r word rest
echo "$word" >> "$FAKE_CALLS"
[ -e "$FAKE_UP" ] || { echo "Cannot find MPS control daemon process"; exit 1; }
[ "$word" = quit ] && rm -f "$FAKE_UP"
exit 0
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Puts the stand-in on the PATH, with a default folder in which nothing listens."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / mps.CONTROL
    program.write_text(FAKE)
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("FAKE_UP", str(tmp_path / "up"))
    monkeypatch.setenv("FAKE_DEFAULT", str(tmp_path / "default"))
    monkeypatch.delenv(mps.PIPES, raising=False)
    monkeypatch.delenv(mps.LOGS, raising=False)
    (tmp_path / "default").mkdir()
    monkeypatch.setattr(mps, "DEFAULT_PIPES", str(tmp_path / "default"))
    return tmp_path


def calls(folder: Path) -> list[str]:
    file = folder / "calls"
    return file.read_text().split("\n") if file.exists() else []


def launched(mode, folder, shares=True):
    """Returns the lines of a launch, the pipe folder of its workers, and whether MPS runs."""
    lines: list[str] = []
    with mps.shared_gpus(mode, shares, folder / "logs", lines.append):
        pipes = os.environ.get(mps.PIPES)
        up = mps.running()
    return lines, pipes, up


def test_mps_is_started_for_the_launch_and_stopped_after_it(fake):
    lines, pipes, up = launched("auto", fake)
    assert up
    assert lines == []
    assert pipes is not None
    assert not Path(pipes).exists()
    assert "-d" in calls(fake)
    assert "quit" in calls(fake)
    assert not (fake / "up").exists()
    assert mps.PIPES not in os.environ


def test_only_this_user_can_enter_the_folder_of_pipes(fake):
    with mps.shared_gpus("auto", True, fake / "logs", print):
        mode = Path(os.environ[mps.PIPES]).stat().st_mode
    assert stat.S_IMODE(mode) == 0o700


def test_mps_is_stopped_if_the_launch_fails(fake):
    with pytest.raises(ZeroDivisionError), mps.shared_gpus("auto", True, fake / "logs", print):
        raise ZeroDivisionError
    assert not (fake / "up").exists()
    assert mps.PIPES not in os.environ


def test_a_running_mps_is_used_and_not_stopped(fake, monkeypatch):
    (fake / "up").touch()
    (fake / "default" / "control").touch()
    lines, pipes, up = launched("auto", fake)
    assert up
    assert pipes is None
    assert "daemon that already runs here" in lines[0]
    assert "quit" not in calls(fake)
    assert (fake / "up").exists()


def test_the_pipe_of_a_dead_daemon_is_ignored(fake):
    (fake / "default" / "control").touch()
    assert not mps.running()
    _, pipes, up = launched("auto", fake)
    assert up
    assert pipes is not None


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [("refuses", "already running"), ("deaf", "does not answer")],
)
def test_an_mps_that_refuses_is_one_line_with_the_consequence(fake, monkeypatch, behaviour, words):
    monkeypatch.setenv("FAKE_MODE", behaviour)
    lines, pipes, up = launched("auto", fake)
    assert (len(lines), pipes, up) == (1, None, False)
    assert words in lines[0]
    assert "take turns" in lines[0]
    with pytest.raises(UsageError, match=f"--mps on: .*{words}"):
        launched("on", fake)


def test_a_daemon_that_keeps_its_output_open_is_not_waited_for(fake, monkeypatch):
    monkeypatch.setenv("FAKE_MODE", "holds")
    monkeypatch.setattr(mps, "START_SECONDS", 5)
    lines, _, up = launched("on", fake)
    os.kill(int((fake / "up.pid").read_text()), signal.SIGKILL)
    assert (lines, up) == ([], True)


@pytest.mark.parametrize(("chosen", "served"), [
    ("2,3", "all"), ("0", "all"), ("1, GPU-5", "all"), ("GPU-5,GPU-6", "GPU-5,GPU-6"),
    ("MIG-7", "MIG-7"), ("", ""),
])  # fmt: skip
def test_the_daemon_numbers_gpus_as_ray_does_whatever_gpus_are_chosen(
    fake, monkeypatch, chosen, served
):
    """A daemon with GPUs 2 and 3 alone would call them 0 and 1, and trials would find no GPU 2."""
    monkeypatch.setenv(mps.VISIBLE, chosen)
    launched("on", fake)
    assert f"serves {served}" in calls(fake)
    assert os.environ[mps.VISIBLE] == chosen


def test_a_missing_mps_is_one_line(fake, monkeypatch):
    monkeypatch.setenv("PATH", str(fake / "nowhere"))
    monkeypatch.setattr(mps, "ELSEWHERE", ())
    lines, _, _ = launched("auto", fake)
    assert "is not installed here" in lines[0]


def test_a_crash_of_mps_is_reported_and_the_launch_continues(fake):
    lines: list[str] = []
    with mps.shared_gpus("auto", True, fake / "logs", lines.append):
        (fake / "up").unlink()
    assert "ended during the launch" in lines[0]
    assert mps.PIPES not in os.environ


@pytest.mark.parametrize(("mode", "shares"), [("off", True), ("auto", False), ("on", False)])
def test_mps_is_not_started_if_no_gpu_is_shared_or_it_is_off(fake, mode, shares):
    lines, pipes, _ = launched(mode, fake, shares)
    assert (lines, pipes) == ([], None)
    assert "-d" not in calls(fake)
