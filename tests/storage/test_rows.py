"""Rows read from whatever a killed process left of their file."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.storage.rows import TAIL, last_epoch, last_fingerprint, parse_rows, read_bytes


def written(*rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@given(st.lists(st.integers(1, 40), min_size=1), st.integers(0, 10_000))
def test_a_file_cut_anywhere_keeps_every_line_before(epochs, cut):
    rows = [{"epoch": epoch, "line": line} for line, epoch in enumerate(epochs)]
    content = written(*rows)[:cut]
    whole = [json.loads(line) for line in content.split(b"\n")[:-1]]
    last = content.split(b"\n")[-1]
    if last.endswith(b"}"):  # all but its newline
        whole.append(json.loads(last))
    later = {row["epoch"]: row for row in whole}
    assert parse_rows(content) == [later[epoch] for epoch in sorted(later)]


@pytest.mark.parametrize(("content", "epochs"), [
    (b"", []),
    (b"\n\n", []),
    (b'{"epoch": 1, "te{"epoch": 2}\n', [2]),
    (b'{"epoch": 0}\n{"epoch": -1}\n{"epoch": 1.0}\n{"epoch": true}\n{"epoch": "2"}\n', []),
    (b'[{"epoch": 1}]\n{"epoch": 3}', [3]),
    (b"\xff\x00{{{{\n" + b'{"epoch": 3}\n', [3]),
    (b'{"no": 1}\n{"epoch": 2}\n{"epoch": 1}\n', [1, 2]),
])  # fmt: skip
def test_a_line_that_is_no_row_is_passed_over(content, epochs):
    assert [row["epoch"] for row in parse_rows(content)] == epochs


def test_a_number_that_is_not_finite_is_left_out():
    (row,) = parse_rows(b'{"epoch": 1, "a": NaN, "b": -Infinity, "c": 2.5, "d": "NaN"}\n')
    assert row == {"epoch": 1, "c": 2.5, "d": "NaN"}


@pytest.mark.parametrize("padding", [0, 10, TAIL, 5 * TAIL])
@pytest.mark.parametrize("tail", [b"", b'{"epoch": 99, "tor'])
def test_the_last_epoch_of_a_long_file_equals_that_of_all_rows(tmp_path, padding, tail):
    rows = [{"epoch": epoch, "text": "x" * padding} for epoch in (1, 2, 3)]
    (tmp_path / "rows.jsonl").write_bytes(written(*rows) + tail)
    assert last_epoch(tmp_path / "rows.jsonl") == 3


def test_a_missing_file_has_no_rows(tmp_path):
    assert last_epoch(tmp_path / "none") == 0
    assert read_bytes(tmp_path / "none") == b"" == read_bytes(tmp_path)


@given(st.lists(st.sampled_from([None, "667dfe97687f", "0123456789ab"])))
def test_the_last_fingerprint_is_that_of_the_last_row_with_one(tmp_path_factory, fingerprints):
    rows = [
        {"epoch": epoch, "note": '"fingerprint": "ffff"'} | ({"fingerprint": f} if f else {})
        for epoch, f in enumerate(fingerprints, 1)
    ]
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_bytes(written(*rows))
    known = [row["fingerprint"] for row in parse_rows(path.read_bytes()) if "fingerprint" in row]
    assert last_fingerprint(path) == (known[-1] if known else None)
