"""Options of a study, and how they change the trials of its preset."""

import pytest

from scaling.cli.axes import override
from scaling.cli.options import parser
from scaling.errors import UsageError
from scaling.presets import Preset
from scaling.trial import VaeTrial, grid

BASE = VaeTrial("digits", train_size=300, partition="disjoint")
SEEDS = grid(BASE, seed=[0, 1, 2])
REPLICATES = grid(BASE, replicate=[0, 1, 2])
PRESETS = {"digits": Preset(base=BASE, epochs=2, measure_every=1, about="made up")}


def drawn(trials, *words):
    options = parser("made up", PRESETS).parse_args(words)
    return [(trial.replicate, trial.seed) for trial in override(trials, options)]


def test_replicates_replace_seeds():
    assert drawn(SEEDS, "--replicates", "0-1", "7") == [(0, 0), (1, 0), (7, 0)]
    assert drawn(REPLICATES, "--replicates", "3") == [(3, 0)]


def test_seeds_alone_keep_one_replicates_data_and_diffusion_model():
    assert drawn(REPLICATES, "--seeds", "0-2") == [(0, 0), (0, 1), (0, 2)]
    assert drawn(SEEDS, "--seeds", "5") == [(None, 5)]


def test_replicates_and_seeds_together_give_their_product():
    found = drawn(SEEDS, "--replicates", "0-1", "--seeds", "0", "4")
    assert found == [(0, 0), (0, 4), (1, 0), (1, 4)]


def test_without_replicates_and_seeds_the_preset_is_unchanged():
    assert drawn(REPLICATES) == [(0, 0), (1, 0), (2, 0)]


@pytest.mark.parametrize("flag", ["--seeds", "--replicates"])
@pytest.mark.parametrize("words", [["3-1"], ["1", "1"], ["x"], ["1-"], ["-1"], ["0.5"]])
def test_bad_numbers_are_refused_naming_the_flag(flag, words):
    with pytest.raises(UsageError, match=flag):
        drawn(SEEDS, f"{flag}={words[0]}" if words == ["-1"] else flag, *words)


def test_a_reversed_range_says_how_to_write_it():
    with pytest.raises(UsageError, match="--replicates: the range 3-1 is reversed: write 1-3"):
        drawn(SEEDS, "--replicates", "3-1")


def test_an_error_in_a_value_names_its_option_alone():
    with pytest.raises(UsageError, match=r"^--epochs: '0' is not .*see --help\.$") as error:
        parser("made up", PRESETS).parse_args(["--epochs", "0"])
    assert "Known flags" not in str(error.value)
