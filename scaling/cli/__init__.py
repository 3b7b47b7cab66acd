"""What a user types."""

from scaling.cli.study import main as main
