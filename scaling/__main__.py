"""`python -m scaling WORD`, the same as `scaling-vae WORD`."""

import sys

from scaling.cli import doctor, pool
from scaling.cli.options import Parser
from scaling.errors import UsageError


def main() -> int:
    """Runs one command; 0, or 2 with a sentence of what is wrong and what to type."""
    try:
        options = _parser().parse_args()
        return options.command(options)
    except (UsageError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; finished chunks stay. The same command goes on.", file=sys.stderr)
        return 130


def _parser() -> Parser:
    made = Parser(prog="python -m scaling", description=__doc__, allow_abbrev=False)
    words = made.add_subparsers(required=True)
    doctor.add_to(words)
    pool.add_to(words)
    return made


if __name__ == "__main__":
    sys.exit(main())
