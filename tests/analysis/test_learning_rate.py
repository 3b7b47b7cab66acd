"""The best learning rate of each cell: by validation alone, in all replicates."""

import numpy as np
import pandas as pd
import pytest

from analysis import figures, learning_rate
from analysis.errors import ResultsError
from analysis.results import load
from analysis.statistics.intervals import t_interval

RATES = (1e-3, 3e-3, 1e-2)
# validation ELBO of each rate, at (m_z, n_c)
TRUTH = {
    (1, 2): (-90.0, -80.0, -85.0),
    (1, 8): (-70.0, -75.0, -99.0),
    (4, 8): (-60.0, -55.0, -50.0),
}


@pytest.fixture
def filled(results):
    """Writes each cell at each rate in three replicates; the test ELBO prefers the worst rate."""

    def fill(truth=TRUTH, replicates=3, skip=(), failed=(), source=results.NORMAL):
        for (m_z, n_c), values in truth.items():
            for lr, value in zip(RATES, values, strict=True):
                for replicate in range(replicates):
                    if (m_z, n_c, lr, replicate) in skip:
                        continue
                    trial = results.vae(m_z, n_c, 0, source, lr=lr, replicate=replicate)
                    # differences of replicates are similar at all rates
                    y = value + (replicate - 1) * (1 + lr)
                    ends = ((60, y - 9), (115, y - 0.5), (120, y + 0.5))
                    made = [{"epoch": e, "validation_elbo": v, "test_elbo": -v} for e, v in ends]
                    lost = (m_z, n_c, lr, replicate) in failed
                    key = f"{m_z}-{n_c}-{lr}-{replicate}-{source['real_share']}"
                    rows = made[:1] if lost else made
                    results.add(trial, rows, "failed" if lost else "done", key=key)
        return load(results.close())

    return fill


def test_the_best_rate_is_chosen_by_validation_and_never_by_the_test_set(filled):
    frame = filled()
    table = learning_rate.best(frame)
    found = {(row.m_z, row.n_c): row.lr for row in table.itertuples()}
    assert found == {(1, 2): 3e-3, (1, 8): 1e-3, (4, 8): 1e-2}
    by_test = frame[frame["epoch"] == 120].groupby(["m_z", "n_c", "lr"])["test_elbo"].mean()
    for place, lr in found.items():
        assert by_test[place].idxmax() != lr  # the test set would choose another


def test_nothing_of_the_test_set_changes_the_table(filled):
    frame = filled()
    shuffled = frame.assign(test_elbo=np.random.default_rng(0).permutation(frame["test_elbo"]))
    dropped = frame.drop(columns="test_elbo")
    for other in (shuffled, dropped):
        pd.testing.assert_frame_equal(learning_rate.best(other), learning_rate.best(frame))


def test_sizes_are_over_replicates_and_paired(filled):
    row = learning_rate.best(filled().assign(draws="disjoint sets")).iloc[0]
    values = np.array([-80.0 + (r - 1) * (1 + 3e-3) for r in range(3)])
    other = np.array([-85.0 + (r - 1) * (1 + 1e-2) for r in range(3)])
    assert (row["n"], row["runner_up"]) == (3, 1e-2)
    assert [row["mean"], row["low"], row["high"]] == pytest.approx(
        [getattr(t_interval(values), name) for name in ("mean", "low", "high")]
    )
    ahead = t_interval(values - other)
    assert row["difference"] == pytest.approx(5.0)
    assert [row["difference_low"], row["difference_high"]] == pytest.approx([ahead.low, ahead.high])


def test_seeds_of_a_draw_count_once_and_overlapping_splits_widen(filled):
    """Seeds say nothing about other images, so they are averaged; splits share images."""
    frame = filled().assign(draws="disjoint sets")
    seeds = [frame.assign(seed=s, key=frame["key"] + f"-{s}") for s in range(4)]
    row = learning_rate.best(pd.concat(seeds, ignore_index=True)).iloc[0]
    alone = learning_rate.best(frame).iloc[0]
    assert [row[n] for n in ("n", "mean", "low", "high")] == pytest.approx(
        [alone[n] for n in ("n", "mean", "low", "high")]
    )
    sizes = {"train_images": 300, "test_images": 1000, "drawn_from": 1600, "validation_images": 300}
    wide = learning_rate.best(frame.assign(draws="random splits", **sizes)).iloc[0]
    assert wide["high"] - wide["low"] > 1.2 * (alone["high"] - alone["low"])


