"""Curves: final values, the path of Figure 8 with its corner, and the grid of Figure 7."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.curves import check_one_trial_each, corner, final, grid, over_m_z, over_n_c, where
from analysis.double_descent.paths import along, missing, path
from analysis.errors import ResultsError
from analysis.storage.unmeasured import with_unmeasured

PAPER = {(m_z, 256) for m_z in (1, 2, 4, 8, 16, 32, 64)}
PAPER |= {(m_z, 2**i) for m_z in (1, 2, 8, 64) for i in range(10)}


def _points(pairs):
    return pd.DataFrame(sorted(pairs), columns=["m_z", "n_c"])


def _places(steps):
    return list(steps[["m_z", "n_c"]].itertuples(index=False, name=None))


def test_a_final_value_is_the_mean_of_the_last_tenth_of_the_epochs(make):
    epochs = [10, 90, 91, 100]
    frame = pd.concat([make({(1, 2): [epoch]}).assign(epoch=epoch) for epoch in epochs])
    assert final(frame)["test_elbo"].tolist() == [-(91 + 100) / 2]
    assert final(frame)["epoch"].tolist() == [100]


def test_a_final_value_is_taken_from_rows_that_measured_it(make):
    frame = pd.concat([make({(1, 2): [7]}).assign(epoch=epoch) for epoch in (98, 99, 100)])
    frame["amortization_gap"] = [4.0, None, 6.0]
    assert final(frame)["amortization_gap"].tolist() == [5.0]
    frame["amortization_gap"] = [None, None, None]
    assert final(frame.astype({"amortization_gap": float}))["amortization_gap"].isna().all()


def test_a_final_value_of_results_on_disk(results):
    results.fill({(1, 2): 100.0}, seeds=[0], noise=0.0)
    assert final(_load(results))["test_elbo"].tolist() == [-100.0]  # the mean of -99.75 and -100.25


def _load(results):
    from analysis.results import load

    return load(results.close())


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"epoch": 20}, "Trials of one curve were trained for 10 and 20 epochs, and no mean or"),
        ({"lr": 0.03}, "These results mix lr 0.003, 0.03, which no curve over sizes may join. "),
        ({"batch": 7}, "mix batch 100, 7, which no curve over sizes may join"),
        ({"half_asleep_from": 5}, "mix half_asleep_from 0, 5, which no curve over sizes may join"),
        ({"source_k": 5.0}, "mix source_k 10.0, 5.0, which no curve over sizes may join"),
    ],
)
def test_sizes_that_differ_in_more_than_size_are_no_curve(make, changed, message):
    """Else training time or a learning rate could pass for an effect of size."""
    same = {"lr": 0.003, "batch": 100, "half_asleep_from": 0, "source_k": 10.0}
    small, large = make({(1, 2): [5, 6]}).assign(**same), make({(1, 4): [3, 4]}).assign(**same)
    assert len(final(pd.concat([small, large]))) == 4
    with pytest.raises(ResultsError, match=message):
        final(pd.concat([small, large.assign(**changed)]))


def test_sources_differ_in_fields_of_sources(make):
    samples = make({(1, 2): [4]}, source="dmaapx").assign(source_k=10.0, source_real_share=0.0)
    real = make({(1, 2): [5]}).assign(source_real_share=1.0)
    assert len(final(pd.concat([real, samples]))) == 2


def test_what_was_chosen_for_each_size_may_differ_along_a_curve(make):
    frame = pd.concat([make({(1, 2): [5]}).assign(lr=0.01), make({(1, 4): [3]}).assign(lr=0.02)])
    assert len(final(frame.assign(chosen_fields="momentum lr"))) == 2
    with pytest.raises(ResultsError, match="mix lr"):
        final(frame.assign(chosen_fields="momentum"))


def test_unfinished_trials_and_other_kinds_have_no_final_values(make):
    frame = pd.concat([make({(1, 2): [5, None]}), make({(1, 4): [3]}).assign(kind="diffusion")])
    assert final(frame)[["n_c", "seed"]].to_numpy().tolist() == [[2, 0]]
    with pytest.raises(ResultsError, match="No VAE trial is finished"):
        final(make({(1, 2): [None]}))


def test_final_values_do_not_mix_settings(make):
    frame = pd.concat(
        [
            make({(1, 2): [5]}).assign(dataset="digits"),
            make({(1, 4): [5]}).assign(dataset="cifar10"),
        ]
    )
    with pytest.raises(ResultsError, match="mix dataset.*--where dataset=digits"):
        final(frame)
    frame = pd.concat(
        [
            make({(1, 2): [5]}).assign(lr=0.1),
            make({(1, 2): [6]}).assign(lr=0.2, key="b"),
        ]
    )
    with pytest.raises(ResultsError, match=r"differ in lr\. Choose one: --where lr=0\.1"):
        final(frame)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (PAPER, 256),  # the width with most m_z
        ({(m, n) for m in (1, 2, 4) for n in (8, 16, 32)}, 16),  # all equal: room for phase 3
        ({(1, 8), (1, 16), (2, 16), (2, 8)}, 8),
        ({(1, 8), (1, 16), (2, 16)}, 16),
        ({(2, 8), (4, 8), (1, 4), (2, 4), (1, 2)}, 4),  # of two widths the one with m_z = 1
    ],
)
def test_the_corner_is_the_width_with_most_m_z(pairs, expected):
    assert corner(_points(pairs)) == expected


def test_the_path_has_the_places_of_the_paper(make):
    steps = path(make({place: [1.0] for place in PAPER}))
    up = [(1, 2**i) for i in range(9)]
    assert _places(steps) == [*up, *((m, 256) for m in (2, 4, 8, 16, 32, 64)), (64, 512)]
    assert steps["phase"].tolist() == [1] * 9 + [2] * 6 + [3]


def test_the_path_is_that_of_normal_training_if_there_is_any(make):
    frame = pd.concat(
        [
            make({(1, 2): [1], (1, 4): [1], (2, 4): [1], (2, 8): [1]}),
            make({(4, 4): [1], (4, 16): [1]}, source="dmaapx"),
        ]
    )
    assert _places(path(frame)) == [(1, 2), (1, 4), (2, 4), (2, 8)]


def test_incomplete_path_keeps_its_turns_and_says_what_is_missing(make):
    frame = make(
        {
            (1, 2): [9, 9],
            (1, 4): [8, None],
            (2, 8): [7, 7],
            (4, 8): [6, 6],
            (8, 8): [None, None],
            (16, 16): [5, 5],
        }
    )
    steps = path(frame)
    assert _places(steps) == [(1, 2), (1, 4), (1, 8), (2, 8), (4, 8), (8, 8), (16, 8), (16, 16)]
    assert missing(frame, final(frame), steps, "normal", "test_elbo") == [
        "(m_z=1, n_c=4): seed 1",
        "(m_z=1, n_c=8): all seeds",
        "(m_z=8, n_c=8): all seeds",
        "(m_z=16, n_c=8): all seeds",
    ]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([(1, 2), (1, 4), (1, 8)], "No n_c has two or more m_z here .m_z = 1; n_c = 2, 4, 8"),
        ([(1, 2), (2, 2), (4, 2)], "at m_z=1 it needs two n_c"),
    ],
)
def test_no_path_is_an_error_with_a_way_out(make, pairs, message):
    with pytest.raises(ResultsError, match=message) as error:
        path(make({pair: [1.0] for pair in pairs}))
    assert "scaling-vae study double_descent" in str(error.value)


def test_values_along_the_path_are_seeds_by_points(make):
    frame = make({(1, 2): [3, 4], (1, 4): [1, None], (2, 4): [5, 6]})
    wide = along(final(frame), path(frame), "normal", "test_elbo")
    columns: list[Any] = list(wide.columns)
    assert columns == [(1, 2), (1, 4), (2, 4)]
    np.testing.assert_equal(wide.to_numpy()[:2, 1:], [[-1.0, -5.0], [np.nan, -6.0]])
    assert wide.to_numpy()[0, 0] == -3.0


def test_the_axes_of_figure_7_are_found(make):
    finals = final(make({place: [1.0] for place in PAPER}))
    assert over_m_z(finals)["n_c"].unique().tolist() == [256]
    assert over_m_z(finals)["m_z"].tolist() == [1, 2, 4, 8, 16, 32, 64]
    assert sorted(over_n_c(finals)["m_z"].unique()) == [1, 2, 8, 64]


def test_the_grid_has_each_point_once(make):
    assert len(grid(make({(1, 2): [1, 2, None], (2, 4): [None]}))) == 2


def test_where_keeps_the_rows_named(frame):
    assert where(frame, ["m_z=1", "seed=2"])["n_c"].nunique() == 5
    with pytest.raises(ResultsError, match="no column 'nc'.*n_c"):
        where(frame, ["nc=8"])
    with pytest.raises(ResultsError, match="No row meets m_z=3"):
        where(frame, ["m_z=3"])


def test_where_keeps_the_sources_that_have_no_such_field(make):
    both = [make({(1, 2): [1]}), make({(1, 2): [1]}, source="dmaapx").assign(source_k=10)]
    frame = pd.concat([*both, make({(1, 2): [1]}, source="dmaapx").assign(source_k=1)])
    kept = where(frame.astype({"source_k": "Int64"}), ["source_k=10"])
    assert kept["source"].tolist() == ["normal", "dmaapx"]
    with pytest.raises(ResultsError, match="No row meets source_k=5"):
        where(frame.astype({"source_k": "Int64"}), ["source_k=5"])


def test_trials_not_begun_are_on_the_path(make):
    waiting: list[dict[str, Any]] = [
        {"kind": "vae", "source": "normal", "m_z": 2, "n_c": 8, "seed": 0},
        {"kind": "diffusion", "source": None, "m_z": None, "n_c": None, "seed": 0},
    ]
    frame = with_unmeasured(make({(1, 2): [9], (1, 4): [8], (2, 4): [7]}), waiting)
    steps = path(frame)
    assert _places(steps) == [(1, 2), (1, 4), (2, 4), (2, 8)]
    assert missing(frame, final(frame), steps, "normal", "test_elbo") == [
        "(m_z=2, n_c=8): all seeds"
    ]
    more = with_unmeasured(frame, [dict(waiting[0], m_z=at, n_c=2) for at in (2, 4)])
    assert set(over_m_z(final(frame))["n_c"]) == {corner(grid(frame))} == {4}
    assert set(over_m_z(final(more))["n_c"]) == {corner(grid(more))} == {2}
    assert _places(path(where(frame, ["n_c<8", "seed==0"]))) == [(1, 2), (1, 4), (2, 4)]
    assert _places(path(where(frame, ["epoch>0"]))) == _places(steps)  # unknown of what waits


def test_twins_of_which_only_some_have_a_k_are_named():
    """Normal training has no k: two of its trials are twins as well as two on samples."""
    rows = [
        {"key": str(at), "source": source, "m_z": 1, "n_c": 8, "seed": 0, "replicate": 0,
         "source_k": k, "lr": lr}
        for at, (source, k, lr) in enumerate([
            ("normal", None, 0.1), ("normal", None, 0.2), ("dmaapx", 5, 0.1), ("dmaapx", 5, 0.2),
        ])
    ]  # fmt: skip
    frame = pd.DataFrame(rows).astype({"source_k": "Int64"})
    with pytest.raises(ResultsError, match="several trials at normal, m_z=1, n_c=8.*differ in lr"):
        check_one_trial_each(frame, ["source", "m_z", "n_c", "seed", "source_k"])
