"""Files that are written whole or not at all, and JSON that is read or ignored."""

import json
import os
import subprocess
import sys
import time

import pytest

from scaling.storage.files import (
    STALE_SECONDS,
    atomic,
    naming,
    read_json,
    remove_abandoned,
    write_json,
)


def test_atomic_leaves_the_old_file_when_the_write_fails(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as stream:
        stream.write(b"new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_after_an_hour(tmp_path):
    killed = "import os, sys; from pathlib import Path; from scaling.storage.files import atomic\n"
    killed += "with atomic(Path(sys.argv[1])) as stream: os._exit(9)"
    for name in ("part-00000.npy", ".checkpoint.new.pt"):
        subprocess.run([sys.executable, "-c", killed, str(tmp_path / name)])
    left = set(tmp_path.iterdir())
    kept = {tmp_path / name for name in (".metrics-hung", ".rows.jsonl.coming", "rows.jsonl")}
    for file in kept:
        file.write_text("")
        os.utime(file, (0, 0))
    remove_abandoned(tmp_path)
    assert set(tmp_path.iterdir()) == left | kept and len(left) == 2
    for file in left:
        os.utime(file, (time.time() - 2 * STALE_SECONDS,) * 2)
    remove_abandoned(tmp_path)
    assert set(tmp_path.iterdir()) == kept


def test_json_that_cannot_be_read_is_none(tmp_path):
    assert read_json(tmp_path / "missing") is None
    (tmp_path / "list").write_text("[1]")
    assert read_json(tmp_path / "list") is None


def test_json_comes_back_and_the_file_is_readable_by_others(tmp_path):
    values = {"epoch": 3, "name": "ü", "list": [1, None, {"a": 0.1}]}
    write_json(tmp_path / "a.json", values)
    assert read_json(tmp_path / "a.json") == values == json.loads((tmp_path / "a.json").read_text())
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_values_that_json_lacks_leave_the_old_file(tmp_path, value):
    write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises((ValueError, TypeError)):
        write_json(tmp_path / "a.json", {"new": value})
    assert read_json(tmp_path / "a.json") == {"old": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"null", b"3", b"{'a': 1}"])
def test_damaged_json_is_ignored(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    assert read_json(tmp_path / "a.json") is None


def test_no_reader_sees_half_of_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with atomic(path) as stream:
        stream.write(b"half")
        stream.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"half"


def test_a_folder_that_is_gone_is_not_made_again(tmp_path):
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "gone" / "file") as stream:
        stream.write(b"new")
    assert not (tmp_path / "gone").exists()


def test_an_error_without_a_file_name_gets_that_of_the_file(tmp_path):
    with pytest.raises(OSError) as caught, naming(tmp_path / "mine"):
        raise OSError(28, "No space left on device")
    assert caught.value.filename == str(tmp_path / "mine")
    with pytest.raises(OSError) as caught, naming(tmp_path / "mine"):
        raise OSError(28, "No space left on device", "theirs")
    assert caught.value.filename == "theirs"
