"""Records what a trial was trained on: its images, its chunks, and its measured epochs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from scaling.errors import to_type
from scaling.pools.chunk import digest

if TYPE_CHECKING:
    from scaling.data.sources import ReadChunk


class Ledger:
    """Reads chunks and records the checksum of each, as evidence of what the trial was trained on.

    `fingerprint` is that of the trial's images, "" where nobody needs it. `rows` are the epochs
    that have been measured: a rows.jsonl that lacks one of them is incomplete. A chunk is returned
    as a copy: the original is in memory that all trials share, where a write through a tensor
    would succeed silently.
    """

    def __init__(
        self, read: "ReadChunk | None", expected: Mapping[int, str], fingerprint: str = ""
    ) -> None:
        self.read, self.expected, self.fingerprint = read, expected, fingerprint
        self.checksums: dict[str, str] = {}
        self.rows: list[int] = []

    def __call__(self, index: int) -> np.ndarray:
        if self.read is None:
            raise ValueError(f"chunk {index} is needed, but the trial was given no pool")
        chunk = self.read(index)
        if str(index) not in self.checksums:
            self.checksums[str(index)] = self._checked(index, chunk)
        return chunk.copy()

    def recorded(self, checksums: Mapping[str, str]) -> dict[str, str]:
        """Returns the checksums of an earlier launch after comparing them with the pool.

        Raises ValueError if the pool now contains other samples.
        """
        for index, checksum in checksums.items():
            if checksum != self.expected.get(int(index), checksum):
                raise ValueError(f"chunk {index} of its pool has been sampled again since it began")
        return dict(checksums)

    def _checked(self, index: int, chunk: np.ndarray) -> str:
        checksum = digest(chunk)
        if checksum != self.expected.get(index, checksum):
            repair = to_type("pool", "verify", "NAME")
            raise ValueError(f"chunk {index} does not match pool.json; {repair} repairs it")
        return checksum
