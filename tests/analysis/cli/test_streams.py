"""Standard output that is closed, full, a broken pipe, or in another encoding."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = "line\\n"
SETTLED = "from analysis.cli import streams\nstreams.settle()\n"
LONG = f"{SETTLED}import os, sys\nprint({TEXT!r} * 100_000)\n"
END = "sys.stderr.write(streams.lost())\n"


def run(script, command="{python}", **more):
    line = command.format(python=f"{sys.executable} -c '{script}'")
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, cwd=ROOT, errors="replace", **more
    )


def test_a_pipe_that_goes_away_ends_no_work():
    done = run(LONG.replace("'", '"') + 'open(os.environ["MARK"], "w").close()\n' + END,
               "{python} | head -1; exit ${{PIPESTATUS[0]}}",
               env={**os.environ, "MARK": os.devnull})  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_reported():
    done = run(LONG.replace("'", '"') + END, "{python} > /dev/full")
    assert done.returncode == 0
    assert done.stderr == "The output could not be written: No space left on device"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_no_file_gets_the_number_of_a_closed_stream(tmp_path, closed):
    """Otherwise printed text would be written into that file."""
    file = tmp_path / "file"
    script = f"{SETTLED}import os\n"
    script += f'f = open("{file}", "w")\nassert f.fileno() > 2\nprint("lost")\nos.write(1, b"x")\n'
    done = run(script, "{python} " + closed)
    assert done.returncode == 0
    assert file.read_text() == ""


@pytest.mark.parametrize("mode", ["r", "a"])
def test_a_file_that_a_library_opened_before_is_no_output(tmp_path, mode):
    """libffi, which ctypes loads, keeps its own file open."""
    (tmp_path / "file").write_text("library")
    script = f'f = open("{tmp_path / "file"}", "{mode}")\nassert f.fileno() == 1\n'
    done = run(script + LONG.replace("'", '"') + END, "{python} >&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "file").read_text() == "library"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_characters_that_an_encoding_lacks_are_escaped(encoding):
    script = SETTLED
    script += 'print("a\\u0398\\udcff", end="")\n'
    done = run(script, env={**os.environ, "PYTHONIOENCODING": encoding})
    assert done.returncode == 0
    theta = "Θ" if encoding == "utf-8" else "\\u0398"
    assert done.stdout == f"a{theta}\\udcff"


@pytest.mark.parametrize("module", ["scaling", "analysis"])
def test_commands_survive_a_closed_output_and_pipe(module):
    words = "{python} -m " + module + " {word}"
    for word, end in (("--help", ">&- 2>&-"), ("--help", "| head -1; exit ${PIPESTATUS[0]}")):
        line = words.format(python=sys.executable, word=word) + f" {end}"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=ROOT)
        assert (done.returncode, done.stderr) == (0, "")
    narrow = {**os.environ, "COLUMNS": "40", "PYTHONIOENCODING": "ascii"}
    line = [sys.executable, "-m", module, "--help"]
    assert subprocess.run(line, capture_output=True, cwd=ROOT, env=narrow).returncode == 0
