"""The catalogue of errors: every sentence that refuses something is quoted by a test."""

import ast
import re
from argparse import Namespace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from analysis.curves import where
from analysis.errors import ResultsError
from scaling.cli import chosen_preset, options, status
from scaling.cli import study as cli
from scaling.cli.axes import override
from scaling.errors import UsageError
from scaling.metrics.ms_ssim import ms_ssim
from scaling.pools.samples import as_levels
from scaling.trial import Source, VaeTrial
from studies.double_descent import PRESETS, trials

ROOT = Path(__file__).parents[1]
ERRORS = {"UsageError", "ResultsError", "NewerFormat", "Missing"}


def words(text):
    return re.findall(r"[a-z0-9]+", text.lower())


def pairs(text):
    """Returns pairs of neighbouring words that are characteristic together."""
    found = words(text)
    return {f"{a} {b}" for a, b in zip(found, found[1:], strict=False) if len(a + b) > 6}


@cache
def quoted():
    """Returns the pairs of words in all strings of the tests, without docstrings and escapes."""
    texts = [text for path in (ROOT / "tests").rglob("*.py") for text in strings(path)]
    return set().union(*(pairs(text.replace("\\", "")) for text in texts))


def strings(path):
    """Yields the strings in a file's code: expressions that stand alone are documentation."""
    tree = ast.parse(path.read_text())
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def sentences():
    for part in ("scaling", "analysis", "studies"):
        for path in sorted((ROOT / part).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS:
                    parts = [p.value for p in ast.walk(node) if isinstance(p, ast.Constant)]
                    known = set().union(*(pairs(p) for p in parts if isinstance(p, str)))
                    if known:
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", known


def test_every_refusal_is_quoted_by_a_test():
    refusals = dict(sentences())
    assert len(refusals) > 300
    assert [place for place, known in refusals.items() if not known & quoted()] == []


def run(*output):
    return override(trials(PRESETS["digits"]), options.parser("", PRESETS).parse_args(output))


@pytest.mark.parametrize(("message", "work"), [
    ("source.k=3 is read with source.real_share below 1 only. Give that too", lambda: Source(k=3)),
    ("Unknown dataset 'mnits'. Did you mean 'mnist'. Known: cifar10,", lambda: VaeTrial("mnits")),
    ("arguments: --sed. Did you mean '--seeds'.* Known flags: --address,", lambda: run("--sed")),
    ("numbers or ranges such as 0-4 are expected", lambda: run("--seeds", "2-")),
    ("Unknown preset 'tiny'. Known: cifar10,", lambda: chosen_preset.preset_of(
        Namespace(smoke_test=False, preset="tiny"), PRESETS)),
    ("--diffusion-per-seed needs --seeds, as in", lambda: chosen_preset.preset_of(
        options.parser("", PRESETS).parse_args(["--diffusion-per-seed"]), PRESETS)),
    ("Unknown MS-SSIM variant 'wang'. Known: kuzina, standard", lambda: ms_ssim(
        torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8), "wang")),
    ("Unknown --rescale 'half'. Known: symmetric, unit", lambda: as_levels(
        np.zeros((1, 8, 8)), 17, (1, 8, 8), "half", "samples.npy")),
    ("but --rescale unit means 0 to 1. Clip them", lambda: as_levels(
        np.full((1, 8, 8), 3.0), 17, (1, 8, 8), "unit", "samples.npy")),
])  # fmt: skip
def test_wrong_words_are_refused_in_these_sentences(message, work):
    with pytest.raises(UsageError, match=message):
        work()


def test_json_is_refused_without_a_dry_run(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["study.py", "--json"])
    with pytest.raises(SystemExit, match="2"):
        cli.main("study", trials, PRESETS, lambda folder: [])
    assert capsys.readouterr().err == "Error: --json needs --dry-run. Add --dry-run.\n"


def test_status_is_printed_once_or_watched():
    with pytest.raises(UsageError, match="--json prints once and --watch repeatedly. Omit one"):
        status.run(Namespace(watch=True, json=True))


def test_a_condition_that_no_row_meets_is_refused():
    frame = pd.DataFrame({"dataset": ["digits"]})
    with pytest.raises(ResultsError, match="No row meets dataset=mnist. Omit this --where"):
        where(frame, ["dataset=mnist"])
