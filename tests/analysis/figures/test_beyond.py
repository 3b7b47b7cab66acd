"""Figures that the paper lacks: their numbers are known in advance or computed slowly."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import analysis
from analysis import figures
from analysis.errors import ResultsError
from analysis.figures import heat
from analysis.page.content import content
from analysis.results import load


def test_the_heat_map_has_each_cells_mean_and_hatches_cells_without_one(frame):
    table, figure = figures.numbers("heat", frame), figures.draw("heat", frame)
    cells = frame[["m_z", "n_c"]].drop_duplicates()
    assert len(table) == len(cells) and (table["n"] == 3).all()
    shown = {text.get_text() for text in figure.axes[0].texts}
    assert {f"{mean:.1f}" for mean in table["mean"]} <= shown
    hatched = [patch for patch in figure.axes[0].patches if patch.get_hatch()]
    assert len(hatched) == table["m_z"].nunique() * table["n_c"].nunique() - len(cells)


def test_cells_that_were_not_run_have_the_sizes_of_their_networks(frame):
    """The made-up rows have 120 n_c^2 + 174 n_c + 3 n_c m_z + 2 m_z + 15 parameters."""
    table = figures.numbers("heat", frame)
    m_z, n_c = np.array([3.0, 64.0]), np.array([5.0, 128.0])
    truth = 120 * n_c**2 + 174 * n_c + 3 * n_c * m_z + 2 * m_z + 15
    sizes = heat.sizes(table, m_z, n_c)
    assert sizes is not None
    np.testing.assert_allclose(sizes, truth, rtol=1e-6)
    other = table.assign(parameters=table["parameters"] * (1 + (table["n_c"] == 8)))
    assert heat.sizes(other, m_z, n_c) is None
    assert heat.sizes(table[:3], m_z, n_c) is None


def test_learning_curves_have_the_smallest_m_z_and_mark_the_best_epoch(frame):
    table = figures.numbers("learning", frame)
    assert table["m_z"].unique().tolist() == [1] and sorted(table["n_c"].unique()) == [
        2,
        4,
        8,
        16,
        32,
    ]
    best = table[table["best"] & (table["metric"] == "test_elbo")]
    assert best["epoch"].tolist() == [115] * 5  # 0.25 above the last in the made-up rows
    own = frame[(frame["m_z"] == 1) & (frame["n_c"] == 4) & (frame["epoch"] == 40)]
    row = table[(table["n_c"] == 4) & (table["epoch"] == 40) & (table["metric"] == "test_elbo")]
    assert row["mean"].iloc[0] == pytest.approx(own["test_elbo"].mean())
    with pytest.raises(ResultsError, match="two epochs of two n_c"):
        figures.numbers("learning", frame[frame["n_c"] == 4])


def test_learning_curves_choose_the_best_epoch_on_validation_images(frame):
    """The validation ELBO is made highest at epoch 40, whatever the test ELBO is."""
    made = frame.assign(validation_elbo=-(frame["epoch"] - 40).abs().astype(float))
    table = figures.numbers("learning", made)
    assert set(table["chosen_on"]) == {"validation_elbo"}
    assert table.loc[table["best"], "epoch"].unique().tolist() == [40]
    texts = " ".join(text.get_text() for text in figures.draw("learning", made).texts)
    assert "highest mean on validation images" in texts.replace("\n", " ")


def test_the_parts_of_the_loss_add_up(studies):
    studies.data_sources()
    table = figures.numbers("gaps", studies.frame())
    wide = table.pivot(index="line", columns="part", values="mean")
    np.testing.assert_allclose(wide[["train", "model", "inference"]].sum(axis=1), wide["test"])
    gap = wide["model"] + wide["inference"]
    seven = figures.numbers("table7", studies.frame()).set_index(["gap", "source"])["mean"]
    np.testing.assert_allclose(gap, seven["generalization_gap"].reindex(gap.index))
    with pytest.raises(ResultsError, match="need amortization_gap"):
        figures.numbers("gaps", studies.frame().drop(columns="amortization_gap"))


def test_the_interval_of_the_test_loss_is_whole(studies):
    studies.data_sources()
    frame = studies.frame()
    frame["test_elbo"] += frame["seed"] * 20.0  # intervals that reach far beyond the bars
    table = figures.numbers("gaps", frame)
    (ax,) = figures.draw("gaps", frame).axes
    whole = table[table["part"] == "test"]
    assert (whole["high"] - whole["mean"]).max() > 20
    assert ax.get_xlim()[1] > whole["high"].max()


def test_numbers_of_parts_that_lead_back_do_not_cover_others(studies):
    """The model gains on test images what the bars before it say: all parts can be read."""
    studies.data_sources()
    frame = studies.frame()
    gap = 0.4 * frame["amortization_gap"]
    frame = frame.assign(generalization_gap=gap, train_elbo=frame["test_elbo"] + gap)
    assert (figures.numbers("gaps", frame).query("part == 'model'")["mean"] < 0).all()
    figure = figures.draw("gaps", frame)
    figure.draw_without_rendering()
    (ax,) = figure.axes
    boxes = [text.get_window_extent() for text in ax.texts]
    for at, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[at + 1 :])
    left = ax.get_window_extent().x0
    assert min(bar.get_window_extent().x0 for bar in ax.patches) > left - 0.5  # pixels


def test_the_noise_is_the_standard_deviation_with_an_interval_that_covers(make):
    frame = make({(1, 2): [1.0, 3.0, 8.0, 8.0], (1, 4): [2.0, 2.5, 2.0], (1, 8): [1.0, 2.0]})
    table = figures.numbers("noise", frame)
    assert table["n_c"].tolist() == [2, 4]  # two replicates are too few
    assert table["sd"][0] == pytest.approx(np.std([1, 3, 8, 8], ddof=1))
    rng, hits = np.random.default_rng(0), 0
    for _ in range(40):
        values = {(1, n_c): list(rng.normal(0, 2.0, 4)) for n_c in range(2, 27)}
        found = figures.numbers("noise", make(values))
        hits += int(((found["sd_low"] < 2.0) & (2.0 < found["sd_high"])).sum())
    assert stats.binomtest(hits, 1000, 0.95).pvalue > 0.001


def test_the_front_has_the_models_that_no_other_beats(make):
    frame = make({(1, 2): [9, 9, 9], (1, 4): [5, 5, 5], (1, 8): [6, 6, 6], (1, 16): [3, 3, 3]})
    frame["seconds"] = frame["n_c"].map({2: 1.0, 4: 2.0, 8: 3.0, 16: 4.0})
    table = figures.numbers("cost", frame)
    assert table.set_index("n_c")["front"].to_dict() == {2: True, 4: True, 8: False, 16: True}
    for _, row in table.iterrows():
        beaten = (table["seconds"] <= row["seconds"]) & (table["mean"] <= row["mean"])
        assert row["front"] == (beaten.sum() == 1)
    with pytest.raises(ResultsError, match="needs seconds"):
        figures.numbers("cost", frame.drop(columns="seconds"))


def test_samples_are_those_of_each_cells_first_trial_with_images(results):
    results.fill({(1, 2): 9.0, (1, 4): 5.0, (2, 4): 4.0}, seeds=[0, 1])
    for number, folder in enumerate(sorted((results.root / "trials").iterdir())):
        images = np.full((5, 1, 8, 8), number, np.uint8)
        if not folder.name.endswith("1-2-s0"):
            np.savez(folder / "arrays.npz", samples=images, test_images=images[:2])
    study = results.close()
    frame = figures.load("samples", study)
    table = figures.numbers("samples", frame)
    ends = [key.rpartition("-s")[2] for key in table["key"]]
    assert ends == ["1", "0", "0"] and table["samples"].tolist() == [5, 5, 5]
    figure = figures.draw("samples", frame)
    assert sum(bool(ax.images) for ax in figure.axes) == 3 and len(figure.axes) == 4
    assert [t.get_text() for ax in figure.axes for t in ax.texts] == ["not run"]
    with pytest.raises(ResultsError, match="need the images"):
        figures.numbers("samples", load(study))


def test_sources_differ_by_marker_in_each_figure(frame):
    other = frame.assign(source="dmaapx", key="d" + frame["key"], test_elbo=frame["test_elbo"] + 2)
    both = pd.concat([frame, other], ignore_index=True)
    for name in ("heat", "learning", "noise", "cost"):
        figure = figures.draw(name, both, "a note")
        assert figure.get_supxlabel().endswith("a note")
    markers = {line.get_marker() for line in figures.draw("noise", both).axes[0].lines}
    assert {"o", "s"} <= markers


def test_results_with_many_metrics_are_drawn_without_warnings_of_pandas():
    rows = Path(analysis.__file__).parent / "published" / "cifar10-small" / "downstream.parquet"
    frame = load(rows)
    assert frame.shape[1] > 100  # pandas warns of so many columns that were added one by one
    assert len(figures.numbers("cost", frame))
    assert content(rows)["heat"]
