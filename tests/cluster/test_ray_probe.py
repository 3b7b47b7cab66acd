"""The doctor's check of Ray: it starts and joins Ray as a study does."""

import json
import os
import subprocess
import sys

import pytest

from scaling.cli.doctor import BROKEN, WORKS


@pytest.mark.cluster
def test_the_check_starts_ray_as_a_study_does(ray_folder, tmp_path):
    token = tmp_path / "auth_token"
    token.write_text("0" * 64)
    token.chmod(0o644)
    environment = {**os.environ, "RAY_TMPDIR": ray_folder, "RAY_AUTH_TOKEN_PATH": str(token)}
    command = [sys.executable, "-m", "scaling.cli.checks", "ray"]
    words = [*command, "local", "1"]
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("[")]
    name, state, found, _ = json.loads(line)
    assert (name, state) == ("ray", WORKS), found
    assert "local: 1 node(s), 1 CPUs" in found
    assert token.stat().st_mode & 0o777 == 0o600
    done = subprocess.run([*command, "127.0.0.1:1"], capture_output=True, text=True)
    name, state, found, _ = json.loads(done.stdout)
    assert (name, state) == ("ray", BROKEN)
    assert "Nothing listens at --address 127.0.0.1:1" in found
