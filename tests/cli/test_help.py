"""Every option and argument of every command says in --help what it is for."""

import argparse
from collections.abc import Iterator

import pytest

from analysis import __main__ as analysis
from analysis.cli import words
from scaling import __main__ as scaling
from scaling.cli import evaluate
from scaling.cli.options import parser
from studies import double_descent


def parsers(made: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yields a parser and those of its subcommands."""
    yield made
    for action in made._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from parsers(inner)


def of_words() -> Iterator[argparse.ArgumentParser]:
    """Yields the parser of each word of `analysis`."""
    for name in analysis.WORDS:
        if word := words.word(name):
            yield analysis.parser_of(name, word, "python -m analysis")


COMMANDS = {
    "scaling-vae": lambda: parsers(scaling._parser()),
    "study": lambda: parsers(parser("A study.", double_descent.PRESETS, "study")),
    "evaluate": lambda: parsers(evaluate._parser("Measures.")),
    "analysis": lambda: parsers(analysis.parser()),
    "words of analysis": of_words,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_help(command):
    lacking, seen = [], 0
    for made in COMMANDS[command]():
        for action in made._actions:
            seen += 1
            name = "/".join(action.option_strings) or action.dest
            if not action.help and not isinstance(action, argparse._SubParsersAction):
                lacking.append(f"{made.prog} {name}")
    assert lacking == []
    assert seen > len(COMMANDS)
