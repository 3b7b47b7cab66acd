"""Records which code and versions ran, in `study.json` per launch and `done.json` per trial."""

import hashlib
import os
import platform
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NotRequired, TypedDict

from scaling import __version__
from scaling.trial.machine import cpus

PROJECT = "scaling-vae"
FILE = Path(__file__).resolve()
ROOT = FILE.parents[2]  # holds the package: a checkout, or site-packages
DECISIVE = ("torch", "ray", "numpy", "scikit-learn")  # packages whose version changes results
PACKAGES = (PROJECT, "torch", "ray", "numpy", "scikit-learn", "pandas", "matplotlib")


class Code(TypedDict):
    """Identifies the code that ran."""

    version: str
    sha256: str  # of the names and texts of the package's modules
    commit: NotRequired[str]  # in a checkout of this project
    dirty: NotRequired[bool]  # True if that has uncommitted changes


class MadeBy(TypedDict):
    """Names who made a file."""

    code: Code
    host: str  # see `host`


class Hardware(TypedDict):
    """Describes the host on which a command was typed."""

    host: str
    platform: str
    cpus: int


class LaunchProfile(TypedDict, total=False):
    """Holds where a launch spent its time, in seconds; `Profile.entry` explains it."""

    wall: float
    parts: dict[str, float]
    width: int
    trials: int
    training: float
    measuring: float
    outside_training: float
    overhead: float
    gpu_hours: float
    retried: dict[str, int]  # by key, the attempts that failed before the trial ran again


class LaunchEntry(TypedDict, total=False):
    """Describes a launch in `study.json`."""

    started: str
    argv: list[str]
    code: Code
    versions: dict[str, str]
    hardware: Hardware
    profile: LaunchProfile  # added at the end of the launch


def launch_entry(argv: list[str]) -> LaunchEntry:
    """Returns the date, command, code, versions and hardware of this launch."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "argv": argv,
        "code": code(),
        "versions": {"python": sys.version.split()[0]} | _versions(),
        "hardware": {
            "host": platform.node(),
            "platform": platform.platform(),
            "cpus": cpus(),
        },
    }


def made_by() -> MadeBy:
    """Returns the maker that `done.json` records: the code, and a hash of the host's name."""
    return {"code": code(), "host": host()}


def host() -> str:
    """Returns 12 hex digits of the SHA-256 of the host's name: enough to distinguish hosts."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:12]


def environment(modules: Iterable[Path] = ()) -> dict[str, str]:
    """Returns hashes and versions that must be equal on all hosts, since they change results.

    `modules` are the user's own files. Versions omit the build (`+cpu`), and Python's omits its
    last number: these change no result.
    """
    versions = {name: v.partition("+")[0] for name, v in _versions().items() if name in DECISIVE}
    python = ".".join(map(str, sys.version_info[:2]))
    own = {f"the module {file.name}": _sha256_of(file) for file in modules}
    return {"the code of scaling-vae": code()["sha256"], "Python": python, **versions, **own}


def differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """Describes how another host's `environment` differs, as in: torch 2.7.0 in place of 2.8.0.

    Hashes are shortened. The text is empty if nothing differs.
    """
    parts = []
    for what, our_value in ours.items():
        their_value = theirs.get(what, "missing")
        if their_value != our_value:
            parts.append(f"{what} {their_value[:12]} in place of {our_value[:12]}")
    return "; ".join(parts)


@cache
def code() -> Code:
    """Returns the version and a hash of this package and, in a checkout of it, the git commit.

    `dirty` means that the checkout has uncommitted changes. The result is cached per process.
    """
    facts: Code = {"version": __version__, "sha256": _sha256()}
    if _checkout() and (commit := _git("rev-parse", "HEAD")):
        facts["commit"], facts["dirty"] = commit, bool(_git("status", "--porcelain"))
    return facts


def _versions() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _checkout() -> Path | None:
    """Returns the folder of this project's checkout, or None if the code was installed.

    An installation may be inside another project's repository, which does not describe this code.
    """
    top = _git("rev-parse", "--show-toplevel")
    try:
        with open(ROOT / "pyproject.toml", "rb") as file:
            named = tomllib.load(file).get("project", {}).get("name")
    except (OSError, tomllib.TOMLDecodeError):
        return None
    ours = top and Path(top).resolve() == ROOT and named == PROJECT
    return ROOT if ours and _git("ls-files", "--error-unmatch", str(FILE)) else None


def _sha256_of(file: Path) -> str:
    """Returns the SHA-256 of a file, or "no such file"."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return "no such file"


def _sha256() -> str:
    """Returns the SHA-256 of the names and texts of the package's modules."""
    total = hashlib.sha256()
    for path in sorted((ROOT / "scaling").rglob("*.py")):
        total.update(f"{path.relative_to(ROOT).as_posix()}\n".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _git(*arguments: str) -> str | None:
    """Returns git's output for the folder that holds this package, or None if git fails."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", *arguments],
            cwd=ROOT,
            env=own,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
