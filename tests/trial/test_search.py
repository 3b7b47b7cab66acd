"""The points of a search: within their ranges, nested, spread evenly, with stable values."""

import math
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from scipy.stats import qmc

from scaling.errors import UsageError
from scaling.trial import DiffusionTrial, VaeTrial, grid, key
from scaling.trial.search import Range, check_free, parse_range, points, sampled
from tests.narrow import numbers

BASE = VaeTrial("digits", m_z=1, n_c=8, train_size=60, partition="disjoint")
FIELDS = ["lr=log:1e-4:1e-2", "batch=int:10:60", "weight_decay=lin:0:0.1", "n_c=choice:2,4,8,16"]


def ranges(*words):
    return [parse_range(word, VaeTrial) for word in words]


@pytest.mark.parametrize("words", [FIELDS[:1], FIELDS[1:2], FIELDS, FIELDS[::-1]])
@pytest.mark.parametrize("fewer", [1, 3, 8, 13])
def test_more_samples_extend_fewer(words, fewer):
    more = points(ranges(*words), 16)
    assert points(ranges(*words), fewer) == more[:fewer]
    assert len({tuple(point.values()) for point in more}) == 16


def test_the_order_of_the_ranges_does_not_matter():
    assert points(ranges(*FIELDS), 16) == points(ranges(*FIELDS[::-1]), 16)


def test_points_are_the_same_on_every_machine_and_version():
    """Keys contain the values: with another scrambling everything would be trained again."""
    found = [point["lr"] for point in points(ranges("lr=log:1e-4:1e-2"), 8)]
    assert found == [0.00503, 0.000126, 0.000682, 0.00314, 0.00103, 0.000457, 0.000249, 0.00644]


def test_values_are_few_digits_within_the_range():
    for point in points(ranges("lr=log:1.2345e-4:1.3e-4", "sigma=lin:0.01:0.9"), 32):
        lr, sigma = (numbers(point)[name] for name in ("lr", "sigma"))
        assert 1.2345e-4 <= lr <= 1.3e-4
        assert lr == 1.2345e-4 or lr == float(f"{lr:.3g}")
        assert 0.01 <= sigma <= 0.9


@pytest.mark.parametrize("samples", [8, 64])
def test_each_eighth_of_a_range_has_an_eighth_of_the_points(samples):
    """A Sobol sequence of 2^k points has one in each of 2^k equal parts of every axis."""
    drawn = points(ranges("lr=log:1e-4:1e-2", "sigma=lin:0:1"), samples)
    found = [numbers(point) for point in drawn]
    logs = [math.log(point["lr"] / 1e-4) / math.log(100) for point in found]
    for shares in (logs, [point["sigma"] for point in found]):
        counts = [sum(i <= u * 8 < i + 1 for u in shares) for i in range(8)]
        assert counts == pytest.approx([samples / 8] * 8, abs=1)  # rounding may move one over


def test_two_fields_are_spread_better_than_at_random():
    found = points(ranges("weight_decay=lin:0:1", "sigma=lin:0:1"), 64)
    place = [[p["weight_decay"], p["sigma"]] for p in found]
    assert qmc.discrepancy(place) < 0.5 / 64 ** (2 / 3)


@pytest.mark.parametrize("word", ["n_c=int:3:6", "n_c=lin:3:6", "n_c=choice:3,4,5,6"])
def test_whole_numbers_and_choices_come_equally_often(word):
    (one,) = ranges(word)
    found = [one.at(float(Fraction(i, 4000))) for i in range(4000)]
    assert {value: found.count(value) for value in (3, 4, 5, 6)} == dict.fromkeys(range(3, 7), 1000)
    assert {type(value) for value in found} == {int}


def test_whole_numbers_of_a_logarithmic_range_reach_both_ends():
    (one,) = ranges("n_c=log:2:64")
    found = [one.at(i / 4000) for i in range(4000)]
    assert set(found) == set(range(2, 65))
    assert found == sorted(found)


def test_all_values_of_a_small_search_space_are_found():
    found = points(ranges("n_c=choice:2,4,8", "batch=int:10:11"), 6)
    assert {(p["n_c"], p["batch"]) for p in found} == set(product((2, 4, 8), (10, 11)))


def test_fields_of_sources_and_of_other_kinds_can_be_searched():
    assert parse_range("source.k=int:1:10", VaeTrial).at(0.0) == 1
    assert parse_range("ramp_images=log:100:10000", DiffusionTrial).as_int
    assert parse_range("source.real_share=lin:0:1", VaeTrial).at(0.5) == 0.5


