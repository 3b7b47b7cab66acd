"""What a trial was trained on: its chunks' checksums, and which epochs have been measured."""

from collections.abc import Mapping

import numpy as np

from scaling.data.sources import ReadChunk
from scaling.errors import to_type
from scaling.pools.chunk import digest


class Ledger:
    """Reads chunks and keeps the checksum of each: what the trial was really trained on.

    `rows` are the epochs that have been measured: a file that lacks one of them is not whole.

    A chunk comes as a copy: it lies in memory that all trials share, where a write through a tensor
    would succeed in silence.
    """

    def __init__(self, read: ReadChunk | None, expected: Mapping[int, str]) -> None:
        self.read, self.expected = read, expected
        self.checksums: dict[str, str] = {}
        self.rows: list[int] = []

    def __call__(self, index: int) -> np.ndarray:
        if self.read is None:
            raise ValueError(f"chunk {index} is asked for, and the trial was given no pool")
        chunk = self.read(index)
        if str(index) not in self.checksums:
            self.checksums[str(index)] = self._checked(index, chunk)
        return chunk.copy()

    def recorded(self, checksums: Mapping[str, str]) -> dict[str, str]:
        """Those of an earlier launch; raises ValueError where the pool holds other samples now."""
        for index, found in checksums.items():
            if found != self.expected.get(int(index), found):
                raise ValueError(f"chunk {index} of its pool has been sampled anew since it began")
        return dict(checksums)

    def _checked(self, index: int, chunk: np.ndarray) -> str:
        found = digest(chunk)
        if found != self.expected.get(index, found):
            mend = to_type("pool", "verify", "NAME")
            raise ValueError(f"chunk {index} is not what pool.json says; {mend} names it")
        return found
