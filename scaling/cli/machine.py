"""The options that say which Ray runs the work: where it is, and how much of this machine."""

import argparse
from typing import Any

from scaling.errors import UsageError
from scaling.trial import machine
from scaling.trial.bounds import COUNT


def add_address(made: argparse._ActionsContainer) -> None:
    """Adds --address and --cpus."""
    add = made.add_argument
    add("--address", default="local", metavar="ADDRESS", help="local (default), auto or HOST:PORT")
    about = "of this machine, for a local Ray (default: all that this process may use)"
    add("--cpus", type=_cpus, metavar="N", help=about)


def check_cpus(options: Any) -> None:
    """Raises UsageError where --cpus would limit nothing: a running cluster has its own."""
    if options.cpus and options.address != "local":
        raise UsageError(
            f"--cpus {options.cpus} limits a Ray that is started here, and --address "
            f"{options.address} joins one. Leave one of them out."
        )


def _cpus(text: str) -> int:
    """A number of CPUs that this process may use."""
    there = machine.cpus()
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= there):
        raise argparse.ArgumentTypeError(
            f"{text} is no whole number from 1 to {there}, the CPUs that this process may use"
        )
    return int(text)


_cpus.bounds = COUNT  # type: ignore[attr-defined]
