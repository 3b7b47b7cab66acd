"""Grids of trials, their keys, and how text becomes the values of fields."""

import json
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.storage.trial_folder import source_name
from scaling.errors import UsageError
from scaling.trial import (
    DMAAPX,
    NORMAL,
    SOURCES,
    Source,
    VaeTrial,
    from_dict,
    grid,
    key,
    on_dataset,
    parse_source,
    to_dict,
)

BASE = VaeTrial("digits", n_c=8)
OTHER = {
    "dataset": "cifar10",
    "source": DMAAPX,
    "network": "fully_connected",
    "likelihood": "gaussian",
    "mol_mix": "per_channel",
    "latent_reading": "channels_x64",
    "res_inplace_quirk": True,
    "res_second_kernel": 1,
    "train_size": 300,
    "grad_clip": 1.0,
    "precision": "bf16",
    "replicate": 1,
    "partition": "disjoint",
    "stop_when": "collapsed",
}


@pytest.mark.parametrize("name", [f.name for f in fields(VaeTrial)])
def test_every_field_changes_the_key(name):
    base, value = BASE, OTHER.get(name)
    if name in ("sigma", "gauss_mean_act"):
        base, value = replace(BASE, likelihood="gaussian"), {"sigma": 0.1}.get(name, "sigmoid")
    elif name in ("half_asleep_source", "half_asleep_mix"):
        base = replace(BASE, half_asleep_from=5)
        value = {"half_asleep_mix": "only_samples"}.get(name, "prior")
    elif name in ("stop_after", "stop_kl"):
        base, value = replace(BASE, stop_when="either"), 5
    elif name == "content":
        base, value = replace(BASE, dataset="own.npz", content="0" * 12), "1" * 12
    elif name == "batch_norm":
        base, value = replace(BASE, network="fully_connected"), True
    elif name == "binarise":
        base, value = replace(BASE, dataset="mnist"), "static_bernoulli"
    elif value is None:
        value = getattr(BASE, name) + 1
    changes: dict[str, Any] = {name: value}
    assert key(replace(base, **changes)) != key(base)


def test_keys_do_not_depend_on_the_process():
    assert key(BASE) == key(from_dict(json.loads(json.dumps(to_dict(BASE)))))
    assert key(BASE).startswith("digits-mz1-nc8-normal-s0-")
    assert key(replace(BASE, lr=1)) == key(replace(BASE, lr=1.0))


@given(
    real_share=st.floats(0, 1),
    k=st.none() | st.integers(1, 1000),
    augment=st.sampled_from([None, "naive", "tuned"]),
    mollify_epochs=st.integers(0, 1000),
)
def test_trials_survive_json(real_share, k, augment, mollify_epochs):
    k = k if real_share < 1 else None
    source = Source(real_share=real_share, k=k, augment=augment, mollify_epochs=mollify_epochs)
    trial = replace(BASE, source=source)
    assert from_dict(json.loads(json.dumps(to_dict(trial)))) == trial


@pytest.mark.parametrize(
    "source",
    [
        *SOURCES.values(),
        Source(real_share=0.4, k=3),
        Source(real_share=0.0, k=3, diffusion_share=0.5, pool="p"),
        Source(real_share=0.0, mollify_epochs=40),
        Source(real_share=0.2, augment="tuned", augment_strength="uniform", augment_shift=0.1),
        Source(mollify_epochs=40, requantise=False),
    ],
)
def test_analysis_and_scaling_give_sources_the_same_names(source):
    trial = replace(BASE, source=source, likelihood="bernoulli")
    assert source_name(asdict(trial.source)) == source.name


def test_grid_is_a_product_without_duplicates():
    made = grid(BASE, m_z=[1, 2], seed=[0, 1, 2])
    assert [(t.m_z, t.seed) for t in made] == [(m, s) for m in (1, 2) for s in (0, 1, 2)]
    assert grid(made + made, m_z=[4]) == grid(BASE, m_z=[4], seed=[0, 1, 2])


def test_a_field_that_an_axis_makes_unread_falls_back_to_its_default():
    base = VaeTrial("digits", mixtures=5)
    mixture, gaussian = grid(base, likelihood=["mixture", "gaussian"])
    assert (mixture, gaussian.mixtures) == (base, VaeTrial.mixtures)
    with pytest.raises(UsageError, match="Leave it at its default, mixtures=10"):
        grid(base, likelihood=["gaussian"], mixtures=[7])


def test_an_axis_replaces_that_of_a_preset():
    path = grid(BASE, n_c=[2, 4]) + grid(BASE, m_z=[2, 4], n_c=[4])
    replaced = grid(path, m_z=[8])
    assert [(t.m_z, t.n_c) for t in replaced] == [(8, 2), (8, 4)]
    product = grid(path, m_z=[1, 8], n_c=[16])
    assert [(t.m_z, t.n_c) for t in product] == [(1, 16), (8, 16)]


def test_fields_of_samples_leave_normal_training_unchanged():
    both = [BASE, replace(BASE, source=replace(DMAAPX, k=2))]
    axes: dict[str, list[Any]] = {"source.k": [5], "source.pool": ["mine"]}
    normal, dmaapx = grid(both, **axes)
    assert normal == BASE
    assert (dmaapx.source.k, dmaapx.source.pool) == (5, "mine")
    mixed: dict[str, list[Any]] = {"source.real_share": [0.5], "source.k": [5]}
    assert grid(BASE, **mixed)[0].source.k == 5


