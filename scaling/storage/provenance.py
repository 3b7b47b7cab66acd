"""By which code, and on what, a launch ran: kept in `study.json`."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("scaling-vae", "torch", "ray", "numpy", "scikit-learn", "pandas", "matplotlib")


def launch_entry(argv: list[str]) -> dict[str, Any]:
    """Date, command, git commit, versions and hardware of this launch."""
    commit = _git("rev-parse", "HEAD")
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "argv": argv,
        "git_commit": commit,
        "git_dirty": bool(_git("status", "--porcelain")) if commit else None,
        "versions": {"python": sys.version.split()[0]} | _versions(),
        "hardware": {
            "host": platform.node(),
            "platform": platform.platform(),
            "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        },
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git(*words: str) -> str | None:
    """Of the checkout that this file lies in, or None outside one."""
    try:
        done = subprocess.run(
            ["git", *words],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
