"""Trials without rows stay beside a frame, whatever is selected from it."""

import ast
from pathlib import Path

import pandas as pd

import analysis
from analysis.storage.unmeasured import unmeasured, with_unmeasured

WAITING = [{"key": "a", "kind": "vae"}, {"key": "b", "kind": "diffusion"}]


def test_waiting_trials_are_kept_and_not_copied_with_every_selection():
    plain = pd.DataFrame({"a": [1, 2, 3]})
    frame = with_unmeasured(plain, WAITING)
    (waiting,) = frame.attrs.values()
    for made in (frame[frame["a"] > 1], frame.assign(b=1), frame.drop(columns="a"), frame.copy()):
        assert next(iter(made.attrs.values())) is waiting
        assert unmeasured(made) == WAITING
    assert unmeasured(frame, "vae") == WAITING[:1]
    assert unmeasured(plain) == []


def test_nothing_else_is_hidden_in_attributes_of_a_frame():
    """They are not in a signature, and operations of pandas may lose them."""
    users = [
        path.stem
        for path in Path(analysis.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "attrs"
    ]
    assert set(users) == {"unmeasured"}
