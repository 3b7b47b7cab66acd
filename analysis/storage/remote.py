"""Reads results at an address, by copying the files that analysis needs to a temporary folder.

`s3://BUCKET/PATH` and `gs://BUCKET/PATH` are read through pyarrow, with the credentials and
settings that its file systems find (environment, files, options of the address such as
`?region=eu-west-1`); `https://HOST/PATH` by plain requests, without a listing, so that the address
names a study's folder or a parquet file. Checkpoints, kept models, samples and event files stay
where they are.
"""

import atexit
import json
import shutil
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Protocol

from analysis.errors import ResultsError

STORES = ("s3", "gs")  # schemes that pyarrow lists and reads
WEB = ("http", "https")
OF_STUDY = ("study.json", "trials.parquet", "plan.json")
OF_TRIAL = ("trial.json", "rows.jsonl", "done.json", "arrays.npz")
OF_POOL = ("pool.json", "quality.json")
AT_ONCE = 16  # requests in parallel
SECONDS = 60  # to wait for an answer
PREFIX = "scaling-vae-results-"  # of the temporary folders' names


class Source(Protocol):
    """Defines what is needed of a place that files are read from."""

    def read(self, path: str) -> bytes | None:
        """Returns the content of a file, or None if there is no such file."""
        ...

    def folders(self, path: str) -> list[str]:
        """Returns the names of the folders in a folder."""
        ...


def is_address(text: str) -> bool:
    """Returns whether the text is an address such as s3://bucket/results rather than a path."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and scheme.isalnum()


def place(text: str) -> Path:
    """Returns the path of results: the text itself, or a copy of what is at its address.

    The copy is deleted when this process ends. Raises ResultsError for an unknown scheme, and for
    an address that cannot be read or has no results.
    """
    if not is_address(text):
        return Path(text)
    source, address = _open(text)
    name = PurePosixPath(address).name
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if not name.endswith(".parquet"):
        return _results(source, address, folder, public(text))
    if not _copy(source, address, folder / name):
        raise ResultsError(
            f"{public(text)} does not exist. Check the address given with --results."
        )
    return folder / name


def public(address: str) -> str:
    """Returns the address without user, password and options, for messages."""
    parts = urllib.parse.urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def folder_of_output(path: Path, output: Path | None = None) -> Path:
    """Returns the folder for files about results if no output is named.

    Raises ResultsError if an output is needed, because files next to a temporary copy would be
    deleted with it.
    """
    if output is None and any(part.startswith(PREFIX) for part in path.parts):
        raise ResultsError(
            "These results are read from an address, and nothing is written there. "
            "Name the file to write with -o FILE."
        )
    return path if path.is_dir() else path.parent


def _open(text: str) -> tuple[Source, str]:
    """Returns the source that reads the address, and the address as a path of that source."""
    scheme = text.partition("://")[0]
    if scheme in WEB:
        return _Web(), text.rstrip("/")
    if scheme not in STORES:
        raise ResultsError(
            f"{public(text)}: addresses with {scheme}:// cannot be read. "
            "Give an address with s3://, gs:// or https://, or a path."
        )
    from pyarrow import fs

    try:
        system, path = fs.FileSystem.from_uri(text)
    except (OSError, ValueError) as error:
        raise _unreadable(public(text), error) from None
    return _Store(system), path.rstrip("/")


def _results(source: Source, address: str, folder: Path, text: str) -> Path:
    """Copies a study with its trials, or a root with all of its studies and trials."""
    above, _, name = address.rpartition("/")
    study = folder / (name or "study")
    if _copy_all(source, address, study, OF_STUDY):
        keys = _listed(study / "study.json")
        _copy_each(source, f"{above}/trials", folder / "trials", keys, OF_TRIAL)
        _copy_pools(source, above, folder)
        return study
    root = folder / (name or "results")
    names = source.folders(address)
    studies = [name for name in names if name not in ("trials", "pools")]
    _copy_each(source, address, root, studies, OF_STUDY)
    keys = source.folders(f"{address}/trials")
    _copy_each(source, f"{address}/trials", root / "trials", keys, OF_TRIAL)
    _copy_pools(source, address, root)
    if not keys and not any(root.glob("*/trials.parquet")):
        raise ResultsError(
            f"{text} contains neither study.json nor trials/. Give the address of a results root, "
            "a study's folder or a parquet file; over https:// a root cannot be listed."
        )
    return root


def _copy_pools(source: Source, address: str, root: Path) -> None:
    """Copies the records of the pools, without their samples."""
    names = source.folders(f"{address}/pools")
    _copy_each(source, f"{address}/pools", root / "pools", names, OF_POOL)


def _listed(file: Path) -> list[str]:
    """Returns the keys of a study's trials, [] if its study.json is damaged or missing."""
    try:
        trials = json.loads(file.read_bytes()).get("trials")
    except (OSError, ValueError, AttributeError, RecursionError):
        return []
    return [key for key in trials if Path(key).name == key] if isinstance(trials, dict) else []


def _copy_each(
    source: Source, address: str, folder: Path, names: Iterable[str], files: Iterable[str]
) -> None:
    """Copies the named files of each of the folders, several at once."""
    pairs = [(f"{address}/{name}/{file}", folder / name / file) for name in names for file in files]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda pair: _copy(source, *pair), pairs))


def _copy_all(source: Source, address: str, folder: Path, files: Iterable[str]) -> bool:
    """Copies those of the files that exist, and returns whether any does."""
    return any([_copy(source, f"{address}/{file}", folder / file) for file in files])


def _copy(source: Source, path: str, file: Path) -> bool:
    """Copies one file, and returns whether it exists."""
    content = source.read(path)
    if content is None:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return True


class _Web:
    """Reads files of a web server, which cannot list folders."""

    def read(self, path: str) -> bytes | None:
        try:
            with urllib.request.urlopen(path, timeout=SECONDS) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (403, 404, 410):
                return None
            raise ResultsError(
                f"{public(path)} cannot be read: {error}. Try again later."
            ) from None
        except (OSError, ValueError) as error:
            raise ResultsError(
                f"{public(path)} cannot be read: {error}. Check the address given with --results."
            ) from None

    def folders(self, path: str) -> list[str]:
        return []


class _Store:
    """Reads a bucket of an object store through pyarrow."""

    def __init__(self, system: object) -> None:
        self.system = system

    def read(self, path: str) -> bytes | None:
        try:
            with self.system.open_input_file(path) as stream:  # type: ignore[attr-defined]
                content: bytes = stream.readall()
                return content
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(path, error) from None

    def folders(self, path: str) -> list[str]:
        """Returns the names of the folders in a folder.

        For Google's store every file below is listed: pyarrow's short listing has only folders
        that were created as such, and uploads create none.
        """
        from pyarrow import fs

        recursive = self.system.type_name == "gcs"  # type: ignore[attr-defined]
        chosen = fs.FileSelector(path, allow_not_found=True, recursive=recursive)
        try:
            entries = self.system.get_file_info(chosen)  # type: ignore[attr-defined]
        except OSError as error:
            raise _unreadable(path, error) from None
        inside = [(f.path[len(path) + 1 :], f.type == fs.FileType.Directory) for f in entries]
        return sorted({name.partition("/")[0] for name, is_folder in inside
                       if is_folder or "/" in name})  # fmt: skip


def _unreadable(path: str, error: Exception) -> ResultsError:
    return ResultsError(
        f"{path} cannot be read: {' '.join(str(error).split())[:300]}. Check the address, its "
        "region and your credentials."
    )
