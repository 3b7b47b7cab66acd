"""The order of trials: first seeds first, in the study's order, but no long trial last."""

import heapq
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.cluster.start_order import by_seeds, start_order
from scaling.trial import VaeTrial, grid, key
from studies import double_descent

BASE = VaeTrial("digits", n_c=2)


def ends(hours, width):
    """Returns when the last trial ends if trials start in this order, `width` at a time."""
    slots = [0.0] * width
    for length in hours:
        heapq.heappush(slots, heapq.heappop(slots) + length)
    return max(slots)


def study(lengths):
    trials = {key(trial): trial for trial in grid(BASE, n_c=range(1, len(lengths) + 1))}
    return trials, dict(zip(trials, lengths, strict=True))


LENGTHS = st.lists(st.floats(0.01, 100), min_size=1, max_size=30)


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 8))
def test_a_trial_is_overtaken_only_by_one_that_would_end_last(lengths, width):
    trials, hours = study(lengths)
    listed, ordered = list(trials), start_order(trials, hours, width)
    assert sorted(ordered) == sorted(listed)
    left = list(listed)
    for chosen in ordered:
        rest = sum(hours[name] for name in left) / width
        longest = max(hours[name] for name in left)
        if chosen == left[0]:
            assert longest <= rest * (1 + 1e-9) or hours[chosen] == longest
        else:
            assert hours[chosen] == longest >= rest * (1 - 1e-9)
        left.remove(chosen)


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 8))
def test_the_last_trial_is_hardly_waited_for(lengths, width):
    """However long the last listed trial is, it adds little to the shortest possible time."""
    trials, hours = study([*lengths, sum(lengths)])
    ordered = [hours[name] for name in start_order(trials, hours, width)]
    best = max(sum(ordered) / width, max(ordered))
    assert ends(ordered, width) <= best + max(lengths)
    assert width == 1 or ordered[0] == max(ordered)


def test_equal_trials_keep_the_study_s_order():
    trials, hours = study([1.0] * 20)
    assert start_order(trials, hours, 2)[:18] == list(trials)[:18]


def test_the_path_of_figure_8_comes_first_with_one_seed():
    preset = double_descent.PRESETS["digits"]
    trials = {key(trial): trial for trial in double_descent.trials(preset)}
    normal = [name for name in trials if trials[name].source.real_share == 1]
    hours = {name: 0.01 + trials[name].n_c / 1e4 for name in normal}
    path = {(1, n) for n in preset.n_c} | {(m, preset.n_c_fixed) for m in preset.m_z}
    path |= {(max(preset.m_z), n) for n in preset.n_c_beyond}
    first = [trials[name] for name in start_order(trials, hours, 2)[: len(path)]]
    assert {(trial.m_z, trial.n_c) for trial in first} == path
    assert {trial.seed for trial in first} == {0}


@pytest.mark.parametrize("seeds", [[0, 1, 2], [5, 3]])
def test_seeds_take_turns(seeds):
    points = grid(BASE, n_c=[2, 4, 8])
    trials = {key(trial): trial for trial in grid(points, seed=seeds)}
    expected = [key(replace(point, seed=seed)) for seed in seeds for point in points]
    assert by_seeds(list(trials), trials) == expected
