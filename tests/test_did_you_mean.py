"""Errors for wrong names suggest the nearest right one and list the known ones."""

import pytest

import analysis.errors
import scaling.errors
from analysis.__main__ import main
from scaling.__main__ import _parser
from scaling.cli import chosen_preset, options
from scaling.errors import UsageError
from scaling.trial import VaeTrial, parse_source
from studies.double_descent import PRESETS


@pytest.mark.parametrize(("wrong", "names", "message"), [
    ("mz", ["n_c", "m_z", "seed"], "Did you mean 'm_z'? "),
    ("M_Z", ["n_c", "m_z"], "Did you mean 'm_z'? "),
    ("=>", ["==", ">=", "<="], "Did you mean '>='? "),
    ("fig44", ["fig1", "fig4l", "fig14", "fig4"], "Did you mean 'fig4' or 'fig14' or 'fig4l'? "),
    ("weather", ["n_c", "m_z"], ""),
    ("learning_rate", ["batch", "lr", "lr_decay_epochs", "m_z"], "Did you mean 'lr'? "),
    ("weather", [], ""),
])  # fmt: skip
@pytest.mark.parametrize("module", [scaling.errors, analysis.errors])
def test_the_nearest_name_is_suggested_first(module, wrong, names, message):
    assert module.did_you_mean(wrong, names) == message


def study(*words):
    made = options.parser("", PRESETS).parse_args(words)
    return chosen_preset.preset_of(made, PRESETS)


@pytest.mark.parametrize(("work", "message"), [
    (lambda: study("--presett", "x"), "--presett x. Did you mean '--preset'.*Known flags: --addr"),
    (lambda: study("--preset", "digit"), "'digit'. Did you mean 'digits'.*Known: cifar10,"),
    (lambda: parse_source("dmapx"), "'dmapx'. Did you mean 'dmaapx'.*Known: aug_naive"),
    (lambda: VaeTrial.parse("mz", "1"), "'mz'. Did you mean 'm_z'.*Known fields: .*n_c"),
    (lambda: _parser().parse_args(["docter"]),
     "Unknown command 'docter'. Did you mean 'doctor'. Known: .*doctor, .*pool"),
    (lambda: _parser().parse_args(["pool", "imprt"]), "'imprt'. Did you mean 'import'.*verify"),
    (lambda: _parser().parse_args(["pool", "info", "p", "--resluts=x"]),
     "Did you mean '--results'. Known flags: --help, --module, --results"),
    (lambda: _parser().parse_args(["pool", "import", "f", "--name", "n", "--rescale", "unti"]),
     "Unknown --rescale 'unti'. Did you mean 'unit'. Known: symmetric, unit"),
])  # fmt: skip
def test_wrong_words_of_commands_get_a_suggestion(work, message):
    with pytest.raises(UsageError, match=message):
        work()


@pytest.mark.parametrize(("words", "message"), [
    (["reprot"], "Nothing here is called 'reprot'. Did you mean 'report'? Choose one of: fig1, "),
    (["fig8", "--there", "z"], "--there z. Did you mean '--where'? Known flags: --"),
])  # fmt: skip
def test_wrong_words_of_the_analysis_get_a_suggestion(words, message, capsys):
    assert main(words) == 2
    output = capsys.readouterr()
    assert message in output.err and not output.out
