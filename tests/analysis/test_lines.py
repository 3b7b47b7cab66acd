"""Lines over epochs: the epochs that all seeds have, and the values at the end."""

import shlex

import numpy as np
import pandas as pd
import pytest

from analysis import lines
from analysis.curves import last_values, where
from analysis.errors import ResultsError
from analysis.statistics.intervals import t_interval
from tests.analysis.made_up import rows, source


def test_the_four_methods_are_shown_at_the_size_that_most_have(studies):
    studies.data_sources()
    studies.latent_width()  # normal training alone at m_z = 10
    studies.reverse_half_asleep()
    studies.diffusion_subsets()
    studies.mollification()
    frame = studies.frame().drop_duplicates(["key", "epoch"])
    found = lines.methods(frame)
    assert sorted(found["line"].unique()) == sorted(lines.METHODS)
    assert found[["m_z", "n_c"]].drop_duplicates().to_numpy().tolist() == [[1, 256]]
    assert set(lines.field(found, "half_asleep_from")) == {0.0}
    assert set(lines.field(found, "source_diffusion_share")) == {1.0}


def test_fields_that_older_results_lack_have_defaults(studies):
    studies.each_seed(800.0, 840.0)
    frame = studies.frame().drop(columns=["half_asleep_from", "source_diffusion_share"])
    assert len(lines.plain(frame)) == len(frame)


def _line(studies, epochs_of_seeds, metric="test_elbo"):
    for seed, epochs in enumerate(epochs_of_seeds):
        done = "done" if max(epochs) == 1000 else False
        studies.vae([{"epoch": e, metric: -100.0 * seed - e} for e in epochs], seed, done)
    frame = studies.frame()
    return frame.assign(line="normal")


def test_a_line_has_the_epochs_that_all_its_seeds_have(studies):
    frame = _line(studies, [(100, 500, 1000), (100, 1000), (500, 1000)])
    table = lines.over_epochs(frame, "test_elbo", ["line"])
    assert table["epoch"].tolist() == [1000]
    expected = t_interval([-1000, -1100, -1200])
    assert table.loc[table.index[0], ["mean", "low", "high"]].tolist() == pytest.approx(
        [expected.mean, expected.low, expected.high]
    )


def test_unfinished_trials_are_drawn_until_one_is_finished(studies):
    begun = _line(studies, [(100, 500), (100,)])
    assert set(lines.drawn(begun, ["line"])["seed"]) == {0, 1}
    studies.vae([{"epoch": 1000, "test_elbo": -9.0}], seed=2)
    frame = studies.frame().assign(line="normal")
    assert set(lines.drawn(frame, ["line"])["seed"]) == {2}
    assert lines.unfinished(frame, frame) == [
        "normal seed 0 (epoch 500)",
        "normal seed 1 (epoch 100)",
    ]


def test_trials_not_begun_are_named(studies):
    studies.each_seed(1.0, 1.0, seeds=1)
    studies.vae([], seed=7, done=False, source=source("dmaapx"))
    frame = studies.frame().assign(line="normal")
    assert lines.unfinished(frame, frame) == ["dmaapx seed 7 (not begun)"]


def test_values_of_different_epochs_are_not_averaged(studies):
    """A metric of seed 0 was measured half way only, so that its last value is an earlier one."""
    frame = _line(studies, [[500, 1000], [500, 1000]])
    frame["fid"] = np.where((frame["seed"] == 0) == (frame["epoch"] == 500), 7.0, np.nan)
    message = r"fid was last measured at epochs 500 and 1000 .* evaluate --epoch 1000\), or choose"
    with pytest.raises(ResultsError, match=message):
        lines.at_the_end(frame, "fid", ["line"])
    early = frame[frame["epoch"] == 500].assign(fid=1.0)
    assert lines.at_the_end(early, "fid", ["line"])["epoch"].tolist() == [500]


def test_values_at_the_end_are_those_of_finished_trials(studies):
    frame = _line(studies, [(940, 1000), (100, 500)])
    table = lines.at_the_end(frame, "test_elbo", ["line"])
    assert table[["mean", "n", "epoch"]].to_numpy().tolist() == [[-970.0, 1, 1000]]
    assert lines.at_the_end(frame[frame["seed"] == 1], "test_elbo", ["line"]).empty
    assert lines.at_the_end(frame, "fid", ["line"]).empty


