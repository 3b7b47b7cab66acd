"""Reads the PNG files of a folder or a zip archive, and of the folders inside, as one array."""

import io
from pathlib import Path, PurePosixPath
from typing import IO
from zipfile import ZipFile

import numpy as np

from scaling.errors import UsageError
from scaling.trial.catalog import UNREADABLE

LARGEST_FILE = 64 << 20  # bytes of one PNG


class Pngs:
    """Represents PNG files in the order of their paths; a slice reads them as one uint8 array.

    Hidden files and folders are ignored, such as `._NAME` and `__MACOSX` in archives from a Mac.
    Raises UsageError if there are no PNG files, and if some cannot be read or differ in shape.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, source: Path) -> None:
        self.source = source
        if source.is_dir():
            names = [p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()]
        else:
            names = _members(source)
        self.files = sorted(name for name in names if _is_png(PurePosixPath(name)))
        if not self.files:
            raise UsageError(f"{source} contains no .png file. Give a folder of PNGs, npy or npz.")

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, rows: slice) -> np.ndarray:
        chosen = self.files[rows]
        if self.source.is_dir():
            images = [_png(self.source / file, self.source / file) for file in chosen]
        else:
            with ZipFile(self.source) as archive:
                images = [_png(self.source / file, _read(archive, file)) for file in chosen]
        for file, image in zip(chosen, images, strict=True):
            if image.shape != images[0].shape:
                raise UsageError(
                    f"{self.source / file} has the shape {image.shape}, but others have "
                    f"{images[0].shape}. Save all in one size."
                )
        return np.stack(images)


def _is_png(path: PurePosixPath) -> bool:
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() == ".png" and not hidden


def _members(source: Path) -> list[str]:
    """Returns the files of an archive; raises UsageError if it is not a zip archive."""
    try:
        with ZipFile(source) as archive:
            return [m.filename for m in archive.infolist() if m.file_size <= LARGEST_FILE]
    except UNREADABLE as error:
        raise UsageError(f"{source} cannot be read as a zip ({error}). Pack it again.") from None


def _read(archive: ZipFile, name: str) -> IO[bytes]:
    """Returns the bytes of a member; no bytes if it is damaged, which `_png` then reports."""
    try:
        return io.BytesIO(archive.read(name))
    except UNREADABLE:
        return io.BytesIO()


def _png(file: Path, content: Path | IO[bytes]) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(content, formats=["PNG"]) as image:
            if image.mode in ("L", "RGB"):
                return np.array(image)
            mode = image.mode
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UsageError(f"{file} cannot be read ({error}). Remove or replace it.") from None
    raise UsageError(f"{file} has the mode {mode}. Save it as 8-bit grey (L) or RGB.")
