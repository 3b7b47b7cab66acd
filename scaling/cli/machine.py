"""Defines the options that choose the Ray cluster, and the part of this machine to use."""

import argparse
from typing import Any

from scaling.errors import UsageError
from scaling.trial import machine
from scaling.trial.bounds import COUNT


def add_address(group: argparse._ActionsContainer) -> None:
    """Adds --address and --cpus."""
    add = group.add_argument
    add(
        "--address",
        default="local",
        metavar="ADDRESS",
        help="Ray: local (default), auto, HOST:PORT",
    )
    text = "CPUs of this machine for a local Ray (default: all that this process may use)"
    add("--cpus", type=_cpus, metavar="N", help=text)


def check_cpus(options: Any) -> None:
    """Raises UsageError if --cpus has no effect: a running cluster has its own CPUs."""
    if options.cpus and options.address != "local":
        raise UsageError(
            f"--cpus {options.cpus} limits a Ray that is started here, and --address "
            f"{options.address} joins one. Omit one of them."
        )


def _cpus(text: str) -> int:
    """Parses a number of CPUs, at most those that this process may use."""
    most = machine.cpus()
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise argparse.ArgumentTypeError(
            f"{text} is not a whole number from 1 to {most}, the CPUs that this process may use"
        )
    return int(text)


_cpus.bounds = COUNT  # type: ignore[attr-defined]
