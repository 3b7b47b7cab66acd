"""Lines of trials: the source's name, and the fields that vary under it."""

from scaling.trial import DMAAPX, VaeTrial, to_dict
from scaling.trial.varying import flat, lines, varying


def test_seeds_and_replicates_share_a_line():
    fields = {"a": {"seed": 0, "replicate": 0, "lr": 1}, "b": {"seed": 1, "replicate": 3, "lr": 1}}
    assert set(lines(fields, {"a": "normal", "b": "normal"}).values()) == {"normal"}
    fields["b"]["lr"] = 2
    assert lines(fields, {"a": "n", "b": "n"}) == {"a": "n, lr=1", "b": "n, lr=2"}


def test_fields_of_the_source_are_beside_the_others():
    values = flat(to_dict(VaeTrial("digits", source=DMAAPX)))
    assert values["source.real_share"] == 0.0 and values["lr"] == 1e-4 and "source" not in values


def test_fields_vary_among_trials_of_the_same_name_only():
    fields = {"a": {"lr": 1, "source.k": 1}, "b": {"lr": 1, "source.k": 2}, "c": {"lr": 2}}
    found = varying(fields, {"a": "dmaapx", "b": "dmaapx", "c": "normal"})
    assert found == {"a": {"source.k": 1}, "b": {"source.k": 2}, "c": {}}
    assert varying(fields, dict.fromkeys("abc", "x"), ("lr",)).keys() == set("abc")
