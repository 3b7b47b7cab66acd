"""Trials that ended early by their rule: found on disk, marked in figures, counted in no mean."""

import pytest

from analysis import curves, descent, figures, paths
from analysis.report import report
from analysis.results import load

EARLY = {"state": "done", "epoch": 40, "censored": "collapsed"}


@pytest.fixture
def ended(results):
    """Figure 8's path; at its last point seed 2 collapsed."""
    results.fill(seeds=(0, 1))
    results.fill({p: v for p, v in results.TRUTH.items() if p != (16, 64)}, seeds=(2,))
    trial = results.vae(16, 64, 2)
    results.add(trial, [results.row(trial, 40, 500.0)], EARLY)
    return results.close()


def crosses(ax):
    return [line.get_xdata()[0] for line in ax.lines if line.get_gid() == "stopped"]


def test_it_is_censored_and_has_no_final_value(ended):
    frame = load(ended)
    stopped = curves.stopped(frame)
    assert list(zip(stopped["m_z"], stopped["n_c"], stopped["seed"], strict=True)) == [(16, 64, 2)]
    assert set(stopped["censored"]) == {"collapsed"}
    finals = curves.final(frame)
    assert len(finals[(finals["m_z"] == 16) & (finals["n_c"] == 64)]) == 2
    assert finals["test_elbo"].min() > -200  # its loss of 500 is in none of them


def test_figures_mark_it_where_it_stands(ended):
    frame = load(ended)
    steps = paths.path(frame)
    last = len(steps) - 1
    figure = figures.draw("fig8", frame)
    assert crosses(figure.axes[1]) == [last]
    assert any("1 collapsed (normal, m_z=16, n_c=64)" in text.get_text() for text in figure.texts)
    panels = figures.draw("fig7", frame).axes
    assert [crosses(ax) for ax in panels[:2]] == [[], []]  # n_c = 64 is not the width of a and b
    done = frame[frame["state"] == "done"]
    assert crosses(figures.draw("fig8", done).axes[1]) == []


def test_the_verdict_leaves_its_seed_out(ended):
    found = descent.verdict(load(ended))
    assert found.units == [0, 1]
    assert found.missing == ["(m_z=16, n_c=64): seed 2"]


def test_the_report_counts_it(ended):
    assert "29 of 30 trials done, 1 censored." in report(ended, ["fig8"])[0]


def test_a_study_of_fewer_epochs_has_it_whole(results):
    """What a shorter study asked for was trained before the rule applied."""
    trial = results.vae(1, 2, 0)
    results.add(trial, [results.row(trial, 20, 1.0), results.row(trial, 40, 2.0)], EARLY, key="one")
    results.asked["one"] = {"epochs": 20}
    frame = load(results.close())
    assert set(frame["state"]) == {"done"} and list(frame["epoch"]) == [20]