@pytest.mark.parametrize(("word", "message"), [
    ("lr=log:1e-2:1e-2", "range is empty"),
    ("lr=log:1e-2:1e-4", "reversed. Write lr=log:0.0001:0.01"),
    ("lr=log:0:1e-2", "must begin above 0"),
    ("lr=log:-1:1e-2", "must begin above 0"),
    ("network=lin:0:1", "takes no numbers"),
    ("batch_norm=int:0:1", "takes no numbers"),
    ("source=lin:0:1", "takes no numbers"),
    ("res_second_kernel=int:1:3", "takes no numbers"),
    ("n_c=lin:1.5:3", "not a whole number"),
    ("lr=int:0.5:3", "not a whole number"),
    ("lr=log:1e-4", "two finite numbers"),
    ("lr=log:1e-4:1e-3:1e-2", "two finite numbers"),
    ("lr=log:a:b", "two finite numbers"),
    ("lr=lin:0:inf", "two finite numbers"),
    ("lr=lin:nan:1", "two finite numbers"),
    ("lr", "FIELD=lin:A:B"),
    ("lr=1e-4:1e-2", "FIELD=lin:A:B"),
    ("=log:1:2", "FIELD=lin:A:B"),
    ("lr=exp:1:2", "FIELD=lin:A:B"),
    ("rate=log:1:2", "Known fields:"),
    ("source.kk=int:1:2", "Known fields:"),
    ("n_c=choice:4", "two or more different"),
    ("n_c=choice:4,4", "two or more different"),
    ("n_c=choice:4,x", "a whole number is expected"),
    ("seed=int:0:9", "--seeds 0-4"),
    ("replicate=int:0:9", "--replicates 0-4"),
    ("split=int:0:9", "--set split=0 1 2"),
])  # fmt: skip
def test_a_bad_range_is_refused_in_a_sentence(word, message):
    with pytest.raises(UsageError, match=message.replace("(", r"\(")) as error:
        parse_range(word, VaeTrial)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("words", "samples", "message"), [
    (["lr=log:1e-4:1e-2"], 0, "Give at least 1"),
    (["lr=log:1e-4:1e-2"], 1025, "more than 1024"),
    (["n_c=int:1:4"], 5, "contain 4 different points"),
    (["n_c=choice:1,2", "batch=int:1:2"], 5, "contain 4 different points"),
    (["lr=lin:1.001:1.002"], 9, "different points"),
])  # fmt: skip
def test_too_many_samples_are_refused_in_a_sentence(words, samples, message):
    with pytest.raises(UsageError, match=message):
        points(ranges(*words), samples)


def test_a_field_given_twice_is_refused():
    with pytest.raises(UsageError, match="--search names lr twice. Give each field one range"):
        check_free(ranges("lr=log:1:2", "lr=lin:1:2"), [])
    with pytest.raises(UsageError, match="--search and another flag both set lr"):
        check_free(ranges("lr=log:1:2"), ["m_z", "lr"])


def test_more_samples_keep_the_keys():
    trials = grid(BASE, m_z=(1, 4), replicate=(0, 1))
    fewer, more = (sampled(trials, points(ranges(*FIELDS[:3]), n)) for n in (8, 16))
    assert [key(one.trial) for one in fewer] == [key(one.trial) for one in more][: len(fewer)]
    assert len({key(one.trial) for one in more}) == len(more) == 16 * len(trials)


def test_trials_of_one_cell_and_point_differ_in_replicate_and_seed_only():
    trials = grid(BASE, m_z=(1, 4), replicate=(0, 1), seed=(0, 1))
    found = sampled(trials, points(ranges("lr=log:1e-4:1e-2"), 4))
    assert {(one.cell, one.point) for one in found} == set(product((0, 1), range(4)))
    for place in product((0, 1), range(4)):
        here: list[Any] = [one.trial for one in found if (one.cell, one.point) == place]
        assert len(here) == 4
        assert len({(t.m_z, t.lr) for t in here}) == 1


def test_a_searched_field_is_no_axis():
    tried = points(ranges("lr=log:1e-4:1e-2"), 4)
    with pytest.raises(UsageError, match="lr already is an axis"):
        sampled(grid(BASE, lr=(0.1, 0.2)), tried)
    apart = [BASE, VaeTrial("digits", m_z=4, n_c=8, lr=0.5, partition="disjoint")]
    assert len(sampled(apart, tried)) == 8  # lr follows n_c: no axis


def test_values_that_a_trial_refuses_are_refused():
    with pytest.raises(UsageError, match="not above 0"):
        sampled([BASE], [{"lr": -0.5}])


def test_a_range_says_how_many_values_it_has():
    assert Range("n_c", "", "int", 2, 5, whole=True).distinct == 4
    assert math.isinf(Range("lr", "", "lin", 2, 5).distinct)
