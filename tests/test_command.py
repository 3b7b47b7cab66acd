"""`scaling-vae WORD` and `python -m scaling WORD`: every word is listed and runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from analysis import figures
from analysis.__main__ import WORDS
from analysis.command import command
from scaling import __version__
from scaling.cli import studies

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "ray", "pandas", "matplotlib", "numpy", "sklearn"}
PUBLISHED = ROOT / "analysis" / "published" / "digits" / "double_descent.parquet"


def run(*words, program=("-m", "scaling"), cwd=ROOT):
    line = [sys.executable, *program, *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, cwd=cwd)


def test_help_lists_every_word_with_a_line_each():
    done = run("--help")
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines() if line[:4] == "    "]
    listed = {line[0]: line[1] for line in lines if len(line) == 2}
    assert listed.keys() == {
        "study",
        "evaluate",
        "status",
        "replicates",
        "reproduce",
        "pool",
        "doctor",
        *figures.names(),
        *WORDS,
    }
    assert listed["fig8"].startswith("Figure 8: negative test ELBO")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["study", "--help"]])
def test_words_are_listed_without_loading_heavy_packages(words):
    script = (
        "import sys\nfrom scaling.__main__ import main\n"
        "try: main()\nexcept SystemExit as stop: assert not stop.code\n"
        f"assert not {HEAVY} & set(sys.modules), sorted({HEAVY} & set(sys.modules))"
    )
    assert run(*words, program=("-c", script)).stderr == ""


def test_the_version():
    assert run("--version").stdout == f"scaling-vae {__version__}\n"


@pytest.mark.parametrize(
    "words", [["--dry-run"], ["--help"], ["--preset", "paper", "--dry-run", "--json"]]
)
def test_a_study_is_the_file_of_its_name(words, tmp_path):
    results = () if words == ["--help"] else ("--results", tmp_path)
    ours = run("study", "double_descent", *words, *results)
    theirs = run(*words, *results, program=("studies/double_descent.py",))
    usage, of_file = ours.stdout.partition("\n\n"), theirs.stdout.partition("\n\n")
    if words == ["--help"]:
        assert usage[0].startswith("usage: scaling-vae study double_descent ")
        assert usage[2] == of_file[2]
    else:
        assert ours.stdout == theirs.stdout
    assert ours.returncode == theirs.returncode == 0, ours.stderr + theirs.stderr


def test_without_a_name_the_available_studies_are_listed():
    done = run("study")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: study needs a name. Type one of these:")
    listed = [line.split()[0] for line in done.stdout.splitlines() if line[:2] == "  "]
    assert listed == studies.names() == sorted(figures.STUDIES)


@pytest.mark.parametrize(("words", "message"), [
    (["study", "nix"], "Error: Unknown study 'nix'. Known: data_scaling, data_sources, "),
    (["study", "../tests/conftest"], "Error: Unknown study '../tests/conftest'. Known: "),
    (["fig99"], "Error: 'fig99' is not a word of scaling-vae. Did you mean 'fig9'"),
    ([], "Error: scaling-vae needs a word. Known: study, evaluate, "),
    (["evaluate"], "Error: The following arguments are required: --metric."),
    (["study", "smoothness", "--sed", "1"], "Error: Unrecognized arguments: --sed 1."),
])  # fmt: skip
def test_wrong_words_list_the_right_ones(words, message):
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message) and done.stderr.count("\n") == 1


def test_words_of_analysis_are_forwarded(tmp_path):
    words = ["--results", PUBLISHED, "-o"]
    assert run("fig8", *words, tmp_path / "ours.csv").returncode == 0
    assert run("fig8", *words, tmp_path / "theirs.csv", program=("-m", "analysis")).returncode == 0
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "theirs.csv").read_bytes()
    ours, theirs = (
        run("claims", "--results", PUBLISHED, program=program)
        for program in (("-m", "scaling"), ("-m", "analysis"))
    )
    assert ours.stdout == theirs.stdout != ""


def test_errors_of_analysis_name_the_program_that_was_typed(monkeypatch):
    words = ("report", "--results", Path("my results"))
    monkeypatch.setattr(sys, "argv", ["/bin/scaling-vae", "fig8"])
    assert command(*words) == "scaling-vae report --results 'my results'"
    monkeypatch.setattr(sys, "argv", ["/lib/analysis/__main__.py", "fig8"])
    assert command(*words) == "python -m analysis report --results 'my results'"
