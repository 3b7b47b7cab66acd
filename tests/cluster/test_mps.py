"""MPS around a launch, with a stand-in for NVIDIA's program: found, started, refused, crashed."""

import os
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
  esac
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
    """The stand-in on the PATH, and a quiet place where nothing listens by default."""
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
    """What a launch would see: the lines, and the pipe folder of its workers."""
    lines: list[str] = []
    with mps.shared_gpus(mode, shares, folder / "logs", lines.append):
        pipes = os.environ.get(mps.PIPES)
        up = mps.running()
    return lines, pipes, up


def test_it_is_started_for_the_launch_and_stopped_after_it(fake):
    lines, pipes, up = launched("auto", fake)
    assert up
    assert lines == []
    assert pipes is not None
    assert not Path(pipes).exists()
    assert "-d" in calls(fake)
    assert "quit" in calls(fake)
    assert not (fake / "up").exists()
    assert mps.PIPES not in os.environ


def test_its_pipes_are_of_this_user_only(fake):
    with mps.shared_gpus("auto", True, fake / "logs", print):
        mode = Path(os.environ[mps.PIPES]).stat().st_mode
    assert stat.S_IMODE(mode) == 0o700


def test_it_is_stopped_too_where_the_launch_fails(fake):
    with pytest.raises(ZeroDivisionError), mps.shared_gpus("auto", True, fake / "logs", print):
        raise ZeroDivisionError
    assert not (fake / "up").exists()
    assert mps.PIPES not in os.environ


def test_one_that_runs_already_is_used_and_left_alone(fake, monkeypatch):
    (fake / "up").touch()
    (fake / "default" / "control").touch()
    lines, pipes, up = launched("auto", fake)
    assert up
    assert pipes is None
    assert "daemon that already runs here" in lines[0]
    assert "quit" not in calls(fake)
    assert (fake / "up").exists()


def test_a_stale_pipe_of_a_dead_daemon_is_no_daemon(fake):
    (fake / "default" / "control").touch()
    assert not mps.running()
    _, pipes, up = launched("auto", fake)
    assert up
    assert pipes is not None


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [("refuses", "already running"), ("deaf", "does not answer")],
)
def test_refused_is_one_line_with_what_it_costs(fake, monkeypatch, behaviour, words):
    monkeypatch.setenv("FAKE_MODE", behaviour)
    lines, pipes, up = launched("auto", fake)
    assert (len(lines), pipes, up) == (1, None, False)
    assert words in lines[0]
    assert "take turns" in lines[0]
    with pytest.raises(UsageError, match=f"--mps on: .*{words}"):
        launched("on", fake)


def test_not_installed_is_one_line(fake, monkeypatch):
    monkeypatch.setenv("PATH", str(fake / "nowhere"))
    monkeypatch.setattr(mps, "ELSEWHERE", ())
    lines, _, _ = launched("auto", fake)
    assert "is not installed here" in lines[0]


def test_a_crash_is_told_and_costs_no_launch(fake):
    lines: list[str] = []
    with mps.shared_gpus("auto", True, fake / "logs", lines.append):
        (fake / "up").unlink()
    assert "ended during the launch" in lines[0]
    assert mps.PIPES not in os.environ


@pytest.mark.parametrize(("mode", "shares"), [("off", True), ("auto", False), ("on", False)])
def test_nothing_is_run_where_nothing_is_shared_or_wanted(fake, mode, shares):
    lines, pipes, _ = launched(mode, fake, shares)
    assert (lines, pipes) == ([], None)
    assert "-d" not in calls(fake)
