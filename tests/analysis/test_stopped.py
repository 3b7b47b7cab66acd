"""Trials that ended early by their rule: found on disk, marked in figures, counted in no mean."""

import pytest

from analysis import curves, descent, figures, paths
from analysis.report import report
from analysis.results import load

EARLY = {"state": "done", "epoch": 40, "censored": "collapsed"}


def end_early(results, place):
    """Figure 8's path; at one point of it seed 2 collapsed."""
    results.fill(seeds=(0, 1))
    results.fill({p: v for p, v in results.TRUTH.items() if p != place}, seeds=(2,))
    trial = results.vae(*place, 2)
    results.add(trial, [results.row(trial, 40, 500.0)], EARLY)
    return results.close()


@pytest.fixture
def ended(results):
    """Collapsed at the path's second turn."""
    return end_early(results, (16, 32))


@pytest.fixture
def ended_last(results):
    """Collapsed at the path's last point."""
    return end_early(results, (16, 64))


def crosses(ax):
    return [line.get_xdata()[0] for line in ax.lines if line.get_gid() == "stopped"]


def test_it_is_censored_and_has_no_final_value(ended):
    frame = load(ended)
    stopped = curves.stopped(frame)
    assert list(zip(stopped["m_z"], stopped["n_c"], stopped["seed"], strict=True)) == [(16, 32, 2)]
    assert set(stopped["censored"]) == {"collapsed"}
    finals = curves.final(frame)
    assert len(finals[(finals["m_z"] == 16) & (finals["n_c"] == 32)]) == 2
    assert finals["test_elbo"].min() > -200  # its loss of 500 is in none of them


def test_figures_mark_it_where_it_stands(ended):
    frame = load(ended)
    place = len(paths.path(frame)) - 2
    figure = figures.draw("fig8", frame)
    assert crosses(figure.axes[0]) == [place]
    assert any("1 collapsed (normal, m_z=16, n_c=32)" in text.get_text() for text in figure.texts)
    done = frame[frame["state"] == "done"]
    assert crosses(figures.draw("fig8", done).axes[0]) == []


def test_the_verdict_leaves_its_seed_out(ended):
    """Without its turn the seed has no path."""
    found = descent.verdict(load(ended))
    assert found.units == [0, 1] and not found.left_out
    assert found.missing == ["(m_z=16, n_c=32): seed 2"]


def test_at_the_end_of_the_path_the_point_is_left_out(ended_last):
    """Every seed has the path without it; what is left out is told."""
    frame = load(ended_last)
    found = descent.verdict(frame)
    assert found.units == [0, 1, 2] and found.left_out == [(16, 64)]
    assert found.missing == ["(m_z=16, n_c=64): seed 2"]
    told = " ".join(text.get_text() for text in figures.draw("fig8", frame).texts)
    assert "1 collapsed (normal, m_z=16, n_c=64)" in told and "with fewer draws: (16, 64)" in told
    panels = figures.draw("fig7", frame).axes
    assert [crosses(ax) for ax in panels[:2]] == [[], []]  # n_c = 64 is not the width of a and b


def test_the_report_counts_it(ended):
    assert "29 of 30 trials done, 1 censored." in report(ended, ["fig8"])[0]


def test_a_study_of_fewer_epochs_has_it_whole(results):
    """What a shorter study asked for was trained before the rule applied."""
    trial = results.vae(1, 2, 0)
    results.add(trial, [results.row(trial, 20, 1.0), results.row(trial, 40, 2.0)], EARLY, key="one")
    results.requested["one"] = {"epochs": 20}
    frame = load(results.close())
    assert set(frame["state"]) == {"done"} and list(frame["epoch"]) == [20]