def test_axes_inside_the_source():
    made = grid(replace(BASE, source=DMAAPX), **{"source.k": [1, 10]})
    assert [t.source.k for t in made] == [1, 10]
    assert all(t.source.real_share == 0 for t in made)


def test_a_field_that_the_kind_lacks_is_refused():
    with pytest.raises(UsageError, match="A vae trial has no channels"):
        grid(BASE, channels=[16])


def test_an_empty_axis_is_refused():
    with pytest.raises(UsageError, match="m_z is empty"):
        grid(BASE, m_z=[])


@pytest.mark.parametrize(("values", "message"), [
    ({"dataset": "mnst"}, "cifar10, digits, fashion_mnist, mnist"),
    ({"m_z": 0}, "m_z=0 is not at least 1"),
    ({"m_z": 1.5}, "a whole number is expected"),
    ({"m_z": True}, "a whole number is expected"),
    ({"lr": 0.0}, "not above 0"),
    ({"lr": float("nan")}, "a number is expected"),
    ({"network": "resnet"}, "Known: fully_connected, residual"),
    ({"sigma": 0.1}, "likelihood gaussian only"),
    ({"batch_norm": True}, "network fully_connected only"),
    ({"train_size": 0}, "not at least 1"),
])  # fmt: skip
def test_wrong_values_list_the_right_ones(values, message):
    with pytest.raises(UsageError, match=message):
        replace(BASE, **values)


def test_unknown_names_raise():
    with pytest.raises(UsageError, match="no field learning_rate"):
        from_dict(to_dict(BASE) | {"learning_rate": 1.0})
    with pytest.raises(UsageError, match="Unknown kind"):
        from_dict({"kind": "gan"})
    with pytest.raises(UsageError, match="Known fields: .*grad_clip"):
        VaeTrial.parse("lrate", "1")


@pytest.mark.parametrize(("name", "text", "value"), [
    ("lr", "1e-3", 1e-3), ("m_z", "4", 4), ("train_size", "none", None), ("train_size", "50", 50),
    ("res_inplace_quirk", "true", True), ("res_second_kernel", "1", 1), ("grad_clip", "2", 2.0),
])  # fmt: skip
def test_text_becomes_the_fields_type(name, text, value):
    parsed = VaeTrial.parse(name, text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_sources_by_name_and_by_fields():
    for name, source in SOURCES.items():
        assert parse_source(name) == source
        assert source.name == name
    assert parse_source("real_share=0.4,augment=tuned") == Source(real_share=0.4, augment="tuned")
    assert Source(real_share=0.0, k=10, pool="some-pool").name == "dmaapx"
    assert Source(real_share=0.4, augment="tuned").name == "real_share=0.4,augment=tuned"
    with pytest.raises(UsageError, match="aug_naive"):
        parse_source("augmented")
    with pytest.raises(UsageError, match="share"):
        Source(real_share=1.5)


def test_a_data_set_brings_its_settings():
    (mnist,) = on_dataset([replace(BASE, mixtures=5, m_z=2, train_size=10)], "mnist")
    assert (mnist.network, mnist.likelihood, mnist.lr, mnist.batch) == (
        "fully_connected", "bernoulli", 1e-3, 100,
    )  # fmt: skip
    assert (mnist.m_z, mnist.n_c, mnist.train_size) == (2, 8, None)
    assert NORMAL == mnist.source


@pytest.mark.parametrize("name, values", [("lr", [1e-3, 1e-2]), ("train_size", [75, 150])])
def test_rates_and_sizes_that_a_study_compares_stay_on_another_data_set(name, values):
    made = on_dataset(grid([BASE], seed=[0, 1], **{name: values}), "own.npz")
    assert [getattr(trial, name) for trial in made] == 2 * values
    several = [replace(BASE, lr=1e-3), replace(BASE, likelihood="gaussian", mixtures=10, lr=1e-2)]
    lr_is_no_axis = on_dataset(several, "own.npz")
    assert {trial.lr for trial in lr_is_no_axis} == {1e-4}


@pytest.mark.parametrize("words", [["gaussian", "mixture"], ["mixture", "gaussian"]])
def test_a_field_that_one_value_resets_is_the_presets_for_the_others(words):
    base = replace(BASE, mixtures=3, mol_mix="per_channel")
    made = {trial.likelihood: trial for trial in grid([base], likelihood=words, seed=[0, 1])}
    assert made["mixture"] == replace(base, seed=1)
    assert (made["gaussian"].mixtures, made["gaussian"].mol_mix) == (VaeTrial.mixtures, "joint")


def test_trials_that_differ_in_an_axis_alone_become_one():
    sources = [NORMAL, DMAAPX, replace(DMAAPX, augment="naive")]
    base = [replace(BASE, source=s, n_c=n) for s in sources for n in (2, 4)]
    assert len(grid(base, n_c=[8, 16], lr=[0.1])) == 3 * 2
    axes: dict[str, list[Any]] = {"source.real_share": [0.5, 1.0], "source.k": [3]}
    shares = grid(base, **axes)
    assert len(shares) == 2 * 2 * 2
    assert {trial.source.k for trial in shares} == {3, None}
