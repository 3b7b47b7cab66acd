"""The preset of a command line, and what flags change in it."""

from dataclasses import replace

import pytest

from scaling.cli.chosen_preset import preset_of
from scaling.cli.options import parser
from scaling.errors import UsageError
from studies.data_sources import PRESETS
from tests.narrow import not_none


def chosen(*words):
    return preset_of(parser("", PRESETS).parse_args(words), PRESETS)


def test_without_flags_it_is_as_listed():
    assert chosen() == PRESETS["digits"]
    assert chosen("--preset", "mnist-draws") == PRESETS["mnist-draws"]


def test_the_interval_between_rows_can_be_set():
    assert chosen("--measure-every", "7") == replace(PRESETS["digits"], measure_every=7)


def test_each_seed_can_have_a_diffusion_model():
    preset = chosen("--seeds", "0-4", "--diffusion-per-seed", "--measure-every", "7")
    assert preset.diffusion == replace(not_none(PRESETS["digits"].diffusion), per_seed=True)
    assert replace(preset, diffusion=PRESETS["digits"].diffusion, measure_every=10) == chosen()


def test_models_per_seed_need_seeds_and_a_model():
    with pytest.raises(UsageError, match="--diffusion-per-seed needs --seeds, as in --seeds 0-4"):
        chosen("--diffusion-per-seed")
    without = {"digits": replace(PRESETS["digits"], diffusion=None)}
    options = parser("", without).parse_args(["--seeds", "1", "--diffusion-per-seed"])
    with pytest.raises(UsageError, match="needs a preset with a diffusion model"):
        preset_of(options, without)
