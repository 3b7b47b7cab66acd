"""pool.json: written and read, seeds of every chunk, and refused values."""

import json
from dataclasses import replace

import pytest

from scaling.errors import UsageError
from scaling.pools.spec import PoolSpec, pool_command, read_record, write_record
from tests.small_pool import SPEC

SUMS = {0: "0" * 64, 2: "a" * 64}
IMPORTED = PoolSpec("theirs", "digits", 17, (1, 8, 8), 20, source="a file")


@pytest.mark.parametrize("spec", [SPEC, IMPORTED])
def test_a_record_is_read_as_it_was_written(tmp_path, spec):
    path = tmp_path / spec.name
    path.mkdir()
    write_record(path, spec, SUMS)
    assert read_record(path) == (spec, SUMS)
    values = json.loads((path / "pool.json").read_text())
    assert [entry["file"] for entry in values["chunks"]] == ["chunk-00000.npy", "chunk-00002.npy"]
    first = [entry["first_seed"] for entry in values["chunks"]]
    assert first == ([0, 40] if spec.sampler else [None, None])


def test_every_image_of_every_chunk_has_one_seed():
    seeds = [seed for index in range(5) for seed in SPEC.seeds(index)]
    assert seeds == list(range(5 * 20))
    assert SPEC.chunk_shape == (20, 1, 8, 8)


def test_the_source_of_samples_is_no_part_of_a_pools_identity():
    assert replace(SPEC, source="elsewhere") == SPEC != replace(SPEC, epochs=6)


@pytest.mark.parametrize(("wrong", "message"), [
    ({"name": "../p"}, "'../p' is not the name of a pool"),
    ({"name": ""}, "not the name of a pool"),
    ({"name": ".p"}, "name of a pool"), ({"name": "a b"}, "not the name of a pool"),
    ({"model": "a/b"}, "is not a trial's key"), ({"levels": 1}, "levels=1 is impossible"),
    ({"levels": 257}, "levels=257"), ({"shape": (8, 8)}, "are no chunk"),
    ({"shape": (1, 0, 8)}, "are no chunk"), ({"images_per_chunk": 0}, "are no chunk"),
    ({"epochs": "many"}, "epochs='many' does not fit"),
])  # fmt: skip
def test_an_impossible_pool_is_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        replace(SPEC, **wrong)


@pytest.mark.parametrize(("change", "message"), [
    ({"format": 2}, "does not have format 1"),
    ({"format": None}, "does not have format 1"),
    ({"name": "q"}, "contains the pool q. Rename the folder back"),
    ({"levels": 1}, r"is damaged \(levels=1"),
    ({"unknown": 1}, "PoolSpec has no field unknown"),
    ({"chunks": None}, "is damaged"),
    ({"chunks": [{"file": "chunk-00000.npy", "sha256": "A" * 64, "first_seed": 0}]}, "impossible"),
    ({"chunks": [{"file": "chunk-00000.npy", "sha256": "0" * 64, "first_seed": 1}]}, "impossible"),
    ({"chunks": [{"file": "chunk-0000.npy", "sha256": "0" * 64, "first_seed": 0}]}, "impossible"),
    ({"chunks": 2 * [{"file": "chunk-00000.npy", "sha256": "0" * 64, "first_seed": 0}]}, "chunk"),
])  # fmt: skip
def test_values_that_are_no_record_are_refused(tmp_path, change, message):
    path = tmp_path / "p"
    path.mkdir()
    write_record(path, SPEC, SUMS)
    values = json.loads((path / "pool.json").read_text())
    (path / "pool.json").write_text(json.dumps(values | change))
    with pytest.raises(UsageError, match=message):
        read_record(path)


def test_the_printed_command_names_a_results_folder_other_than_the_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here, elsewhere = tmp_path / "results" / "pools", tmp_path / "my files" / "pools"
    assert pool_command(here, "grow", "p") == "scaling-vae pool grow p"
    there = f"--results '{tmp_path}/my files'"
    assert pool_command(elsewhere, "grow", "p") == f"scaling-vae pool grow p {there}"
    assert SPEC.how_to_get_chunks(4, here) == "Type: scaling-vae pool grow p --k 4"
    for name in ("theirs", f"theirs-{12 * 'a'}"):  # importing adds the hash again
        spec = replace(IMPORTED, name=name)
        assert spec.how_to_get_chunks(4, here) == (
            "Import enough images: scaling-vae pool import FILE --name theirs"
        )
