"""The code that ran: named by this project's commit, never by a surrounding repository's."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import scaling

ROOT = Path(__file__).parents[2]
ASK = "import json; from scaling.storage import provenance; print(json.dumps(provenance.code()))"


def git(folder, *words):
    name = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    own = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    done = subprocess.run(
        ["git", *name, *words], cwd=folder, env=own, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(folder, *files):
    git(folder, "init", "-q")
    git(folder, "add", *files)
    git(folder, "commit", "-q", "-m", "made")
    return git(folder, "rev-parse", "HEAD")


def copied(folder, project="scaling-vae"):
    """Copies the package alone, and writes a pyproject.toml with that name, if any."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "scaling", folder / "scaling", ignore=ignored)
    if project:
        (folder / "pyproject.toml").write_text(f'[project]\nname = "{project}"\n')
    return folder


def code(folder, **environment):
    """Returns the copy's provenance from a process that imports only the copy."""
    own = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"} | environment
    words = [sys.executable, "-c", ASK]
    done = subprocess.run(
        words, cwd=folder, env=own, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(done.stdout)


def test_a_checkout_of_this_project_is_named_by_its_commit(tmp_path):
    made = commit(copied(tmp_path), ".")
    clean = code(tmp_path)
    assert (clean["commit"], clean["dirty"]) == (made, False)
    assert clean["version"] == scaling.__version__
    with open(tmp_path / "scaling" / "seeds.py", "a") as file:
        file.write("# changed\n")
    changed = code(tmp_path)
    assert (changed["commit"], changed["dirty"]) == (made, True)
    assert changed["sha256"] != clean["sha256"]


@pytest.mark.parametrize(
    ("inside", "project", "tracked"),
    [
        ("venv/lib", "", ["other.txt"]),  # installed in a folder of another repository
        ("venv/lib", "scaling-vae", ["other.txt"]),
        ("venv/lib", "scaling-vae", ["."]),  # and tracked by it
        ("", "scaling-vae", ["other.txt"]),  # unpacked into it, and not of it
        ("", "theirs", ["."]),  # a copy in a project of another name
        ("", "", ["."]),
    ],
)
def test_a_surrounding_repository_is_never_named(tmp_path, inside, project, tracked):
    (tmp_path / "other.txt").write_text("of other work")
    copied(tmp_path / inside, project)
    commit(tmp_path, *tracked)
    found = code(tmp_path / inside)
    assert found.keys() == {"version", "sha256"}
    assert found["version"] == scaling.__version__


def test_git_variables_of_another_repository_do_not_count(tmp_path):
    """Git sets such variables inside a hook."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("")
    other = commit(tmp_path / "other", ".")
    ours = commit(copied(tmp_path / "ours"), ".")
    found = code(tmp_path / "ours", GIT_DIR=str(tmp_path / "other" / ".git"))
    assert found["commit"] == ours != other


def test_without_git_code_is_named_by_its_version_and_a_hash(tmp_path):
    commit(copied(tmp_path), ".")
    (tmp_path / "empty").mkdir()
    found = code(tmp_path, PATH=str(tmp_path / "empty"))
    assert found.keys() == {"version", "sha256"}


def test_equal_code_has_an_equal_hash_wherever_it_is(tmp_path):
    first, second = (code(copied(tmp_path / name, "")) for name in ("one", "two"))
    assert first == second
    assert len(first["sha256"]) == 64
