"""Writes and checks the format version of the JSON files in a results folder: `"format": 1`.

A file without the field has format 0, from before there were versions, and is read in the same way.
A later version of this project raises FORMAT if an older one would misread its files.
"""

from collections.abc import Mapping
from pathlib import Path

from scaling.errors import UsageError
from scaling.storage.files import Json, read_json, write_json

FORMAT = 1  # the newest that this version reads, and the one that it writes


def write_versioned(path: Path, values: Mapping[str, object]) -> None:
    """Writes the values and the format version as JSON, replacing the file."""
    write_json(path, {"format": FORMAT, **values})


def read_versioned(path: Path) -> Json | None:
    """Returns the values in the file without its format, or None if it is missing or damaged.

    Raises UsageError if the format is newer than this version knows.
    """
    values = read_json(path)
    if values is None:
        return None
    version = values.pop("format", 0)
    if type(version) is not int or not 0 <= version <= FORMAT:
        raise UsageError(
            f"{path} is of format {version!r}, and the newest that this version reads is {FORMAT}. "
            "Install a newer version of scaling-vae, or give another folder with --results."
        )
    return values
