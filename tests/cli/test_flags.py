"""Every flag of every command accepts values within its bounds, and refuses all others."""

import argparse

import pytest

from scaling.__main__ import _parser as program
from scaling.cli import evaluate, options
from scaling.cli.axes import FLAGS, override
from scaling.errors import UsageError
from scaling.presets import Preset
from scaling.trial import VaeTrial

PRESET = Preset(base=VaeTrial("digits"), epochs=4, measure_every=2, about="a preset")
ODD = ("nan", "inf", "-inf", "1e999", "-1", "-0.5", "", "\u00b2", "\u0663", "1\u00b2", "x", "0x1")
TEXT = {  # flags whose values are not numbers: a bad value is refused when it is read
    *("preset", "dataset", "source", "fields", "address", "results", "data_root", "modules"),
    *("metric", "where", "setting", "name", "model", "file", "rescale", "what", "output"),
    *("help", "version", "study", "key", "lr_from", "search", "search_over", "until_decided"),
}


def _parsers(parser, words=""):
    yield words, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from _parsers(inner, f"{words} {name}")


def _flags():
    tops = [("study", options.parser("", {"digits": PRESET})), ("evaluate", evaluate._parser(""))]
    tops.append(("scaling-vae", program()))
    seen = set()
    for top, parser in tops:
        for words, inner in _parsers(parser, top):
            for action in inner._actions:
                takes = action.nargs != 0 and not isinstance(action, argparse._SubParsersAction)
                if takes and (words, action.dest) not in seen:
                    seen.add((words, action.dest))
                    yield pytest.param(action, id=f"{words}-{action.dest}")


@pytest.mark.parametrize("action", list(_flags()))
def test_a_flag_with_a_number_declares_its_bounds(action):
    if action.dest in TEXT or action.choices:
        return
    bounds = getattr(action.type, "bounds", None)
    assert bounds is not None, f"{action.dest} takes any word: give its type bounds"
    for text in ODD:
        try:
            value = action.type(text)
        except argparse.ArgumentTypeError as error:
            assert repr(text)[1:-1] in str(error) or text in str(error)
        else:
            numbers = value if isinstance(value, list) else [value]
            assert all(number in bounds for number in numbers)
    for end in (bounds.least, bounds.above):
        if end > -float("inf"):
            with pytest.raises(argparse.ArgumentTypeError):
                action.type(str(int(end) - 1))


AXES = (
    "m_z",
    "n_c",
    "source",
    "replicates",
    "seeds",
)  # of these flags the last list replaces earlier ones


@pytest.mark.parametrize("action", list(_flags()))
def test_a_repeated_list_keeps_its_earlier_values(action):
    if action.nargs == "+" and action.dest not in AXES:
        assert type(action).__name__ in ("_ExtendAction", "_AppendAction"), action.dest


def _override(*words):
    return override([PRESET.base], options.parser("", {"digits": PRESET}).parse_args(words))


@pytest.mark.parametrize(
    "words",
    [
        ["--m-z", "1", "--set", "m_z=2"],
        ["--n-c", "8", "--set", "n_c=8"],
        ["--seeds", "0", "--set", "seed=1"],
        ["--replicates", "0", "--set", "replicate=1"],
        ["--train-size", "100", "--set", "train_size=200"],
        ["--source", "normal", "--set", "source=dmaapx"],
        ["--dataset", "mnist", "--set", "dataset=digits"],
    ],
    ids=lambda words: words[0],
)
def test_a_flag_and_a_set_of_one_field_are_refused(words):
    with pytest.raises(UsageError, match=f"{words[0]} and --set .* set the same field"):
        _override(*words)
    assert _override(*words[:2]) and _override(*words[2:])


def test_the_list_of_flags_that_set_a_field_is_complete():
    known = set(VaeTrial.__dataclass_fields__)
    actions = options.parser("", {"digits": PRESET})._actions
    clashing = {a.dest for a in actions if a.dest in known or a.dest.rstrip("s") in known}
    assert clashing == set(FLAGS)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--set", "m_z=1", "--set", "m_z=2"], "twice"),
        (["--dataset", ""], "Unknown dataset"),
        (["--seeds", "\u00b2"], "numbers or ranges"),
        (["--seeds", "0-\u00b2"], "numbers or ranges"),
        (["--seeds", "4-0"], "reversed"),
        (["--seeds", "0-99999999999"], "more than"),
        (["--seeds", "1", "0-3"], "twice"),
        (["--results", ""], "empty word"),
        (["--data-root", ""], "empty word"),
        (["--set", "lr="], "has no value"),
        (["--set", "grad_clip=-1"], "above 0"),
        (["--set", "grad_clip=0"], "above 0"),
        (["--set", "lr_decay_epochs=-2"], "at least 0"),
        (["--set", "weight_decay=-5"], "at least 0"),
        (["--epochs", "0"], "at least 1"),
        (["--measure-every", "0"], "at least 1"),
        (["--m-z", "0"], "at least 1"),
    ],
)
def test_a_refused_value_gets_a_sentence(words, what):
    with pytest.raises(UsageError, match=what):
        _override(*words)
