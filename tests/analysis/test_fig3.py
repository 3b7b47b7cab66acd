"""Figure 3: log-densities along interpolations, from rows and from parquet, over seeds."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis import figures, style
from analysis.errors import ResultsError
from analysis.statistics.intervals import t_interval
from analysis.storage.compact import compact
from tests.analysis.made_up import rows, source

POINTS = 11


def curve(name, part, seed):
    """Returns a wave in nats, half as high for diffusion samples as for normal training."""
    x = np.linspace(0, 1, POINTS)
    high = {"normal": 4.0, "dmaapx": 2.0}[name] * {"first": 1.0, "mean": 0.1}[part]
    return high * np.sin(9 * x) + 10 * seed


def measured(name, seed):
    made = rows(1.0, 1.0, seed)
    made[-1] |= {
        f"interpolation_{part}": json.dumps(curve(name, part, seed).tolist())
        for part in ("first", "mean")
    }
    first = curve(name, "first", seed)
    made[-1] |= {"roughness": float(abs(np.diff(first)).sum())}
    made[-1] |= {"interpolation_log_q": float(first.mean())}
    return made


@pytest.fixture
def frame(studies):
    for name in ("normal", "dmaapx"):
        for seed in range(3):
            studies.vae(measured(name, seed), seed, source=source(name))
    return studies.frame()


def test_the_numbers_are_means_of_curves_over_seeds(frame):
    table = figures.numbers("fig3", frame)
    assert len(table) == 2 * (2 * POINTS + 2)
    mean = table[(table["part"] == "interpolation_mean") & (table["line"] == "dmaapx")]
    assert mean["alpha"].tolist() == pytest.approx([at / 10 for at in range(11)])
    each = [curve("dmaapx", "mean", seed)[3] for seed in range(3)]
    expected, found = t_interval(each), mean.iloc[3]
    assert (found["mean"], found["low"]) == pytest.approx((expected.mean, expected.low))
    rough = table[table["part"] == "roughness"].set_index("line")["mean"]
    assert rough["normal"] == pytest.approx(2 * rough["dmaapx"])


def test_one_pair_of_the_first_seed_and_the_mean_are_drawn(frame):
    axes = figures.draw("fig3", frame).axes
    colour = style.SOURCE_COLOURS["normal"]
    (alone,) = [line for line in axes[0].lines if line.get_color() == colour]
    np.testing.assert_allclose(np.asarray(alone.get_ydata()), curve("normal", "first", 0))
    thick = [line for line in axes[1].lines if line.get_linewidth() > 1]
    np.testing.assert_allclose(np.asarray(thick[0].get_ydata()), curve("normal", "mean", 1))
    assert len([line for line in axes[1].lines if line.get_linewidth() < 1]) == 6
    assert [text.get_text() for text in axes[2].get_yticklabels()] == ["normal", "DMaaPx"]


def test_a_parquet_file_gives_the_same_numbers(frame, results):
    loaded = figures.load("fig3", compact(results.close()))
    pd.testing.assert_frame_equal(figures.numbers("fig3", loaded), figures.numbers("fig3", frame))


def test_without_curves_the_error_says_what_to_run(studies):
    studies.each_seed(800.0, 840.0)
    with pytest.raises(ResultsError, match="Run scaling-vae study smoothness"):
        figures.draw("fig3", studies.frame())


def test_curves_of_other_points_are_not_joined(frame):
    """Not even those of one trial's epochs, of which the last ones are averaged."""
    mixed = frame.assign(smoothness_options=np.where(frame["seed"] == 0, "points=3", "defaults"))
    with pytest.raises(ResultsError, match="interpolation_mean was measured with smoothness_opt"):
        figures.numbers("fig3", mixed)
    last = frame[frame["epoch"] == frame["epoch"].max()].assign(smoothness_options="points=3")
    both = pd.concat([last.assign(epoch=last["epoch"] - 1, smoothness_options=None), last])
    both = both.reset_index(drop=True)
    with pytest.raises(ResultsError, match="smoothness_options defaults and points=3"):
        figures.numbers("fig3", both)
