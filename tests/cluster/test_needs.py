"""What Ray needs, checked before it starts, and a token that only its owner can read."""

import os
import socket
import stat

import pytest
import ray

from scaling.cluster import NOWHERE, connect, needs
from scaling.errors import UsageError


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """Sets a home folder for the test and short folders, and unsets Ray's variables."""
    for name in ("RAY_AUTH_TOKEN_PATH", "RAY_AUTH_TOKEN", "RAY_AUTH_MODE", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_by_default_nothing_is_missing():
    assert not [need for need in needs.needs() if need.advice]


def test_the_longest_allowed_folder_is_that_of_a_socket(monkeypatch, tmp_path):
    """The longest accepted folder can hold a socket; a folder longer by one byte cannot."""
    for extra in range(120):
        folder = tmp_path / ("x" * (extra + 1))
        monkeypatch.setenv("RAY_TMPDIR", str(folder))
        name = folder / needs.SOCKET.format(pid=os.getpid())
        name.parent.mkdir(parents=True)
        with socket.socket(socket.AF_UNIX) as made:
            try:
                made.bind(str(name))
                fits = True
            except OSError:
                fits = False
        assert (not needs.temporary().advice) == fits
        if not fits:
            assert "RAY_TMPDIR" in needs.temporary().advice
            return
    raise AssertionError("no folder was too long")


def test_a_home_that_is_missing_or_no_folder_is_a_need(monkeypatch, home):
    monkeypatch.setenv("HOME", NOWHERE)
    assert "no home folder" in needs.token().found and "export HOME" in needs.token().advice
    (home / "file").write_text("")
    monkeypatch.setenv("HOME", str(home / "file"))
    need = needs.token()
    assert "cannot be" in need.found and "export HOME" in need.advice
    with pytest.raises(UsageError, match="Ray cannot start here: .*HOME"):
        connect._check_needs()


def test_a_token_in_the_environment_needs_no_home(monkeypatch):
    monkeypatch.setenv("HOME", NOWHERE)
    for name, value in (("RAY_AUTH_TOKEN", "x" * 32), ("RAY_AUTH_MODE", "disabled")):
        with monkeypatch.context() as one:
            one.setenv(name, value)
            assert not needs.token().advice


def test_a_missing_token_file_that_was_named_is_not_created(monkeypatch, home):
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "none"))
    needs.make_token_private()
    assert not (home / "none").exists()
    assert needs.token().advice == "unset RAY_AUTH_TOKEN_PATH"


def test_the_token_is_private_before_ray_starts(home, monkeypatch):
    """It is private even if the start then fails."""
    token = home / ".ray" / "auth_token"

    def init(**options):
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        raise RuntimeError("no")

    monkeypatch.setattr(ray, "init", init)
    for _ in range(2):
        with pytest.raises(UsageError, match="Ray cannot start here: no"):
            connect.connect("local")
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        assert len(token.read_text()) >= 32
        token.chmod(0o644)  # as Ray itself writes it
    assert [path.name for path in token.parent.iterdir()] == ["auth_token"]


def test_a_slow_start_of_ray_is_distinguished_from_a_failed_one():
    slow = connect._cannot_start(Exception("The current node timed out during startup."))
    assert "Ray did not start in time" in slow and "RAY_gcs_server_port_wait_time_s" in slow
    assert "RAY_TMPDIR" in connect._cannot_start(OSError(28, "No space left on device"))
