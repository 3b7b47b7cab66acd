"""The format version of the JSON files in a results folder: `"format": 1`.

A file without the field is of format 0, made before there were versions; it is read the same way.
A later version of this project raises FORMAT where an older one would misread its files.
"""

from pathlib import Path
from typing import Any

from scaling.errors import UsageError
from scaling.storage.files import read_json, write_json

FORMAT = 1  # the newest that this version reads, and the one that it writes


def write_versioned(path: Path, values: dict[str, Any]) -> None:
    """Writes the values and the format as JSON, in place of what stood there."""
    write_json(path, {"format": FORMAT} | values)


def read_versioned(path: Path) -> dict[str, Any] | None:
    """The values in the file without its format, or None where it is missing or damaged.

    Raises UsageError where the format is not known here.
    """
    values = read_json(path)
    if values is None:
        return None
    found = values.pop("format", 0)
    if type(found) is not int or not 0 <= found <= FORMAT:
        raise UsageError(
            f"{path} is of format {found!r}, and the newest that this version reads is {FORMAT}. "
            "Install a newer version of scaling-vae, or give another folder with --results."
        )
    return values
