"""Runs work on Ray, which no other package imports; sets Ray's settings before it is imported."""

import os
from pathlib import Path

NOWHERE = "/nonexistent"  # the home of a user who has none
if not os.path.isabs(os.path.expanduser("~")):  # without a home Ray cannot even be imported
    os.environ["HOME"] = NOWHERE
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")


def token_path() -> Path | None:
    """Returns the path of the token file that admits a process to a Ray cluster.

    Returns None if the user has no home: neither HOME nor an entry in passwd.
    """
    if path := os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return Path(path)
    home = os.path.expanduser("~")
    return None if home == NOWHERE else Path(home) / ".ray" / "auth_token"
