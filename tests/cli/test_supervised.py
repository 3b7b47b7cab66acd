"""Ends of a supervised command: by itself, by a signal, or by native code."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAD = "import os, signal, sys, time\nfrom scaling.cli.process import ended\n"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs prctl")


def _as_in_a_terminal():
    """Restores signals that nohup or a shell's background ignores in the tests' process."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def start(body, **more):
    """Starts a process whose work is this body of a function."""
    more.setdefault("preexec_fn", _as_in_a_terminal)
    script = HEAD + "def work():\n" + "".join(f"    {line}\n" for line in body.splitlines())
    return subprocess.Popen(
        [sys.executable, "-c", script + "ended(work)\n"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **more,
    )


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("return 4", 4, ""),
        ("sys.exit(3)", 3, ""),
        ("from scaling.errors import UsageError\nraise UsageError('No. Do.')", 2, "Error: No. Do."),
        ("raise ZeroDivisionError", 1, "ZeroDivisionError"),  # a bug: its traceback is shown
        ("os._exit(1)", 3, "ended with 1"),  # as native code does it
        ("os.kill(os.getpid(), signal.SIGKILL)", 3, "was ended by SIGKILL"),
        # the work has printed the reason
        ("from scaling.cluster import exit_code\nexit_code.end(2)", 2, ""),
        ("os.abort()", 3, "was ended by SIGABRT"),
        ("ended(lambda: 2)", 2, ""),  # one supervised command inside another
    ],
)
def test_each_end_has_its_code_and_sentence(body, code, message):
    process = start(body)
    _, err = process.communicate()
    assert process.returncode == code
    assert message in err if message else not err
    if code == 3 and message:
        assert "Type the same command again: " in err


READY = "print('ready', flush=True)\n"
# Many short waits: a signal between `print` and one long wait would be answered after that.
SLEEP = READY + "while True:\n    time.sleep(0.05)"
SLOW_END = READY + "try:\n    while True:\n        time.sleep(0.05)\n"
SLOW_END += "finally:\n    time.sleep(2)\n    print('closed')"
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_DFL)\n" + SLEEP  # as Ray leaves it behind


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("body", [SLEEP, DEAF])
def test_a_signal_stops_with_a_sentence(number, body):
    process = start(body)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 128 + number
    assert "Continue with: " in err and "Traceback" not in err


def test_signals_that_follow_do_not_disturb_the_end():
    process = start(SLOW_END)
    assert process.stdout.readline() == "ready\n"
    for _ in range(3):
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
    out, err = process.communicate()
    assert process.returncode == 143
    assert out == "closed\n"
    assert err.count("Stopped") == 1


def test_what_nohup_ignores_stays_ignored():
    body = READY + "time.sleep(1)\nreturn 0"
    process = start(body, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGHUP)
    process.communicate()
    assert process.returncode == 0


def _is_running(pid):
    """Returns whether a process is neither gone nor a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_work_ends_if_its_supervisor_is_killed():
    process = start("print(os.getpid(), flush=True)\ntime.sleep(600)")
    work = int(process.stdout.readline())
    assert work != process.pid
    process.kill()
    process.communicate()
    while _is_running(work):  # its signal is on the way
        time.sleep(0.05)


def test_an_error_of_ray_is_reported_in_a_sentence(tmp_path):
    body = "from scaling.cli.process import at_work\nfrom pathlib import Path\n"
    body += "class Gone(Exception): pass\nGone.__module__ = 'ray.exceptions'\n"
    body += f"with at_work(Path({str(tmp_path)!r})):\n    raise Gone('the raylet\\ndied')"
    process = start(body)
    _, err = process.communicate()
    assert process.returncode == 3
    assert "Ray has failed: the raylet died. Nothing finished is lost" in err
    assert "Traceback" not in err
    assert not (tmp_path / "launch.lock").exists()


TWICE = """
import os, sys
{before}
from scaling.cli.supervised import supervised
def work():
    print("worked in", "this" if os.getpid() == here else "another")
    sys.exit(3)
here = os.getpid()
try:
    supervised(work, lambda: "again")
except SystemExit as stop:
    print("the caller went on with", stop.code)
"""


def test_the_working_process_never_runs_the_callers_code():
    script = TWICE.format(before="")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert sorted(done.stdout.splitlines()) == ["the caller went on with 3", "worked in another"]


@pytest.mark.parametrize("before", [
    "import types; sys.modules['ray'] = types.ModuleType('ray')",
    "import types; sys.modules['torch'] = types.ModuleType('torch')",
    "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()",
])  # fmt: skip
def test_a_process_that_cannot_be_forked_safely_works_itself(before):
    script = TWICE.format(before=before)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["worked in this", "the caller went on with 3"]
