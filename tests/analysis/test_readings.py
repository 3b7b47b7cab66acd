"""Readings of the paper compared with their defaults: pairs, and lines about differences."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import figures
from analysis.errors import ResultsError
from analysis.readings import Reading, _adjusted, lines, readings, summary
from analysis.statistics.intervals import t_interval

# an effect of the replicate: large, and shared by a pair
NOISE = np.random.default_rng(0).normal(0, 5, 5)


def row(replicate, elbo, **fields):
    base = {
        "key": f"{replicate}-{sorted(fields.items())}", "kind": "vae", "state": "done",
        "dataset": "digits", "source": "normal", "source_augment": None, "m_z": 1, "n_c": 8,
        "seed": 0, "replicate": replicate, "draws": "disjoint sets",
        "epoch": 10, "weight_decay": 0.0, "mol_mix": "joint",
        "source_augment_filter": "bilinear",
    }  # fmt: skip
    return base | {"test_elbo": elbo + NOISE[replicate], "generalization_gap": -elbo} | fields


def frame(replicates=5, effect=-2.0):
    tuned = {"source": "aug_tuned", "source_augment": "tuned"}
    sym6 = tuned | {"source": "augment=tuned,augment_filter=sym6", "source_augment_filter": "sym6"}
    rows = []
    for n in range(replicates):
        jitter = 0.1 * (n % 3 - 1)
        rows += [row(n, -100.0), row(n, -100 + effect + jitter, weight_decay=1e-4)]
        rows += [row(n, -90.0, **tuned), row(n, -90 + jitter, **sym6)]
    return pd.DataFrame(rows)


def test_a_difference_is_that_of_pairs_not_of_all_trials():
    found = {reading.column: reading for reading in readings(frame())}
    decay = found["weight_decay"]
    jitter = np.array([-0.1, 0.0, 0.1, -0.1, 0.0])
    assert decay.test_elbo.n == 5
    assert decay.test_elbo.mean == pytest.approx(-2 + jitter.mean())
    half = 2.7764451 * jitter.std(ddof=1) / np.sqrt(5)  # the t quantile of 4 degrees of freedom
    assert decay.test_elbo.high - decay.test_elbo.mean == pytest.approx(half)
    assert (decay.verdict, found["source_augment_filter"].verdict) == (
        "lowers it",
        "no effect shown",
    )


def test_many_readings_without_effect_rarely_show_one():
    """In 300 worlds of eight readings the rate of 5 % gives at most this many false effects."""
    rng, wrong, worlds = np.random.default_rng(1), 0, 300
    for _ in range(worlds):
        intervals = [t_interval(rng.normal(size=5)) for _ in range(8)]
        found = [Reading("lr", 1, 0, "normal", each, each, "") for each in intervals]
        shown = {reading.verdict for reading in _adjusted(found)}
        wrong += bool(shown & {"raises it", "lowers it"})
    assert wrong <= stats.binom.ppf(0.999, worlds, 0.05)


def test_an_effect_that_only_a_single_reading_would_show_is_named_as_such():
    clear, weak, none = (t_interval(np.arange(5.0) - 2 + mean) for mean in (30.0, 2.5, 0.0))
    found = [Reading("lr", 1, 0, "normal", each, each, "") for each in (clear, weak, none)]
    assert [reading.verdict for reading in _adjusted(found)] == [
        "raises it",
        "raises it if it were the only reading",
        "no effect shown",
    ]
    (alone,) = _adjusted(found[1:2])
    assert (alone.verdict, alone.q) == ("raises it", alone.p)


def test_a_reading_inside_a_source_is_compared_with_that_source():
    found = {reading.column: reading for reading in readings(frame())}
    assert found["source_augment_filter"].source == "aug_tuned"


def test_trials_with_two_readings_are_not_compared_with_the_default():
    both = pd.DataFrame([row(0, -95.0, weight_decay=1e-4, mol_mix="per_channel"), row(0, -100.0)])
    assert readings(both) == []


@pytest.mark.parametrize("field", ["mixtures", "stop_kl", "content"])
def test_a_partner_agrees_in_every_other_field(field):
    """A default with another number of mixtures is no partner, whatever is listed here."""
    alike = frame().assign(**{field: 5})
    others = frame().assign(**{field: 10})
    others = others.assign(key=others["key"] + "-10", test_elbo=others["test_elbo"] + 50)
    mixed = pd.concat([alike, others[others["weight_decay"] == 0]], ignore_index=True)
    found = {reading.column: reading.test_elbo for reading in readings(mixed)}
    expected = {reading.column: reading.test_elbo for reading in readings(alike)}
    assert found["weight_decay"] == expected["weight_decay"]


def test_few_pairs_decide_nothing_and_unfinished_ones_do_not_count():
    two = frame(3)
    two.loc[(two["replicate"] == 2) & (two["weight_decay"] > 0), "state"] = "partial"
    decay = readings(two)[0]
    assert (decay.test_elbo.n, decay.verdict) == (2, "not decided (n = 2 < 3)")


def test_lines_name_reading_default_source_and_size():
    *shown, note = lines(readings(frame()))
    text = "\n".join(shown)
    assert "n = 5, q = 2.1e-06: lowers it" in text and "over 5 data draws" in note
    assert "weight_decay=0.0001 (default 0.0) on normal: -2.02" in text
    assert "source.augment_filter=sym6 (default bilinear) on aug_tuned" in text


@pytest.mark.parametrize("suffix", ["md", "tex"])
def test_the_figure_and_its_tables_have_a_row_for_each_reading(suffix, tmp_path):
    table = figures.numbers("readings", frame())
    assert dict(zip(table["reading"], table["verdict"], strict=True)) == {
        "weight_decay=0.0001": "lowers it",
        "source.augment_filter=sym6": "no effect shown",
    }
    figure = figures.draw("readings", frame())
    assert "in both panels are about the test ELBO" in figure.get_supxlabel().replace("\n", " ")
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == [
        "source.augment_filter=sym6, Aug.Tuned",
        "weight_decay=0.0001, normal",
    ]
    for ax, column in ((left, "test_elbo"), (right, "generalization_gap")):
        drawn = [
            np.asarray(line.get_xdata())[0] for line in ax.lines if line.get_linestyle() != "--"
        ]
        looks = [line.get_marker() for line in ax.lines if line.get_linestyle() != "--"]
        assert looks == ["o", "s"]  # no effect, and one shown among all
        assert drawn == list(table.sort_values("test_elbo", ascending=False)[column])
    figures.save("readings", frame(), [tmp_path / f"x.{suffix}"])
    written = (tmp_path / f"x.{suffix}").read_text()
    assert "-2.02 [" in written and "no effect shown" in written


def test_pairs_of_two_readings_are_not_drawn():
    both = pd.DataFrame([row(0, -95.0, weight_decay=1e-4, mol_mix="per_channel"), row(0, -100.0)])
    with pytest.raises(ResultsError, match="No two of these trials differ in a single reading"):
        figures.draw("readings", both)


def test_without_readings_there_is_a_sentence():
    with pytest.raises(ResultsError, match="scaling-vae study readings"):
        readings(pd.DataFrame([row(0, -100.0)]))


def test_a_reading_with_other_test_images_is_not_judged_and_takes_no_part_in_q():
    """BinaryMNIST drawn with the grey level as probability has more entropy: lower ELBOs."""
    jitter = (0.2, -0.1, 0.0, 0.1, -0.2)
    drawn = [row(n, -120.0 + jitter[n], binarise="static_bernoulli") for n in range(5)]
    defaults = frame().assign(binarise="threshold")
    both = pd.concat([defaults, pd.DataFrame(drawn)], ignore_index=True)
    found = {reading.column: reading for reading in readings(both)}
    made = found["binarise"]
    assert made.verdict == "not compared: other test images"
    assert np.isnan([made.p, made.q]).all() and made.generalization_gap.mean == pytest.approx(20)
    alone = {reading.column: reading.q for reading in readings(frame())}
    assert all(found[name].q == q for name, q in alone.items())  # a family of two, not of three
    text = "\n".join(lines(readings(both)))
    assert "normal: not compared: other test images; generalization gap +20.00 [" in text
    assert summary(readings(both)).endswith("1 not compared, since the test images differ.")
    table = figures.numbers("readings", both).set_index("reading")
    assert np.isnan(
        table.loc["binarise=static_bernoulli", ["test_elbo", "p", "q"]].astype(float)
    ).all()
    figure = figures.draw("readings", both)
    assert "other test images" in figure.get_supxlabel().replace("\n", " ")
