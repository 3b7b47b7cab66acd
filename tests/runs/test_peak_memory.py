"""The memory that a trial used: known sizes, and absent where the system shows none."""

import numpy as np
import pytest

from scaling.runs import peak_memory
from scaling.runs.peak_memory import forget_peak, peak_bytes
from tests.narrow import not_none

MB = 1_000_000


def test_a_peak_counts_from_the_moment_of_forgetting():
    np.ones(400 * MB, np.uint8)
    forget_peak("cpu")
    before = not_none(peak_bytes("cpu"))
    np.ones(200 * MB, np.uint8)
    assert not_none(peak_bytes("cpu")) - before == pytest.approx(200 * MB, rel=0.1)


@pytest.mark.parametrize("content", [None, "", "VmHWM:", "VmHWM: much kB"])
def test_an_unknown_peak_is_absent(monkeypatch, tmp_path, content):
    file = tmp_path / "status"
    if content is not None:
        file.write_text(content)
    monkeypatch.setattr(peak_memory, "STATUS", file)
    monkeypatch.setattr(peak_memory, "RESET", tmp_path / "no" / "clear_refs")
    forget_peak("cpu")
    assert peak_bytes("cpu") is None