def test_the_best_at_an_edge_is_a_warning(filled):
    table = learning_rate.best(filled())
    assert list(table["edge"]) == ["", "low", "high"]
    high, low = learning_rate.warnings(table)
    assert "largest one tried, 0.01, at normal (m_z=4, n_c=8)" in high
    assert "smallest one tried, 0.001, at normal (m_z=1, n_c=8)" in low
    assert list(learning_rate.warnings(table.iloc[:1])) == []


def test_a_rate_that_failed_in_one_replicate_is_not_chosen(filled):
    table = learning_rate.best(filled(failed={(4, 8, 1e-2, 1)}))
    row = table[table["m_z"] == 4].iloc[0]
    assert (row["lr"], row["n"], row["left_out"]) == (3e-3, 3, "0.01")
    assert (row["highest"], row["edge"]) == (1e-2, "")  # a larger rate was tried, though it failed
    (output,) = [line for line in learning_rate.warnings(table) if line.startswith("Left out")]
    assert "0.01 at normal (m_z=4, n_c=8)" in output


def test_a_rate_of_fewer_replicates_is_not_chosen(filled):
    table = learning_rate.best(filled(skip={(4, 8, 1e-2, 2)}))
    assert table[table["m_z"] == 4].iloc[0]["lr"] == 3e-3


def test_sources_have_rates_of_their_own(filled, results):
    filled()
    frame = filled({(1, 2): (-10.0, -20.0, -5.0)}, source=results.DMAAPX)
    table = learning_rate.best(frame).set_index(["source", "m_z", "n_c"])["lr"]
    assert (table["normal", 1, 2], table["dmaapx", 1, 2]) == (3e-3, 1e-2)


def test_without_validation_there_is_no_choice(filled):
    frame = filled()
    for without in (frame.drop(columns="validation_elbo"), frame.assign(validation_elbo=np.nan)):
        with pytest.raises(ResultsError, match="no validation images.*--set partition=disjoint"):
            learning_rate.best(without)


def test_seeds_of_older_rows_count_as_replicates(results):
    for seed in range(3):
        for lr, value in zip(RATES, (-9.0, -7.0, -8.0), strict=True):
            made = [{"epoch": 120, "validation_elbo": value + seed}]
            results.add(results.vae(1, 2, seed, lr=lr), made, key=f"{lr}-{seed}")
    row = learning_rate.best(load(results.close())).iloc[0]
    assert (row["lr"], row["n"], row["mean"]) == (3e-3, 3, pytest.approx(-6.0))


def test_the_table_and_the_figure_show_every_cell(filled):
    frame = filled()
    lines = figures.text("learning_rate", frame)
    assert len(lines) == 1 + len(TRUTH) + 2  # the head, the cells and warnings
    assert "0.003" in lines[1] and "+5.00" in lines[1]
    for suffix in ("md", "tex"):
        assert sum("normal" in line for line in figures.text("learning_rate", frame, suffix)) >= 3
    numbers = figures.numbers("learning_rate", frame)
    assert len(numbers) == 3 * len(TRUTH)
    best = numbers[numbers["best"]]
    assert list(best["lr"]) == [3e-3, 1e-3, 1e-2]
    assert list(numbers[~numbers["best"]]["behind"] > 0) == [True] * 6
    drawn = figures.draw("learning_rate", frame)
    assert [ax.get_title(loc="left") for ax in drawn.axes[:2]] == [
        "normal, $m_z=1$",
        "normal, $m_z=4$",
    ]
    assert drawn.get_supxlabel() == "means over 3 random splits of these images"
