"""The wheel, installed into an empty folder: commands work without a checkout."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from scaling import __version__

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


def pip(*words):
    subprocess.run([sys.executable, "-m", "pip", "-q", *map(str, words)], check=True, timeout=250)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Installs the wheel alone, and returns its folder."""
    made, folder = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
    # a build writes files next to pyproject.toml
    source = tmp_path_factory.mktemp("source") / "tree"
    subprocess.run(["git", "clone", "-q", "--no-local", ROOT, source], check=True, timeout=100)
    isolation = ["--no-build-isolation"] if find_spec("setuptools") else []
    pip("wheel", source, "--no-deps", *isolation, "-w", made)
    (wheel,) = made.glob("*.whl")
    pip("install", wheel, "--no-deps", "--target", folder)
    return folder


@pytest.fixture
def run(installed, tmp_path):
    """Runs a command in an empty folder, with the installation as the only import path."""
    own = {n: v for n, v in os.environ.items() if n not in ("PYTHONPATH", "SCALING_DATA")}

    def ran(*words, program=None):
        line = [sys.executable, *(program or [installed / "bin" / "scaling-vae"]), *words]
        return subprocess.run(
            list(map(str, line)),
            cwd=tmp_path,
            env=own | {"PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            timeout=200,
        )

    return ran


def test_the_packages_are_the_installed_ones(run, installed):
    names = ("scaling", "analysis", "studies")
    script = f"import {', '.join(names)}\nfor m in ({', '.join(names)}): print(m.__file__)"
    done = run(program=["-c", script])
    assert done.stdout.split() == [str(installed / name / "__init__.py") for name in names]


def test_the_wheel_contains_all_modules_and_published_rows(installed):
    for name in ("scaling", "analysis"):
        assert (installed / name / "py.typed").is_file()
    ours, theirs = (
        {path.relative_to(root) for path in root.glob("analysis/published/**/*.parquet")}
        for root in (installed, ROOT)
    )
    assert ours == theirs != set()
    for name in ("scaling", "analysis", "studies"):
        ours, theirs = (
            {path.relative_to(root) for path in (root / name).rglob("*.py")}
            for root in (installed, ROOT)
        )
        assert ours == theirs
    assert not (installed / "tests").exists()


def test_help_and_version_are_printed(run):
    done = run("--help")
    assert done.returncode == 0, done.stderr
    for word in ("study", "evaluate", "pool", "doctor", "fig1", "table11", "claims", "verdict"):
        assert f"\n    {word} " in done.stdout
    assert run("--version").stdout == f"scaling-vae {__version__}\n"
    module = run("--version", program=["-m", "scaling"])
    assert module.stdout == f"scaling-vae {__version__}\n"


def test_a_study_is_planned_as_in_a_checkout(run, tmp_path):
    words = ("--dry-run", "--json", "--results", tmp_path / "none")
    done = run("study", "double_descent", *words)
    assert done.returncode == 0, done.stderr
    there = subprocess.run(
        [sys.executable, ROOT / "studies" / "double_descent.py", *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stdout == there.stdout != ""


def test_a_wrong_study_gets_the_list_of_studies(run):
    done = run("study", "nix")
    assert done.returncode == 2
    studies = sorted(path.stem for path in (ROOT / "studies").glob("[!_]*.py"))
    known = ", ".join(name for name in studies if name != "evaluate")
    assert done.stderr == f"Error: Unknown study 'nix'. Known: {known}.\n"


def test_printed_commands_can_be_typed(run):
    done = run("fig8", "--results", "none")
    assert done.returncode == 2
    assert "(scaling-vae study double_descent)" in done.stderr
    done = run("evaluate", "--dry-run", "--metric", "psnr")
    assert done.returncode == 2 and "contains no VAE that can be read" in done.stderr


def test_the_doctor_works_without_a_checkout(run):
    """A check is given up at once; that is slow, not broken, and the table says what to type."""
    done = run("doctor", "--seconds", "0.01")
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("Nothing is broken.\n")
    lines = done.stdout.splitlines()
    assert any(line.split()[:2] == ["works", "packages"] for line in lines), done.stdout
    assert "-> Give it longer: scaling-vae doctor --seconds 60" in done.stdout
    assert "pip install -e" not in done.stdout


def test_published_rows_make_figures_and_claims(run, installed, tmp_path):
    rows = installed / "analysis" / "published" / "digits" / "double_descent.parquet"
    done = run("fig8", "--results", rows, "-o", "x.csv")
    assert (done.returncode, done.stdout) == (0, "x.csv\n"), done.stderr
    assert (tmp_path / "x.csv").read_text().count("\n") > 10
    done = run("claims", "--results", rows)
    assert done.returncode == 0, done.stderr
    assert "scaling-vae study data_sources --preset cifar10" in done.stdout
    assert "python studies" not in done.stdout


def test_the_installed_code_is_named_by_its_version(run, installed):
    script = "from scaling.storage.provenance import code\nprint(*sorted(code()))"
    assert run(program=["-c", script]).stdout.split() == ["sha256", "version"]
