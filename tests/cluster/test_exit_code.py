"""The exit code that supervised work leaves for its supervisor, once."""

import os

import pytest

from scaling.cluster import exit_code


@pytest.fixture
def pipe(monkeypatch):
    monkeypatch.setattr(exit_code._Pipe, "writer", None)
    monkeypatch.setattr(exit_code._Pipe, "written", False)
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_the_first_code_that_is_left_counts(pipe):
    reader, writer = pipe
    exit_code.leave_in(writer)
    assert exit_code.is_supervised()
    exit_code.leave(4)
    exit_code.leave(0)
    assert os.read(reader, 16) == b"4"


def test_without_a_supervisor_no_code_is_left(pipe):
    reader, _ = pipe
    exit_code.leave(4)
    assert not exit_code.is_supervised()
    with pytest.raises(BlockingIOError):
        os.read(reader, 16)


def test_a_supervisor_that_is_gone_causes_no_error(monkeypatch):
    monkeypatch.setattr(exit_code._Pipe, "written", False)
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr(exit_code._Pipe, "writer", writer)
    exit_code.leave(4)
    assert exit_code._Pipe.written  # the broken pipe has raised nothing
    os.close(writer)


def test_ending_the_process_leaves_its_code(pipe, monkeypatch):
    reader, writer = pipe
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    exit_code.leave_in(writer)
    exit_code.end(3)
    assert ended == [3] and os.read(reader, 16) == b"3"
