"""Loss over compute, and the ticks of a law's axis."""

import numpy as np
import pandas as pd
import pytest

from analysis.laws import frames
from analysis.laws.figure import draw
from analysis.laws.law import law
from tests.analysis.laws.drawn import frame


def several(column, values):
    """Makes results at several values of a column; the larger ones have a smaller loss."""
    parts = []
    for step, value in enumerate(values):
        part = frame(seeds=2, **{column: value})
        worse = part["test_elbo"] - 40 / 2**step
        part = part.assign(key=f"{value}-" + part["key"], test_elbo=worse)
        if column == "train_size":
            part["training_flops"] *= 2.0**step
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    "x, column, values", [("train_size", "train_size", (75, 150, 300, 600)),
                          ("k", "source_k", (1.0, 2.0, 5.0, 20.0))]
)  # fmt: skip
def test_losses_over_compute_of_different_sizes_are_not_averaged(x, column, values):
    some = several(column, values)
    some = some[some["source"] == "dmaapx"]
    table = frames.over_compute(some, frames.variables(some, x, "test_elbo"))
    assert set(table[column]) == set(values)
    chosen = (some[column] == values[1]) & (some["n_c"] == 8) & (some["epoch"] == 100)
    here = (table[column] == values[1]) & (table["n_c"] == 8) & (table["epoch"] == 100)
    assert table[here]["loss"].tolist() == pytest.approx([-some[chosen]["test_elbo"].mean()])


def test_the_sizes_of_the_data_are_ticks_and_every_line_grows_in_compute():
    sizes = (75, 150, 300, 600)
    some = several("train_size", sizes)
    what = frames.variables(some, "train_size", "test_elbo")
    found = [law(curve) for curve in frames.curves_of(some, what)]
    left, right = draw(found, what, frames.over_compute(some, what)).axes
    assert [tick.get_text() for tick in left.get_xticklabels()] == [str(n) for n in sizes]
    assert not [text for text in left.get_xticklabels(minor=True) if text.get_text()]
    thin = [line for line in right.lines if line.get_linewidth() < 1]
    assert len(thin) == 2 * 5 * len(sizes)
    assert all((np.diff(np.asarray(line.get_xdata(), float)) > 0).all() for line in thin)


def test_sources_without_a_k_keep_their_lines():
    some = several("source_k", (1.0, 2.0, 5.0, 20.0))
    some.loc[some["source"] == "normal", "source_k"] = np.nan
    some = some.drop_duplicates(["source", "source_k", "n_c", "seed", "epoch"])
    table = frames.over_compute(some, frames.variables(some, "k", "test_elbo"))
    assert set(table["source"]) == {"normal", "dmaapx"}
