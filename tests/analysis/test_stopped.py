"""Trials that ended early by their rule: marked in figures, and left out of means."""

import pytest

from analysis import curves, figures
from analysis.double_descent import descent, paths
from analysis.report import report
from analysis.results import load

EARLY = {"state": "done", "epoch": 40, "censored": "collapsed"}


def end_early(results, place):
    """Writes Figure 8's path, at one point of which seed 2 collapsed."""
    results.fill(seeds=(0, 1))
    results.fill({p: v for p, v in results.TRUTH.items() if p != place}, seeds=(2,))
    trial = results.vae(*place, 2)
    results.add(trial, [results.row(trial, 40, 500.0)], EARLY)
    return results.close()


@pytest.fixture
def ended(results):
    """Writes results with a collapsed trial at the path's second turn."""
    return end_early(results, (16, 32))


@pytest.fixture
def ended_last(results):
    """Writes results with a collapsed trial at the path's last point."""
    return end_early(results, (16, 64))


def crosses(ax):
    return [line.get_xdata()[0] for line in ax.lines if line.get_gid() == "stopped"]


def test_a_trial_that_ended_early_is_censored_and_has_no_final_value(ended):
    frame = load(ended)
    stopped = curves.stopped(frame)
    assert list(zip(stopped["m_z"], stopped["n_c"], stopped["seed"], strict=True)) == [(16, 32, 2)]
    assert set(stopped["censored"]) == {"collapsed"}
    finals = curves.final(frame)
    assert len(finals[(finals["m_z"] == 16) & (finals["n_c"] == 32)]) == 2
    assert finals["test_elbo"].min() > -200  # its loss of 500 is in no final value


def test_figures_mark_a_trial_that_ended_early_at_its_width(ended):
    frame = load(ended)
    place = len(paths.path(frame)) - 2
    figure = figures.draw("fig8", frame)
    assert crosses(figure.axes[0]) == [place]
    assert any("1 collapsed (normal, m_z=16, n_c=32)" in text.get_text() for text in figure.texts)
    done = frame[frame["state"] == "done"]
    assert crosses(figures.draw("fig8", done).axes[0]) == []


def test_the_verdict_leaves_out_the_seed_of_an_ended_trial(ended):
    """Without its turn the seed has no path."""
    found = descent.verdict(load(ended))
    assert found.units == [0, 1] and not found.left_out
    assert found.missing == ["(m_z=16, n_c=32): seed 2"]


def test_the_verdict_leaves_out_the_last_point_of_the_path(ended_last):
    """Every seed has the path without that point, and the verdict names it."""
    frame = load(ended_last)
    found = descent.verdict(frame)
    assert found.units == [0, 1, 2] and found.left_out == [(16, 64)]
    assert found.missing == ["(m_z=16, n_c=64): seed 2"]
    notes = " ".join(text.get_text() for text in figures.draw("fig8", frame).texts)
    assert "1 collapsed (normal, m_z=16, n_c=64)" in notes and "with fewer draws: (16, 64)" in notes
    panels = figures.draw("fig7", frame).axes
    assert [crosses(ax) for ax in panels[:2]] == [[], []]  # n_c = 64 is not the width of a and b


def test_the_report_counts_trials_that_ended_early(ended):
    assert "29 of 30 trials done, 1 censored." in report(ended, ["fig8"])[0]


def test_an_ended_trial_is_done_for_a_study_of_fewer_epochs(results):
    """The epochs of a shorter study were trained before the rule applied."""
    trial = results.vae(1, 2, 0)
    results.add(trial, [results.row(trial, 20, 1.0), results.row(trial, 40, 2.0)], EARLY, key="one")
    results.requested["one"] = {"epochs": 20}
    frame = load(results.close())
    assert set(frame["state"]) == {"done"} and list(frame["epoch"]) == [20]
