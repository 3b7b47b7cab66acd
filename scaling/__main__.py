"""Runs scaling studies of VAEs: `scaling-vae WORD`, or `python -m scaling WORD`."""

import sys
from argparse import HelpFormatter
from functools import partial
from typing import Never

from analysis import __main__ as results
from analysis import figures
from scaling import __version__
from scaling.cli import doctor, evaluate, pool, replicates, reproduce, status, studies
from scaling.cli.options import Parser
from scaling.cli.process import ended
from scaling.errors import COMMAND, UsageError, did_you_mean

WIDTH = 120  # columns of --help, which gives each word one line


def main() -> Never:
    """Runs one command and ends the process with its exit code."""
    ended(_exit_code)


def _exit_code() -> int:
    """Runs the word of the command line and returns its exit code."""
    word, *rest = sys.argv[1:] or [""]
    if word == "study":
        studies.run(rest)
    if word == "evaluate":
        evaluate.main(evaluate.__doc__ or "")
    if word in _of_results():
        return results.main([word, *rest], COMMAND)
    return _command(word)


def _command(word: str) -> int:
    """Runs a command whose options this module's parser reads."""
    parser = _parser()
    own = ("status", "replicates", "reproduce", "pool", "doctor")
    if not word.startswith("-") and word not in own:
        wrong = f"{word!r} is not a word of {COMMAND}" if word else f"{COMMAND} needs a word"
        words = ["study", "evaluate", *own, *_of_results()]
        near = did_you_mean(word, words)
        raise UsageError(f"{wrong}. {near}Known: {', '.join(words)}.")
    options = parser.parse_args()
    return options.command(options)


def _of_results() -> dict[str, str]:
    """Returns the words of `python -m analysis`, each with a line that describes it."""
    return {name: figures.about(name) for name in figures.names()} | results.WORDS


class _Help(HelpFormatter):
    """Formats help with one line for each word; argparse itself ignores the words' indent."""

    def format_help(self) -> str:
        self._action_max_length += 2
        return super().format_help()


def _parser() -> Parser:
    """Returns the parser of all words, which --help lists."""
    form = partial(_Help, width=WIDTH)
    parser = Parser(prog=COMMAND, description=__doc__, allow_abbrev=False, formatter_class=form)
    parser.add_argument("--version", action="version", version=f"{COMMAND} {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="WORD", title="words")
    subparsers.add_parser("study", help="run an experiment; without a name it lists them")
    subparsers.add_parser("evaluate", help="measure metrics of finished trials")
    status.add_to(subparsers)
    replicates.add_to(subparsers)
    reproduce.add_to(subparsers)
    pool.add_to(subparsers)
    doctor.add_to(subparsers)
    for name, about in _of_results().items():
        subparsers.add_parser(name, help=about.replace("%", "%%"))
    return parser


if __name__ == "__main__":
    main()
