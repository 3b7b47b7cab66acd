"""`python -m scaling WORD`, the same as `scaling-vae WORD`."""

from typing import Never

from scaling.cli import doctor, pool
from scaling.cli.options import Parser
from scaling.cli.process import guarded


def main() -> Never:
    """Runs one command and ends the process with its exit code."""
    guarded(_main)


def _main() -> int:
    options = _parser().parse_args()
    return options.command(options)


def _parser() -> Parser:
    made = Parser(prog="python -m scaling", description=__doc__, allow_abbrev=False)
    words = made.add_subparsers(required=True)
    doctor.add_to(words)
    pool.add_to(words)
    return made


if __name__ == "__main__":
    main()
