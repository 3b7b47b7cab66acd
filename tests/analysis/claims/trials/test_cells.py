"""Trials that may be compared: equal settings, at epochs that all of them have."""

import pandas as pd
import pytest

from analysis.claims.trials.cells import cells, measured_alike
from tests.analysis.claim_frames import SEEDS, frame

NARROW, WIDE = {(1, 8): SEEDS}, {(1, 32): SEEDS + 5}


def test_trials_of_two_precisions_are_never_compared():
    """Otherwise bf16 at one width and float32 at another would look like an effect of width."""
    both = pd.concat(
        [frame(NARROW).assign(precision="float32"), frame(WIDE).assign(precision="bf16")]
    )
    found = cells(both)
    assert [(c.label, set(c.trials["n_c"])) for c in found] == [
        ("digits, precision=bf16", {32}),
        ("digits, precision=float32", {8}),
    ]


def test_older_rows_have_the_precision_that_they_were_trained_in():
    both = pd.concat([frame(NARROW).assign(precision=None), frame(WIDE).assign(precision="auto")])
    (cell,) = cells(both)
    assert set(cell.trials["n_c"]) == {8, 32}


def test_samples_that_were_made_differently_are_never_compared():
    """The models are one architecture in two replicates, a wider one, and imported images."""
    key = "digits-1-digits-edm-c{}-share1-r{}-s0-{:012x}-e300"
    names = [key.format(16, 0, 1), key.format(16, 1, 2), key.format(32, 2, 3), "published"]
    parts = [frame(NARROW, real_share=1.0, k=None)]
    for draw, name in enumerate(names):
        one = frame({(1, 8): [float(draw)]}, real_share=0.0, k=5, pool=name)
        parts.append(one.assign(seed=draw))
    found = cells(pd.concat(parts, ignore_index=True))
    samples = {c.label: sorted(c.trials.loc[c.trials["real_share"] == 0, "seed"]) for c in found}
    assert samples == {
        "digits, samples of digits-edm-c16, 300 epochs": [0, 1],
        "digits, samples of digits-edm-c32, 300 epochs": [2],
        "digits, samples of imported": [3],
    }
    assert all((c.trials["real_share"] == 1).sum() == 3 for c in found)


@pytest.mark.parametrize(
    ("metric", "setting", "values"),
    [
        ("fid", "sample_quality_extractor", ["classifier", "inception"]),
        ("amortization_gap", "amortization_estimator", [None, "annealed-1"]),
        ("amortization_gap", "amortization_steps", [100, 300]),
        ("robustness_gap", "robustness_variant", ["kuzina", "standard"]),
        ("accuracy_knn__fog", "corruptions", ["generated", "official"]),
        ("robustness_gap", "robustness_options", [None, "delta=0.3"]),
        ("symmetric_kl", "robustness_options", ["delta=0.3", "grad=sign, n_steps=2"]),
        ("psnr_mean", "psnr_options", ["images=7", "defaults"]),
        ("accuracy_knn", "representation_options", ["train_share=0.1", "defaults"]),
        ("accuracy_knn__fog", "corruption_options", ["severity=1", None]),
        ("roughness", "smoothness_options", ["points=3", None]),
        ("fid", "sample_quality_options", ["samples=200", "samples=2000"]),
        ("inception_score", "sample_quality_options", ["splits=2", "defaults"]),
        ("iwae_100", "iwae_options", ["draws=100", "defaults"]),
        ("own_metric", "own_metric_options", ["images=5", None]),
    ],
)
def test_values_that_were_measured_differently_are_never_compared(metric, setting, values):
    """Narrow and wide models are measured differently, so no cell has both."""
    first, second = (
        frame(place).assign(**{metric: 1.0, setting: value})
        for place, value in zip((NARROW, WIDE), values, strict=True)
    )
    (cell,) = cells(pd.concat([first, second], ignore_index=True))
    parts = measured_alike(cell, [metric])
    each = [list(p.trials.loc[p.trials[metric].notna(), "n_c"].unique()) for p in parts]
    assert sorted(each) == [[8], [32]]
    assert all(setting in part.label for part in parts)
    assert measured_alike(cell, ["test_elbo"]) == [cell]
    alike = second.assign(**{setting: values[0]})
    (cell,) = cells(pd.concat([first, alike], ignore_index=True))
    assert measured_alike(cell, [metric]) == [cell]


@pytest.mark.parametrize("metric", ["robustness", "own_metric"])
def test_rows_older_than_the_column_join_with_the_default_options(metric):
    """They lack it, as do all rows of older results."""
    column = {"robustness": "robustness_gap"}.get(metric, metric)
    old, new = (frame(place).assign(**{column: 1.0}) for place in (NARROW, WIDE))
    for found in ([old, new], [old, new.assign(**{f"{metric}_options": "defaults"})]):
        (cell,) = cells(pd.concat(found, ignore_index=True))
        assert measured_alike(cell, [column]) == [cell]


