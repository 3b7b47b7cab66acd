"""A study's page is the same whether this process or a second one writes it."""

import subprocess

import pytest

from analysis import page
from scaling.cli.page import written_beside
from scaling.storage.store import Store
from scaling.trial import VaeTrial, key


@pytest.fixture
def study(tmp_path):
    """Writes a study of one finished trial."""
    trial = VaeTrial("digits", n_c=2)
    folder = Store(tmp_path).folder(key(trial))
    folder.create(trial)
    folder.append_row({"epoch": 2, "test_elbo": -9.0, "seconds": 1.0})
    folder.finish(2, device="cpu")
    trials = {key(trial): {"epochs": 2}}
    Store(tmp_path).update_study("s", lambda study: study | {"study": "s", "trials": trials})
    return Store(tmp_path).study("s")


def test_both_processes_write_the_same_page(study):
    with written_beside(study) as lines:
        assert lines() == [f"page: {study / page.NAME}"]
    written = (study / page.NAME).read_text()
    assert "digits" in written and written == page.write(study).read_text()


def test_a_page_that_cannot_be_written_is_reported_in_a_line(study, tmp_path, monkeypatch):
    (study / page.NAME).mkdir()
    with written_beside(study) as lines:
        (line,) = lines()
    assert line.startswith("No page: ") and page.NAME in line
    monkeypatch.setenv("MPLBACKEND", "no backend of this name")
    with written_beside(tmp_path) as lines:
        (line,) = lines()
    assert line.startswith("No page: ")


def test_the_second_process_ends_with_the_block(study, monkeypatch):
    begun: list[subprocess.Popen[str]] = []

    class Recorded(subprocess.Popen):
        def __init__(self, *words, **options):
            super().__init__(*words, **options)
            begun.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    with pytest.raises(KeyboardInterrupt), written_beside(study):
        raise KeyboardInterrupt
    assert begun[0].returncode is not None and not (study / page.NAME).exists()
