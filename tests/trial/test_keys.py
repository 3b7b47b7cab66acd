"""Trials as JSON: files of older and newer versions are read, or refused by the field's name."""

from dataclasses import asdict

import pytest

from scaling.errors import UsageError
from scaling.trial import (
    DiffusionTrial,
    Source,
    TwoSampleTrial,
    VaeTrial,
    from_dict,
    key,
    keys,
    to_dict,
)

TRIAL = VaeTrial("digits", n_c=2)
REMOVED = {"vae": {"old_option": 3, "source.old_option": "no"}}


@pytest.mark.parametrize("trial", [
    VaeTrial("digits"), VaeTrial("digits", source=Source(0.5, k=3)), DiffusionTrial("digits"),
    TwoSampleTrial("digits"),
], ids=lambda trial: trial.kind)  # fmt: skip
def test_the_json_form_has_every_field_also_of_nested_values(trial):
    assert to_dict(trial) == {"kind": trial.kind} | asdict(trial)


def test_a_removed_field_at_its_default_is_ignored(monkeypatch):
    monkeypatch.setattr(keys, "REMOVED", REMOVED)
    source = asdict(TRIAL.source) | {"old_option": "no"}
    values = to_dict(TRIAL) | {"old_option": 3, "source": source}
    assert from_dict(values) == TRIAL
    assert key(from_dict(values)) == key(TRIAL)
    assert from_dict(to_dict(TRIAL)) == TRIAL  # the JSON form lacks them


@pytest.mark.parametrize(("outer", "inner", "message"), [
    ({"old_option": 4}, {}, "^old_option=4 is no longer supported; this version reads only 3"),
    ({}, {"old_option": "yes"}, "^old_option='yes' is no longer supported"),
])  # fmt: skip
def test_a_removed_field_at_another_value_is_refused(monkeypatch, outer, inner, message):
    monkeypatch.setattr(keys, "REMOVED", REMOVED)
    values = to_dict(TRIAL) | outer | {"source": asdict(TRIAL.source) | inner}
    with pytest.raises(UsageError, match=message):
        from_dict(values)


@pytest.mark.parametrize(("values", "message"), [
    (to_dict(TRIAL) | {"old_option": 3}, "VaeTrial has no field old_option"),
    (to_dict(TRIAL) | {"source": {"old_option": 3}}, "Source has no field old_option"),
    (to_dict(DiffusionTrial("digits")) | {"old_option": 3}, "DiffusionTrial has no field"),
    ({"kind": "vae"}, "VaeTrial lacks the field dataset"),
    ({"kind": "gan"}, "Unknown kind of trial 'gan'"),
    ({"kind": ["vae"]}, "Unknown kind of trial"),
    (to_dict(TRIAL) | {"binarise": "dynamic"}, "binarise='dynamic' does not fit: threshold or"),
    (to_dict(TRIAL) | {"source": None}, "source=None does not fit: a Source is expected"),
])  # fmt: skip
def test_values_that_are_no_trial_are_refused(monkeypatch, values, message):
    monkeypatch.setattr(keys, "REMOVED", {"vae": {"another": 1}})
    with pytest.raises(UsageError, match=message):
        from_dict(values)


def test_a_source_comes_back_from_json():
    trial = VaeTrial("digits", source=Source(real_share=0.4, k=3, pool="p"))
    assert from_dict(to_dict(trial)) == trial
