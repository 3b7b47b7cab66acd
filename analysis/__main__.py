"""Runs the command line of figures and verdicts.

As in `python -m analysis fig8 --results results/double_descent -o fig8.pdf`.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Never

from analysis import figures
from analysis.cli import options, streams, words
from analysis.cli.options import OPTIONS, OWN
from analysis.cli.words import Word
from analysis.command import command
from analysis.errors import ResultsError, did_you_mean

WORDS = {name: word.about for name, word in words.WORDS.items()}  # besides the figures
WRONG = 2  # exit code of wrong usage, as everywhere in this project


class Parser(argparse.ArgumentParser):
    """Parses a command line; its errors are sentences that name the known flags."""

    def error(self, message: str) -> Never:
        """Raises ResultsError; for an unknown flag it lists similar flags, then all of them."""
        if message.startswith("argument -"):
            raise ResultsError(f"{message.removeprefix('argument ')}. Correct it, or see --help.")
        actions = [a for a in self._actions if a.help != argparse.SUPPRESS]
        flags = sorted(flag for action in actions for flag in action.option_strings)
        _, _, wrong = message.partition("unrecognized arguments: ")
        typed = [word.partition("=")[0] for word in wrong.split() if word.startswith("-")]
        near = did_you_mean(typed[0], flags) if typed else ""
        raise ResultsError(
            f"{message[:1].upper()}{message[1:]}. {near}Known flags: {', '.join(flags)}."
        )


def parser(program: str = "python -m analysis") -> Parser:
    """Returns the parser of the program with this name, with the options of all words."""
    result = Parser(
        prog=program,
        description="Draws the paper's figures from result files and says what they show.",
    )
    result.add_argument("what", help=f"one of: {', '.join(_known())}")
    _add(result, [name for name in OPTIONS if name not in OWN])
    return result


def parser_of(name: str, word: Word, program: str) -> Parser:
    """Returns the parser of one word's options.

    It also knows the options of other words, so that `options.check_taken` can name them.
    """
    result = Parser(
        prog=f"{program} {name}", description=f"{word.about[:1].upper()}{word.about[1:]}"
    )
    result.set_defaults(what=name)
    _add(result, word.options)
    flags = {flag for option in word.options for flag in OPTIONS[option].flags}
    others = [n for n in OPTIONS if n not in OWN and not flags & {*OPTIONS[n].flags}]
    _add(result, [] if {*word.options} & {*OWN} else others, shown=False)
    return result


def _add(target: Parser, names: Iterable[str], shown: bool = True) -> None:
    """Adds the named options in order; options of a single word go into a group of that word."""
    groups: dict[str, argparse._ArgumentGroup | Parser] = {"": target}
    for name in names:
        option = OPTIONS[name]
        keywords = option.about if shown else option.about | {"help": argparse.SUPPRESS}
        if option.group not in groups:
            groups[option.group] = (
                target.add_argument_group(f"of {option.group}") if shown else target
            )
        groups[option.group].add_argument(*option.flags, **keywords)


def main(argv: list[str] | None = None, program: str = "python -m analysis") -> int:
    """Runs one command and returns its exit code.

    That is 0, or 2 after one or two sentences on stderr; `diff` also returns 1.
    """
    try:
        typed = sys.argv[1:] if argv is None else argv
        word = words.word(typed[0]) if typed else None
        if word:
            chosen = parser_of(typed[0], word, program).parse_args(typed[1:])
        else:
            chosen = parser(program).parse_args(typed)
            word = words.word(chosen.what)
            if word and {*word.options} & {*OWN}:
                raise ResultsError(
                    f"{chosen.what} comes before its options. See: {command(chosen.what, '--help')}"
                )
        if word is None:
            raise _unknown(chosen.what)
        options.check_taken(chosen.what, chosen, word.options)
        if "results" in word.options:
            chosen.results = chosen.results or Path("results") / word.home
        return word.run(chosen)
    except (ResultsError, OSError) as error:
        print(error, file=sys.stderr)
        return WRONG


def _known() -> list[str]:
    return [*figures.names(), *WORDS]


def _unknown(what: str) -> ResultsError:
    near = did_you_mean(what, _known())
    return ResultsError(
        f"Nothing here is called {what!r}. {near}Choose one of: {', '.join(_known())}."
    )


def alone() -> Never:
    """Runs the command line of this process and ends the process with its exit code."""
    streams.settle()
    code = main()
    if fault := streams.lost():
        print(f"{fault}. Make room, then type the command again.", file=sys.stderr)
        code = code or WRONG
    sys.exit(code)


if __name__ == "__main__":
    alone()
