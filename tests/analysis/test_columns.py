"""The dictionary of columns, compared with the fields of trials and the metrics."""

import re
from dataclasses import fields
from typing import get_args, get_type_hints

import pytest

from analysis.columns import CLASSIFIERS, COLUMNS, CORRUPTIONS, DOWN, ROW_COLUMNS, TEXT, UP
from scaling import metrics
from scaling.data.corruptions import cifar10_c
from scaling.metrics import representation
from scaling.trial import DiffusionTrial, Source, TwoSampleTrial, VaeTrial


def choices(kind):
    """Yields the fields of a kind whose values are words, with these words."""
    for name, hint in get_type_hints(kind).items():
        words = [word for part in (hint, *get_args(hint)) for word in get_args(part)]
        texts = [word for word in words if isinstance(word, str)]
        if texts and name in {field.name for field in fields(kind)}:
            yield name, texts


CHOICES: dict[str, set[str]] = {}
for of in (VaeTrial, Source, DiffusionTrial, TwoSampleTrial):
    for field, texts in choices(of):
        CHOICES.setdefault("source_" * (of is Source) + field, set()).update(texts)


@pytest.mark.parametrize("name", CHOICES)
def test_a_meaning_that_lists_words_lists_all_possible_ones(name):
    unit, _, meaning = COLUMNS[name]
    assert unit == TEXT
    listed = re.sub(r" \([^)]*\)", "", meaning.rpartition(": ")[2])
    words = set(re.split(r", or |, | or ", listed))
    assert not words & CHOICES[name] or words == CHOICES[name]


def test_the_fields_with_words_are_found():
    assert {"partition", "source_augment", "binarise", "precision", "budget"} <= CHOICES.keys()


def test_only_measured_columns_have_a_direction():
    assert not [n for n, (_, way, _) in COLUMNS.items() if way and n not in ROW_COLUMNS]
    assert {way for _, way, _ in COLUMNS.values()} == {UP, DOWN, ""}
    assert COLUMNS["test_elbo"][1] == COLUMNS["psnr_mean"][1] == UP
    assert COLUMNS["fid"][1] == COLUMNS["generalization_gap"][1] == DOWN


def test_names_of_corruptions_and_classifiers_equal_those_of_scaling():
    """Analysis imports nothing of `scaling`, so these copies must be compared here."""
    assert set(CORRUPTIONS) == {*cifar10_c.CORRUPTIONS, "overall"}
    assert [f"accuracy_{name}" for name in CLASSIFIERS] == list(representation.COLUMNS)


def test_every_column_of_a_metric_is_explained():
    assert len(metrics._built_in()) > 5
    for name, metric in metrics._built_in().items():
        assert set(metric.COLUMNS) <= set(ROW_COLUMNS), name
        assert f"{name}_absent" in ROW_COLUMNS
