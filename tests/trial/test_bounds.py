"""Bounds of numeric fields: every field declares them and refuses values outside of them."""

import math
from dataclasses import fields
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, get_args, get_origin, get_type_hints

import pytest

from scaling import metrics
from scaling.errors import UsageError
from scaling.trial import DiffusionTrial, Source, TwoSampleTrial, VaeTrial
from scaling.trial.bounds import Bounds
from scaling.trial.validation import bounds_of
from tests.narrow import not_none

MODULES = [
    import_module(f"scaling.metrics.{found.name}") for found in iter_modules(metrics.__path__)
]
SETTINGS = [module.Settings for module in MODULES if hasattr(module, "COLUMNS")]
KINDS = [VaeTrial, Source, DiffusionTrial, TwoSampleTrial, *SETTINGS]


def _numbers(hint):
    """Returns the number types that a field's type allows, through unions, bounds and tuples."""
    if hint in (int, float):
        return {hint}
    if get_origin(hint) is Annotated:
        return _numbers(hint.__origin__)
    inner = get_args(hint) if get_origin(hint) is not None else ()
    return set().union(
        *(_numbers(each) for each in inner if isinstance(each, type) or get_origin(each))
    )


def _numeric():
    for kind in KINDS:
        hints = get_type_hints(kind, include_extras=True)
        for field in fields(kind):
            if found := _numbers(hints[field.name]):
                name = f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}.{field.name}"
                yield pytest.param(kind, field, hints[field.name], found, id=name)


NUMERIC = list(_numeric())


def test_the_list_of_numeric_fields_has_fields_of_all_kinds():
    names = {param.id for param in NUMERIC}
    assert {"vae.VaeTrial.lr", "source.Source.k", "diffusion.DiffusionTrial.attention"} <= names
    assert {"smoothness.Settings.points", "two_sample.TwoSampleTrial.images"} <= names
    assert len(SETTINGS) >= 7


def _steps(bounds, whole):
    """Yields a value beyond each end of the bounds, and one at that end or just inside."""
    for end, sign in ((bounds.least, -1), (bounds.most, 1)):
        if math.isfinite(end):
            yield end + sign * (1 if whole else max(abs(end), 1.0) * 1e-6), end
    for end, sign in ((bounds.above, 1), (bounds.below, -1)):
        if math.isfinite(end):
            yield end, end + sign * 1e-6


@pytest.mark.parametrize(("kind", "field", "hint", "types"), NUMERIC)
def test_bounds_are_declared_and_kept(kind, field, hint, types):
    bounds = bounds_of(hint)
    assert bounds is not None, f"{field.name} has no bounds"
    assert bounds.whole == (types == {int})
    steps = list(_steps(bounds, bounds.whole))
    assert steps
    for outside, at in steps:
        number = int if bounds.whole else float
        with pytest.raises(UsageError, match=field.name):
            kind.parse(field.name, str(number(outside)))
        read = kind.parse(field.name, str(number(at)))
        assert read in (number(at), (number(at),))
    for text in ("nan", "inf", "-inf", "1e999", "\u00b2", "\u0663", ""):
        with pytest.raises(UsageError, match=field.name):
            kind.parse(field.name, text)


@pytest.mark.parametrize(("kind", "field", "hint", "types"), NUMERIC)
def test_no_value_outside_of_the_bounds_is_ever_constructed(kind, field, hint, types):
    needed = {} if kind in (Source, *SETTINGS) else {"dataset": "digits"}
    bounds = not_none(bounds_of(hint))
    below = bounds.least - 1 if math.isfinite(bounds.least) else bounds.above
    values = [int(below) if bounds.whole else below, math.nan, math.inf, -math.inf, 10**400]
    for value in values:
        wrong = (value,) if get_origin(hint) is tuple else value
        with pytest.raises(UsageError, match=field.name):
            kind(**needed, **{field.name: wrong})


def test_bounds_include_or_exclude_their_ends_and_are_named_in_words():
    assert 0.0 in Bounds(least=0.0) and 0.0 not in Bounds(above=0.0)
    assert 1.0 in Bounds(most=1.0) and 1.0 not in Bounds(below=1.0)
    assert str(Bounds(above=0.0, most=1.0)) == "above 0 and at most 1"
    with pytest.raises(UsageError, match="weight_decay=-5.0 is not at least 0"):
        VaeTrial("digits", weight_decay=-5.0)


@pytest.mark.parametrize("kind", [VaeTrial, DiffusionTrial, TwoSampleTrial])
@pytest.mark.parametrize("dataset", ["", "digit", "no/such"])
def test_every_kind_refuses_an_unknown_data_set(kind, dataset):
    with pytest.raises(UsageError, match="Unknown dataset"):
        kind(dataset)
