"""Implements the command line: everything that a user types."""

from scaling.cli.study import main as main
