"""The number of real images that samples are worth: known laws, coverage, open ends."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis import figures
from analysis.errors import ResultsError
from analysis.laws import frames
from analysis.laws.law import Curve
from analysis.laws.worth import Worth, equivalent, worth_lines, worths
from analysis.statistics.overlap import overlap

SIZES = np.array([75.0, 150.0, 300.0, 600.0])
UNITS = (0, 1, 2, 3, 4)


def loss(x):
    return 90 + 100 * np.asarray(x) ** -0.5


def real(y):
    return Curve("normal, n_c=8", "normal", SIZES, np.asarray(y), tuple(range(len(y))))


def replicates(rng, n=5, worth=200.0, noise=0.2):
    """Draws losses on real images, and on samples worth `worth` images, with a shared step."""
    shared = rng.normal(0, 1.0, (n, 1))
    y = loss(SIZES) + shared + rng.normal(0, noise, (n, 4))
    return real(y), loss(worth) + shared[:, 0] + rng.normal(0, noise, n)


def test_the_interval_covers_the_truth():
    """With 200 draws at 95 % the probability of fewer than 181 hits is 0.3 %."""
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(200):
        n, images, low, high, refusal = equivalent(*_with_units(*replicates(rng)))
        assert n == 5
        assert bool(refusal) == math.isnan(images)
        hits.append(low <= 200 <= high)
    assert np.mean(hits) >= 0.905


def _with_units(curve, losses):
    return curve, UNITS[: len(losses)], losses


def test_without_noise_the_number_is_where_the_curves_cross():
    curve = real(np.tile(loss(SIZES), (3, 1)) + np.array([[0.0], [1.0], [2.0]]))
    losses = np.full(3, loss(300.0)) + np.array([0.0, 1.0, 2.0])
    _, images, low, high, refusal = equivalent(curve, UNITS[:3], losses)
    assert refusal == ""
    assert images == pytest.approx(300, rel=0.01)
    assert low == pytest.approx(300, rel=0.01) and high == pytest.approx(300, rel=0.01)


@pytest.mark.parametrize(
    ("worth", "message", "verdict"),
    [
        (2000, "worth more than 600 real images", "more than the real images behind them"),
        (20, "worth less than 75 real images", "less than the real images behind them"),
    ],
)
def test_beyond_the_measured_sizes_there_is_only_a_bound(worth, message, verdict):
    curve, losses = replicates(np.random.default_rng(0), worth=worth, noise=0.01)
    n, images, low, high, refusal = equivalent(*_with_units(curve, losses))
    assert math.isnan(images) and message in refusal
    ends = (600.0, math.inf) if worth > 600 else (0.0, 75.0)
    assert (low, high) == pytest.approx(ends)
    assert Worth("n_c=8", 150, 1500, n, images, low, high, refusal).verdict == verdict


def test_an_end_that_noise_leaves_open_is_open():
    curve, losses = replicates(np.random.default_rng(1), worth=560, noise=0.5)
    *_, high, _ = equivalent(*_with_units(curve, losses))
    assert math.isinf(high)


def test_too_few_replicates_and_a_turning_curve_are_refused():
    curve, losses = replicates(np.random.default_rng(0), n=2)
    assert (
        "2 replicates are finished on both, and it needs 3"
        in equivalent(curve, UNITS[:2], losses)[-1]
    )
    curve, losses = replicates(np.random.default_rng(0), noise=0.05)
    curve.y[:, 3] += 8
    assert "more real images do not lower the loss" in equivalent(curve, UNITS, losses)[-1]


def test_a_curve_may_turn_by_the_noise_of_its_splits():
    curve, losses = replicates(np.random.default_rng(0))
    y = curve.y.copy()
    y[:, 3] += 0.5 - (y[:, 3] - y[:, 2]).mean()  # the noise is 0.29, and 0.70 with the overlap
    turned = replace(curve, y=y)
    assert "do not lower the loss" in equivalent(turned, UNITS, losses)[-1]
    wide = replace(turned, overlaps=(1.0, 1.0, 1.0, 1.0))
    assert "do not lower the loss" not in equivalent(wide, UNITS, losses)[-1]


def test_each_number_of_chunks_has_its_own_number_of_samples():
    every = frame(widths=(8,))
    fewer = every[every["source"] == "dmaapx"].assign(source_k=2, key=lambda f: "2-" + f["key"])
    found = worths(pd.concat([every, fewer], ignore_index=True).astype({"source_k": "Int64"}))
    samples = {(one.name, one.size): one.samples for one in found}
    assert samples == {
        (f"source_k={k}", int(size)): k * int(size) for k in (2, 10) for size in SIZES
    }


def test_the_frontier_never_rises():
    table = pd.DataFrame({
        "source": "normal", "training_flops": [1.0, 2.0, 3.0], "loss": [12000.0, 12000.1, 11990.0],
    })  # fmt: skip
    assert frames.frontier(table)["loss"].tolist() == [12000.0, 11990.0]


def test_replicates_are_paired_by_their_numbers():
    curve, losses = replicates(np.random.default_rng(0))
    order = np.array([3, 1, 4, 0, 2])
    shuffled = equivalent(curve, tuple(order.tolist()), losses[order])
    assert shuffled == equivalent(curve, UNITS, losses)
    losses = losses.copy()
    losses[2] = np.nan
    assert equivalent(curve, UNITS, losses)[0] == 4


def frame(replicate=True, widths=(8, 32), sources=("normal", "dmaapx"), seeds=5):
    """Makes results in which N samples are worth 2 N real images at every width."""
    rng = np.random.default_rng(0)
    records = []
    for n_c in widths:
        for seed in range(seeds):
            shared = rng.normal(0, 1.0)
            for source in sources:
                for size in SIZES:
                    images = size * (1 if source == "normal" else 2)
                    noisy = loss(images) + shared + rng.normal(0, 0.05) - n_c / 10
                    records.append({
                        "key": f"{n_c}-{seed}-{source}-{size}", "kind": "vae", "state": "done",
                        "source": source, "source_k": None if source == "normal" else 10,
                        "train_size": int(size), "m_z": 1, "n_c": n_c, "epoch": 10,
                        "seed": 0 if replicate else seed, "test_elbo": -noisy,
                        "parameters": 100 * n_c,
                    } | ({"replicate": seed} if replicate else {}))  # fmt: skip
    return pd.DataFrame(records).astype({"source_k": "Int64"})


def test_overlapping_splits_widen_the_interval_by_the_larger_of_two_sizes():
    """At x the overlap is that of the real images or of those behind the samples."""
    curve, losses = replicates(np.random.default_rng(0), noise=0.05)
    overlaps = (0.1, 0.2, 0.4, 0.7)
    wide = replace(curve, overlaps=overlaps)
    plain = np.diff(equivalent(curve, UNITS, losses)[2:4])
    some, more = (np.diff(equivalent(wide, UNITS, losses, of)[2:4]) for of in (0.1, 0.7))
    near = 0.2 + 0.2 * np.log2(200 / 150)  # of 200 real images
    assert some / plain == pytest.approx(np.sqrt(1 + 5 * near), rel=0.05)
    assert more / plain == pytest.approx(np.sqrt(1 + 5 * 0.7), rel=0.05)


def test_the_overlap_is_that_of_the_recorded_splits():
    """Disjoint sets and seeds have none; for splits of images it grows with |D_train|."""
    some = frame().assign(dataset="digits", test_images=1000, drawn_from=1800)
    some["validation_images"] = 800 - some["train_size"]
    what = frames.variables(some, "train_size", "test_elbo")
    for draws, expected in (
        ("random splits", [overlap(size, 1000, 1800) for size in SIZES]),
        ("disjoint sets", [0.0] * 4),
    ):
        for curve in frames.curves_of(some.assign(draws=draws), what):
            assert curve.overlaps == pytest.approx(expected)
    ends = [
        [(one.low, one.high) for one in worths(some.assign(draws=draws))]
        for draws in ("random splits", "disjoint sets")
    ]
    assert all(a <= c and d <= b for (a, b), (c, d) in zip(*ends, strict=True))
    assert ends[0] != ends[1]
    seeds = frame(replicate=False)
    seeds_of = frames.curves_of(seeds, frames.variables(seeds, "train_size", "test_elbo"))
    assert [curve.overlap for curve in seeds_of] == [0.0] * 4


@pytest.mark.parametrize("replicate", [True, False])
def test_each_width_of_a_study_has_its_number(replicate):
    found = worths(frame(replicate))
    assert [(one.name, one.size) for one in found[:5]] == [
        ("n_c=8", 75), ("n_c=8", 150), ("n_c=8", 300), ("n_c=8", 600), ("n_c=32", 75),
    ]  # fmt: skip
    assert [one.samples for one in found[:4]] == [750, 1500, 3000, 6000]
    for one in found:
        if one.size < 300:
            assert one.times == pytest.approx(2, rel=0.15)
            assert one.low < 2 * one.size < one.high
            assert one.verdict == "more than the real images behind them"
    message = worth_lines(found)
    assert len(message) == 9 and "750 samples of a model of 75 real images" in message[1]
    assert "times as many" in message[1] and "worth more than 600" in message[4]


def test_results_without_samples_or_sizes_are_refused():
    with pytest.raises(ResultsError, match="Run scaling-vae study data_scaling"):
        worths(frame(sources=("normal",)))
    alone = frame()
    with pytest.raises(ResultsError, match="Run scaling-vae study data_scaling"):
        worths(alone[alone["train_size"] == 75])
    single = alone[alone["train_size"] == 75].assign(lr=0.01)
    single = pd.concat([single, single.assign(lr=0.02, key=single["key"] + "-again")])
    with pytest.raises(ResultsError, match="Run scaling-vae study data_scaling"):
        worths(single)  # of other studies, whose trials differ in more than their size


def test_trials_that_ended_early_are_left_out():
    some = frame()
    ended = (some["source"] == "dmaapx") & (some["train_size"] == 75) & (some["replicate"] == 1)
    some.loc[ended, "state"] = "censored"
    some["censored"] = np.where(ended, "collapsed", np.array(None))
    first, second = worths(some)[:2]
    assert (first.replicates, second.replicates) == (4, 5)
    assert any("2 collapsed" in text or "1 collapsed" in text for text in figures.ended_early(some))


def test_the_figure_and_its_numbers(tmp_path):
    made = figures.draw("worth", frame())
    left, right = made.axes
    assert right.get_yscale() == "log" and left.get_xscale() == "log"
    files = [tmp_path / "worth.png", tmp_path / "worth.csv"]
    figures.save("worth", frame(), files)
    table = pd.read_csv(files[1])
    assert len(table) == 8 and {"images", "low", "high", "times", "verdict"} <= set(table)
    assert files[0].stat().st_size > 10_000


def test_without_an_estimate_the_panel_and_the_note_promise_none():
    some = frame()
    made = figures.draw("worth", some[some["replicate"] < 2])
    right = made.axes[1]
    assert [text.get_text() for text in right.texts] == ["no estimate of what samples are worth"]
    assert right.get_ylabel() == "" and not right.get_lines() and not len(right.get_xticks())
    note = made.get_supxlabel()
    assert "2 replicates are finished on both" in note and "95 % intervals" not in note