def test_an_option_is_that_of_the_epoch_whose_value_is_taken():
    """Later rows did not measure the metric, so that they name no options."""
    early = {"fid": 5.0, "sample_quality_options": "samples=200"}
    half = [frame(NARROW).assign(epoch=5, **early), frame(WIDE).assign(epoch=5, fid=5.0)]
    (cell,) = cells(pd.concat([*half, frame(NARROW), frame(WIDE)], ignore_index=True))
    parts = measured_alike(cell, ["fid"])
    each = [list(p.trials.loc[p.trials["fid"].notna(), "n_c"].unique()) for p in parts]
    assert each == [[32], [8]]  # defaults, samples=200


def test_values_of_other_metrics_of_a_row_stay_if_one_was_measured_in_two_ways():
    """Accuracies on clean images and on corrupted ones have options of their own."""
    both = {"accuracy_knn": 0.5, "accuracy_knn__fog": 0.25, "own_metric": 1.0}
    earlier = frame(NARROW).assign(epoch=19, representation_options="images=7", **both)
    last = frame(NARROW).assign(epoch=20, **{name: 2 * value for name, value in both.items()})
    (cell,) = cells(pd.concat([earlier, last], ignore_index=True))
    found = {name: set(cell.trials[name]) for name in both}
    assert found == {"accuracy_knn": {1.0}, "accuracy_knn__fog": {0.375}, "own_metric": {1.5}}
    changed = earlier.assign(own_metric_options="images=7")
    (cell,) = cells(pd.concat([changed, last], ignore_index=True))
    assert set(cell.trials["own_metric"]) == {2.0}


def test_of_a_trial_measured_in_two_ways_the_last_one_counts():
    earlier = frame(NARROW).assign(epoch=19, fid=100.0, sample_quality_extractor="classifier")
    last = frame(NARROW).assign(epoch=20, fid=2.0, sample_quality_extractor="inception")
    (cell,) = cells(pd.concat([earlier, last], ignore_index=True))
    assert set(cell.trials["fid"]) == {2.0}
    again = last.assign(sample_quality_extractor="classifier")
    (cell,) = cells(pd.concat([earlier, again], ignore_index=True))
    assert set(cell.trials["fid"]) == {51.0}


def test_a_trial_that_trained_longer_is_compared_at_the_shared_epoch():
    """Another study continued the wide trials to epoch 20."""
    longer = frame(WIDE).assign(epoch=20, test_elbo=0.0)
    short, long = cells(pd.concat([frame(NARROW), frame(WIDE), longer]))
    assert (short.label, long.label) == ("digits, epoch=10", "digits, epoch=20")
    assert set(short.trials["n_c"]) == {8, 32} and set(short.trials["epoch"]) == {10}
    assert sorted(short.trials.loc[short.trials["n_c"] == 32, "test_elbo"]) == [4, 5, 6]
    assert set(long.trials["n_c"]) == {32} and set(long.trials["test_elbo"]) == {0}
    unmeasured = cells(pd.concat([frame(NARROW), longer]))
    assert [set(cell.trials["n_c"]) for cell in unmeasured] == [{8}, {32}]


def test_rows_of_joined_frames_may_share_their_index():
    """The latest value is found by its epoch, not by its position."""
    earlier = frame(NARROW).assign(epoch=19, fid=100.0, sample_quality_extractor="classifier")
    last = frame(NARROW).assign(epoch=20, fid=2.0, sample_quality_extractor="inception")
    (cell,) = cells(pd.concat([last, earlier]))
    assert set(cell.trials["fid"]) == {2.0}


def test_labels_of_many_options_name_only_those_that_are_unusual():
    """Ten trials of one setting, and one of each of three options with another value."""
    base = {"lr": 0.003, "weight_decay": 0.0, "grad_clip": None}
    parts = [frame(NARROW).assign(**base)]
    for at, changed in enumerate(({"lr": 0.01}, {"weight_decay": 0.1}, {"grad_clip": 1.0})):
        one = frame({(1, 8): SEEDS[:1]}).assign(**base | changed)
        parts.append(one.assign(key=lambda f, at=at: f["key"] + f"-{at}"))
    labels = {cell.label for cell in cells(pd.concat(parts, ignore_index=True))}
    assert labels == {
        "digits",
        "digits, lr=0.01",
        "digits, weight_decay=0.1",
        "digits, grad_clip=1.0",
    }