def test_a_costly_metric_keeps_its_last_measured_value(studies):
    made = rows(800.0, 840.0, costly=(100, 700))
    studies.vae(made)
    frame = studies.frame().assign(line="normal")
    measured = {row["epoch"]: row.get("amortization_gap") for row in made}
    assert last_values(frame)["amortization_gap"].tolist() == [measured[700]]
    table = lines.at_the_end(frame, "amortization_gap", ["line"])
    assert table[["mean", "epoch"]].to_numpy().tolist() == [[measured[700], 700]]
    assert np.isnan(table["low"]).all()


def test_two_trials_of_a_seed_are_refused_with_a_choice(studies):
    studies.each_seed(1.0, 1.0, source=source("dmaapx", k=1))
    studies.each_seed(1.0, 1.0, source=source("dmaapx", k=10))
    frame = studies.frame().assign(line="dmaapx")
    with pytest.raises(ResultsError, match="at dmaapx, seed 0; .*--where source_k=1"):
        lines.drawn(frame, ["line"])
    assert len(lines.drawn(frame, ["line", "source_k"])) == len(frame)


def test_an_empty_frame_has_no_methods(make):
    assert lines.methods(make({(1, 2): [1]}).iloc[:0].assign(dataset="", likelihood="")).empty
    assert isinstance(lines.over_epochs(make({(1, 2): [1]}), "fid", ["source"]), pd.DataFrame)


def test_values_measured_in_two_ways_are_not_joined(studies):
    frame = _line(studies, [(500, 1000), (500, 1000)], "robustness_gap")
    alike = frame.assign(robustness_images=20, robustness_variant="kuzina")
    assert len(lines.at_the_end(alike, "robustness_gap", ["line"]))
    for name, other in (("robustness_images", 50), ("robustness_variant", "standard")):
        mixed = alike.assign(**{name: alike[name].where(alike["seed"] == 0, other)})
        for joined in (lines.at_the_end, lines.over_epochs):
            with pytest.raises(ResultsError, match=f"--where {name}="):
                joined(mixed, "robustness_gap", ["line"])


def test_versions_of_an_estimator_are_not_joined_even_if_one_has_no_name(studies):
    frame = _line(studies, [(500, 1000), (500, 1000)], "amortization_gap")
    for joined in (lines.at_the_end, lines.over_epochs):
        assert len(joined(frame, "amortization_gap", ["line"]))  # all rows are of the first version
        named = frame.assign(amortization_estimator="annealed-1")
        assert len(joined(named, "amortization_gap", ["line"]))
        mixed = named.assign(
            amortization_estimator=named["amortization_estimator"].where(named["seed"] == 0)
        )
        with pytest.raises(ResultsError, match="amortization_estimator .*none"):
            joined(mixed, "amortization_gap", ["line"])


def advised(error):
    """Returns the words after --where that a refusal tells the user to type."""
    return shlex.split(str(error).partition("Choose one: --where ")[2].removesuffix("."))


@pytest.mark.parametrize(
    ("metric", "column"),
    [("robustness_gap", "robustness_options"), ("own_metric", "own_metric_options")],
)
def test_values_measured_with_different_options_are_not_joined(studies, metric, column):
    """Rows older than the column have the default options; what the refusal says can be typed."""
    frame = _line(studies, [(500, 1000), (500, 1000), (500, 1000)], metric)
    changed = "delta=0.3, n_attack=5"
    for second in ("defaults", None):
        used = frame["seed"].map({0: None, 1: second, 2: changed})
        alike, mixed = frame[frame["seed"] < 2], frame.assign(**{column: used})
        for joined in (lines.at_the_end, lines.over_epochs):
            alone = joined(alike.assign(**{column: used}), metric, ["line"])
            pd.testing.assert_frame_equal(alone, joined(alike, metric, ["line"]))
            with pytest.raises(ResultsError, match=f"defaults and {changed}, and no figure") as no:
                joined(mixed, metric, ["line"])
            chosen = advised(no.value)
            assert set(where(mixed, chosen)["seed"]) == {0, 1}
    mixed = frame.assign(**{column: frame["seed"].map({0: changed, 1: "defaults", 2: None})})
    with pytest.raises(ResultsError) as no:
        lines.at_the_end(mixed, metric, ["line"])
    chosen = advised(no.value)
    assert set(where(mixed, chosen)["seed"]) == {0}
