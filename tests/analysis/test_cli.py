"""The command line of `analysis`: light starts, lists of words, files and errors."""

import subprocess
import sys
from pathlib import Path

import pytest

from analysis import figures
from analysis.__main__ import WORDS, main
from analysis.results import load
from analysis.storage.compact import compact

ROOT = Path(__file__).parents[2]


def _python(*words, **options):
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, cwd=ROOT, **options
    )


def test_nothing_imports_torch_ray_or_scaling():
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "analysis").rglob("*.py")
    )
    code = "import importlib, sys\n"
    code += f"for name in {modules}:\n    importlib.import_module(name)\n"
    code += "heavy = {'torch', 'ray', 'scaling', 'sklearn', 'studies', 'matplotlib.pyplot'}\n"
    code += "print(sorted(heavy & set(sys.modules)))"
    done = _python("-W", "error", "-c", code)
    assert done.stdout.strip() == "[]", done.stderr


def test_help_imports_no_package():
    done = _python("-X", "importtime", "-m", "analysis", "--help")
    assert done.returncode == 0
    known = done.stdout.partition("one of: ")[2].partition("\n\n")[0].split()
    assert known == ", ".join([*figures.names(), *WORDS]).split()
    assert not any(name in done.stderr for name in ("pandas", "matplotlib", "numpy", "pyarrow"))


def test_an_unknown_word_gets_the_list_of_words():
    done = _python("-m", "analysis", "fig99")
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith("Nothing here is called 'fig99'. Did you mean 'fig9'")
    assert "? Choose one of: fig1, fig2, " in done.stderr
    assert done.stderr.endswith("report, verdict.\n")


def test_without_results_a_figure_is_read_from_its_study(study, capsys, monkeypatch):
    monkeypatch.chdir(study.parents[1])
    assert main(["fig8", "-o", "out.csv"]) == 0
    assert main(["fig6"]) == 2
    assert capsys.readouterr().err.startswith("results/latent_width does not exist.")
    assert {name: figures.study(name) for name in figures.names()}.keys() == {*figures.names()}


@pytest.mark.parametrize("suffix", ["csv", "svg"])
def test_the_suffix_chooses_the_format(study, tmp_path, capsys, suffix):
    file = tmp_path / "new" / f"out.{suffix}"
    assert main(["fig8", "--results", str(study), "-o", str(file)]) == 0
    assert file.stat().st_size > 500
    assert capsys.readouterr().out == f"{file}\n"


def test_without_output_all_formats_are_written_to_the_results(study, capsys):
    assert main(["fig7", "--results", str(study)]) == 0
    written = sorted(path.name for path in (study / "figures").iterdir())
    assert written == ["fig7.csv", "fig7.pdf", "fig7.png"]
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_verdict_from_parquet_equals_verdict_from_folder(study, capsys):
    assert main(["verdict", "--results", str(study)]) == 0
    live = capsys.readouterr().out
    assert main(["verdict", "--results", str(compact(study))]) == 0
    assert capsys.readouterr().out == live
    assert live.startswith(
        "Double descent along the path (normal, 3 seeds on one data set, 10 points): "
    )
    assert len(live.splitlines()) <= 10


def test_where_selects_the_trials(study, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["verdict", "--results", str(study), "--where", "seed=1"]) == 0
    assert "1 seed on one data set, 10 points): not decided" in capsys.readouterr().out
    assert main(["compact", "--results", str(study), "--where", "seed=1", "-o", "one.parquet"]) == 0
    assert set(load("one.parquet")["seed"]) == {1}
    assert main(["report", "--results", str(study), "--where", "seed=1"]) == 2
    assert "Draw one figure: scaling-vae fig8 --results" in capsys.readouterr().err


def test_without_normal_training_the_verdict_is_of_the_only_source(results, capsys):
    results.fill(results.TRUTH, source=results.DMAAPX, seeds=[0, 1, 2])
    assert main(["verdict", "--results", str(results.close())]) == 0
    assert capsys.readouterr().out.startswith("Double descent along the path (dmaapx, 3 seeds")


def test_report_prints_its_lines(results, capsys):
    results.add(results.vae(1, 2, 0), [], done=False)
    assert main(["report", "--results", str(results.close())]) == 0
    assert "0 of 1 trials done, 1 waiting" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["fig8", "--results", "nowhere"],
        ["fig8", "-o", "fig8.jpeg"],
        ["verdict", "-o", "x.txt"],
        ["fig8", "--where", "nc=8"],
        ["fig8", "--where", "n_c=4"],
        ["fig8", "-o", "study.json/fig8.pdf"],
    ],
)
def test_errors_are_sentences_with_exit_code_2(study, words, capsys, monkeypatch):
    monkeypatch.chdir(study)
    words = words if "--results" in words else [*words, "--results", "."]
    assert main(words) == 2
    output = capsys.readouterr()
    assert not output.out and len(output.err.splitlines()) == 1
    assert "Traceback" not in output.err


def test_an_error_in_a_value_names_its_option_alone(capsys):
    assert main(["fig8", "--width", "wide"]) == 2
    assert "Known flags" not in (err := capsys.readouterr().err)
    assert err.startswith("--width: ") and "see --help" in err
