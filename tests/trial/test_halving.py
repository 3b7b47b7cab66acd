"""Successive halving equals the slow obvious way, uses scores alone, and trains nothing twice."""

import random
from typing import Any

import pytest

from scaling.errors import UsageError
from scaling.trial.halving import LOST, Rung, climb, ranking, rungs

CELLS, POINTS = 4, 27


def objective(seed):
    """Returns a made-up score of a cell's point; early and late scores disagree."""
    rng = random.Random(seed)
    at = {place: (rng.gauss(0, 1), rng.gauss(0, 1)) for place in PLACES}

    def score(cell, point, epochs):
        early, late = at[cell, point]
        return early / epochs + late * (1 - 1 / epochs) - 100 * cell

    return score


PLACES = [(cell, point) for cell in range(CELLS) for point in range(POINTS)]


def obvious(score, cells, ladder):
    """Trains all points to the first rung, the best of them to the next, and so on."""
    reached = {}
    alive = list(range(POINTS))
    for at, rung in enumerate(ladder):
        totals = {}
        for point in alive:
            for cell in cells:
                reached[cell, point] = rung.epochs
            totals[point] = sum(score(cell, point, rung.epochs) for cell in cells) / len(cells)
        keep = ladder[at + 1].points if at + 1 < len(ladder) else 1
        best: list[Any] = []
        while len(best) < keep:  # one at a time, the largest that is left
            left = [p for p in alive if p not in best]
            best.append(max(left, key=lambda p: (totals[p], -p)))
        alive = sorted(best)
    return reached, alive[0]


@pytest.mark.parametrize("factor", [2, 3, 5])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("jointly", [False, True])
def test_halving_equals_the_slow_obvious_way(factor, seed, jointly):
    score, ladder = objective(seed), rungs(81, 1, POINTS, factor)
    found = climb(PLACES, ladder, score, jointly)
    groups = [range(CELLS)] if jointly else [[cell] for cell in range(CELLS)]
    for cells in groups:
        reached, best = obvious(score, cells, ladder)
        assert {place: found.epochs[place] for place in reached} == reached
        assert {found.chosen[cell] for cell in cells} == {best}


def trained(score, ladder, jointly, there):
    """Launches again and again, as a study does; returns the total of trained epochs."""
    spent = 0
    while True:
        found = climb(PLACES, ladder, lambda c, p, e: known(score, there, c, p, e), jointly)
        left = {place: e for place, e in found.epochs.items() if there.get(place, 0) < e}
        if not left:
            return found, spent
        spent += sum(e - there.get(place, 0) for place, e in left.items())
        there.update(left)


def known(score, there, cell, point, epochs):
    return score(cell, point, epochs) if there.get((cell, point), 0) >= epochs else None


@pytest.mark.parametrize("jointly", [False, True])
def test_several_launches_train_nothing_twice(jointly):
    score, ladder = objective(0), rungs(81, 1, POINTS, 3)
    there: dict[Any, Any] = {}
    found, spent = trained(score, ladder, jointly, there)
    assert found == climb(PLACES, ladder, score, jointly)
    assert spent == sum(there.values()) == CELLS * (27 * 3 + 9 * (9 - 3) + 3 * (27 - 9) + (81 - 27))


def test_a_search_that_was_killed_comes_to_the_same_result():
    score, ladder = objective(1), rungs(81, 1, POINTS, 3)
    there: dict[Any, Any] = {}
    again: dict[Any, Any] = {}
    whole, _ = trained(score, ladder, False, there)
    rng = random.Random(0)
    again = {place: 3 for place in rng.sample(PLACES, 40)}  # died somewhere in the first rung
    found, spent = trained(score, ladder, False, again)
    assert found == whole
    assert again == there
    assert spent == sum(there.values()) - 40 * 3


def test_nothing_is_decided_before_every_point_of_the_rung_is_measured():
    ladder = rungs(81, 1, POINTS, 3)
    late = climb(PLACES, ladder, lambda c, p, e: None if p == 26 else float(p), False)
    assert set(late.epochs.values()) == {ladder[0].epochs}
    assert not late.chosen
    assert late.scores[0, 25] == {ladder[0].epochs: 25.0}


def test_cells_do_not_wait_for_one_another():
    ladder = rungs(81, 1, POINTS, 3)
    found = climb(PLACES, ladder, lambda c, p, e: None if c == 3 else float(p), False)
    assert found.chosen == {0: 26, 1: 26, 2: 26}
    assert {found.epochs[3, point] for point in range(POINTS)} == {ladder[0].epochs}


def test_a_failed_point_never_reaches_the_next_rung():
    ladder = rungs(9, 1, 9, 3)
    places = [(0, point) for point in range(9)]
    found = climb(places, ladder, lambda c, p, e: 1.0 if p == 4 else LOST, False)
    assert found.chosen == {0: 4}
    assert [p for p in range(9) if found.epochs[0, p] > 1] == [4]
    assert climb(places, ladder, lambda c, p, e: LOST, False).chosen == {}
    assert ranking({0: 1.0, 1: LOST, 2: 1.0, 3: 2.0}) == [3, 0, 2]


@pytest.mark.parametrize(("asked", "found"), [
    ((80, 16, 16, 3), [(16, 16), (32, 5), (80, 1)]),
    ((80, 16, 16, 0), [(80, 16)]),
    ((4, 2, 16, 3), [(2, 16), (4, 5)]),
    ((81, 1, 27, 3), [(3, 27), (9, 9), (27, 3), (81, 1)]),
    ((5, 10, 9, 3), [(5, 9)]),
    ((100, 10, 2, 3), [(100, 2)]),
    ((64, 1, 8, 2), [(8, 8), (16, 4), (32, 2), (64, 1)]),
])  # fmt: skip
def test_rungs_have_these_epochs_and_numbers_of_points(asked, found):
    assert rungs(*asked) == tuple(Rung(*rung) for rung in found)


def test_a_factor_below_two_is_refused():
    with pytest.raises(UsageError, match="--halving 1"):
        rungs(80, 16, 16, 1)
