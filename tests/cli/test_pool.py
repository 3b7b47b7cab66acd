"""`python -m scaling pool` answers wrong words with one sentence, exit code 2, no traceback."""

import subprocess
import sys

import pytest


def scaling(*words, results):
    command = [sys.executable, "-m", "scaling", *map(str, words), "--results", str(results)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(("words", "message"), [
    (["pool", "info", "nobodys"], ["nobodys", "pool build"]),
    (["pool", "grow", "nobodys", "--k", "3"], ["nobodys"]),
    (["pool", "verify", "nobodys"], ["nobodys"]),
    (["pool", "build", "digits-edm-none"], ["digits-edm-none"]),
    (["pool", "grow", "nobodys", "--k", "many"], ["--k"]),
    (["pool", "import", "missing.npy", "--name", "mine"], ["missing.npy"]),
])  # fmt: skip
def test_wrong_words_are_refused_in_a_sentence(tmp_path, words, message):
    done = scaling(*words, results=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("Error: ")
    for word in message:
        assert word in done.stderr
