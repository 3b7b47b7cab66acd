"""Defines `pool.json`, which describes a pool and its finished chunks.

{"format", name, dataset, levels, shape, ... (the fields of PoolSpec),
 "chunks": [{"file", "sha256", "first_seed"}, ...]}
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scaling.errors import UsageError, to_type
from scaling.pools import chunk
from scaling.storage.files import read_json, write_json
from scaling.trial.validation import Validated

FORMAT = 1
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,=-]*")
CHUNK = re.compile(r"chunk-([0-9]{5,})\.npy")
SHA256 = re.compile(r"[0-9a-f]{64}")
HASH = re.compile(r"-[0-9a-f]{12}$")  # the hash of its images in an imported pool's name


@dataclass(frozen=True)
class PoolSpec(Validated):
    """Describes the images of a pool, independent of its finished chunks; part of `pool.json`."""

    name: str  # also the name of its folder
    dataset: str
    levels: int
    shape: tuple[int, ...]  # (C, H, W)
    images_per_chunk: int  # |D_train|
    model: str | None = None  # key of the diffusion trial; None: imported
    epochs: int | None = None  # epochs of the model
    sampler: dict | None = None  # steps and noise levels; None: imported, so there are no seeds
    source: str = field(default="", compare=False)  # origin of the images, in words

    def __post_init__(self) -> None:
        super().__post_init__()
        if not NAME.fullmatch(self.name):
            raise UsageError(
                f"{self.name!r} is not the name of a pool. Use letters, digits, '-', '_' and '.'."
            )
        if self.model is not None and not NAME.fullmatch(self.model):
            raise UsageError(f"model={self.model!r} is not a trial's key. Move that pool away.")
        if not 2 <= self.levels <= 256:
            raise UsageError(f"levels={self.levels} is impossible for uint8 images. Give 2 to 256.")
        if len(self.shape) != 3 or min(self.shape) < 1 or self.images_per_chunk < 1:
            raise UsageError(
                f"{self.images_per_chunk} images of {self.shape} are no chunk. "
                "Give at least one image of the shape (C, H, W)."
            )

    @property
    def chunk_shape(self) -> tuple[int, ...]:
        """Returns the shape (N, C, H, W) of a chunk."""
        return (self.images_per_chunk, *self.shape)

    def seeds(self, index: int) -> range:
        """Returns the seeds of chunk `index`, one per image."""
        return range(index * self.images_per_chunk, (index + 1) * self.images_per_chunk)

    @property
    def how_to_replace(self) -> str:
        """Returns what to do about a pool that does not fit its trials, as a sentence."""
        again = ", or move its folder away: its study samples it again" * bool(self.model)
        return f"Choose another with --set source.pool=NAME{again}."

    def how_to_get_chunks(self, k: int, root: Path) -> str:
        """Returns what to type to get k chunks, as a sentence; `root` contains all pools."""
        if self.model is None:
            name = HASH.sub("", self.name)
            command = pool_command(root, "import", "FILE", "--name", name)
            return f"Import enough images: {command}"
        return f"Type: {pool_command(root, 'grow', self.name, '--k', k)}"


def pool_command(root: Path, *words: object) -> str:
    """Returns the command `pool WORD ...`, with --results unless that is ./results."""
    is_default = root.absolute() == Path("results", "pools").absolute()
    return to_type("pool", *words, *([] if is_default else ["--results", root.absolute().parent]))


def read_record(path: Path) -> tuple[PoolSpec, dict[int, str]]:
    """Reads `pool.json`: returns the pool and the SHA-256 of each finished chunk by its index.

    Raises UsageError if it is missing, damaged, of another format, or of another folder.
    """
    values, file = read_json(path / "pool.json"), path / "pool.json"
    if values is None:
        raise UsageError(f"{file} is missing or damaged. Move that folder away and build it again.")
    if values.pop("format", None) != FORMAT:
        raise UsageError(f"{file} does not have format {FORMAT}. Move that folder away.")
    entries = values.pop("chunks", None)
    try:
        spec = PoolSpec.from_dict(values)
        sums = _sums(spec, entries)
    except (UsageError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{file} is damaged ({error}). Move that folder away.") from None
    if path.name != spec.name:
        raise UsageError(f"{path} contains the pool {spec.name}. Rename the folder back to that.")
    return spec, sums


def write_record(path: Path, spec: PoolSpec, sums: Mapping[int, str]) -> None:
    """Writes `pool.json`, replacing an existing one."""
    chunks = [_entry(spec, index, sums[index]) for index in sorted(sums)]
    write_json(path / "pool.json", {"format": FORMAT} | asdict(spec) | {"chunks": chunks})


def _entry(spec: PoolSpec, index: int, digest: str) -> dict[str, object]:
    """Returns the entry of a chunk; an imported one has no seeds."""
    first_seed = None if spec.sampler is None else spec.seeds(index)[0]
    return {"file": chunk.file_name(index), "sha256": digest, "first_seed": first_seed}


def _sums(spec: PoolSpec, entries: Any) -> dict[int, str]:
    sums: dict[int, str] = {}
    for entry in entries:
        name = CHUNK.fullmatch(entry["file"])
        index, digest = int(name[1]) if name else 0, entry["sha256"]
        if entry != _entry(spec, index, digest) or not SHA256.fullmatch(digest) or index in sums:
            raise UsageError(f"the chunk {entry} is impossible")
        sums[index] = digest
    return sums
