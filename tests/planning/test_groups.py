"""Groups of a plan: chance alone is inside a group, and every other field is shown."""

from dataclasses import replace
from typing import Any

import pytest

from scaling.planning.groups import grouped
from scaling.trial import DMAAPX, DiffusionTrial, TwoSampleTrial, VaeTrial, grid
from scaling.trial.schedule import Diffusion, Planned, schedule

MODEL = Diffusion(DiffusionTrial("digits", channels=16, train_size=300), 10, k=4)
TRIAL = VaeTrial("digits", train_size=300, n_c=2)


def groups(trials, epochs=10):
    return grouped([Planned(item, "new", 0.0, 0.0) for item in schedule(trials, epochs, 5, MODEL)])


def lines(trials):
    return [group.line for group in groups(trials)]


AXES: list[tuple[dict[str, list[Any]], list[str]]] = [
    ({"lr": [0.001, 0.003]}, ["normal, lr=0.001", "normal, lr=0.003"]),
    ({"likelihood": ["mixture", "gaussian"]},
     ["normal, likelihood=mixture", "normal, likelihood=gaussian"]),
    ({"split": [0, 1]}, ["normal, split=0", "normal, split=1"]),
    ({"n_c": [2, 4]}, ["normal", "normal"]),
]  # fmt: skip


@pytest.mark.parametrize(("axes", "expected"), AXES)
def test_each_axis_separates_groups_and_chance_does_not(axes, expected):
    made = groups(grid(TRIAL, **axes, seed=[0, 1]))
    assert [group.line for group in made] == expected
    assert [len(group.rows) for group in made] == [2, 2]


def test_the_fields_are_those_that_vary_with_their_values():
    made = groups(grid(TRIAL, lr=[0.001, 0.003], weight_decay=[0.0, 0.1], replicate=[0, 1]))
    assert [group.fields for group in made] == [
        {"lr": lr, "weight_decay": decay} for lr in (0.001, 0.003) for decay in (0.0, 0.1)
    ]
    assert groups([TRIAL])[0].fields == {}


@pytest.mark.parametrize("chance", [{"replicate": [0, 1]}, {"seed": [0, 1]}])
def test_a_source_is_separated_by_k_and_not_by_its_replicates_pools(chance):
    sources = [replace(DMAAPX, k=k) for k in (1, 2)]
    made = lines(grid(TRIAL, source=sources, **chance))
    assert made == ["diffusion, share 1", "dmaapx, k=1", "dmaapx, k=2"]


def test_imported_pools_are_shown():
    sources = [replace(DMAAPX, k=1, pool=name) for name in ("one", "two")]
    made = groups(grid(TRIAL, source=sources, replicate=[0, 1]))
    assert [group.line for group in made] == ["dmaapx, pool=one", "dmaapx, pool=two"]
    assert [len(group.rows) for group in made] == [2, 2]


def test_other_kinds_are_named_by_kind_and_share():
    assert lines([TwoSampleTrial("digits", share=0.5, pool="x")]) == ["two_sample, share 0.5"]


def test_a_common_value_of_one_of_many_fields_is_not_repeated():
    changes = ({"lr": 0.1}, {"weight_decay": 0.1}, {"grad_clip": 1.0}, {"res_second_kernel": 1})
    made = lines([TRIAL, *(TRIAL.replaced(change, {}) for change in changes)])
    assert made == ["normal", "normal, lr=0.1", "normal, weight_decay=0.1", "normal, grad_clip=1.0",
                    "normal, res_second_kernel=1"]  # fmt: skip
