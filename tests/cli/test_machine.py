"""The Ray that runs the work: --address and --cpus, and refused combinations."""

from argparse import ArgumentParser, ArgumentTypeError

import pytest

from scaling.cli.machine import _cpus, add_address, check_cpus
from scaling.errors import UsageError
from scaling.trial import machine


@pytest.fixture
def options(monkeypatch):
    """Parses words on a machine of eight CPUs."""
    monkeypatch.setattr(machine, "cpus", lambda: 8)
    made = ArgumentParser(exit_on_error=False)
    add_address(made)
    return lambda *words: made.parse_args(words)


def test_a_local_ray_takes_all_cpus_unless_cpus_are_given(options):
    assert (options().address, options().cpus) == ("local", None)
    for count in (1, 8):
        assert options("--cpus", str(count)).cpus == count


@pytest.mark.parametrize("text", ["0", "9", "-1", "1.5", "two", "", "\u0663", "\u00b2", "8 "])
def test_a_number_of_cpus_that_the_process_may_not_use_is_refused(options, text):
    with pytest.raises(ArgumentTypeError, match="is not a whole number from 1 to 8"):
        _cpus(text)


def test_cpus_cannot_be_given_for_a_running_cluster(options):
    check_cpus(options("--cpus", "2"))
    check_cpus(options("--address", "auto"))
    with pytest.raises(UsageError, match="--cpus 2 limits .* and --address auto joins one"):
        check_cpus(options("--cpus", "2", "--address", "auto"))
