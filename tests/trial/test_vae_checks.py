"""Fields of VAEs that no run would read are refused, naming the field that reads them."""

from dataclasses import replace
from typing import Any

import pytest

from scaling.errors import UsageError
from scaling.trial import DMAAPX, Source, VaeTrial
from scaling.trial.extensions import UnknownName
from scaling.trial.vae_checks import NETWORKS, READ_WHERE, STOPPING

VALUES: dict[str, Any] = {
    "mixtures": 3, "mol_mix": "per_channel", "sigma": 0.1, "gauss_mean_act": "sigmoid",
    "latent_reading": "channels_x64", "res_inplace_quirk": True, "res_second_kernel": 1,
    "batch_norm": True, "binarise": "static_bernoulli", "stop_after": 3, "stop_kl": 0.5,
}  # fmt: skip
CHOICES = {
    "likelihood": ("mixture", "gaussian", "bernoulli"),
    "network": NETWORKS,
    "dataset": ("digits", "mnist", "fashion_mnist", "cifar10"),
    "stop_when": ("never", "collapsed", "diverged", "either"),
}
RULES = [
    *((name, owner, readers) for name, (owner, readers) in READ_WHERE.items()),
    *((name, "stop_when", readers) for name, readers in STOPPING.items()),
]
CASES = [
    (name, owner, choice, choice in readers)
    for name, owner, readers in RULES
    for choice in CHOICES[owner]
]


@pytest.mark.parametrize(("name", "owner", "choice", "is_read"), CASES)
def test_a_field_is_accepted_only_where_it_is_read(name, owner, choice, is_read):
    fields: dict[str, Any] = {"dataset": "digits"} | {owner: choice, name: VALUES[name]}
    if is_read:
        assert getattr(VaeTrial(**fields), name) == VALUES[name]
        return
    with pytest.raises(UsageError, match=f"{name}=.*is read (by|with) {owner} .* only.*{choice}"):
        VaeTrial(**fields)
    default = getattr(VaeTrial, name)
    VaeTrial(**(fields | {name: default}))


@pytest.mark.parametrize("name", ["half_asleep_source", "half_asleep_mix"])
def test_options_of_reverse_half_asleep_need_reverse_half_asleep(name):
    value: Any = {"half_asleep_source": "prior", "half_asleep_mix": "only_samples"}[name]
    with pytest.raises(UsageError, match=f"{name}={value} is read with half_asleep_from only"):
        VaeTrial("digits", **{name: value})
    assert getattr(VaeTrial("digits", half_asleep_from=3, **{name: value}), name) == value


@pytest.mark.parametrize(("fields", "message"), [
    ({"dataset": "mnits"}, "Unknown dataset 'mnits'. Did you mean 'mnist'.*path/to/file.npz"),
    ({"network": "residul"}, "Unknown network 'residul'. Did you mean 'residual'"),
    ({"likelihood": "gauss"}, "Unknown likelihood 'gauss'.*Known: bernoulli, gaussian, mixture"),
])  # fmt: skip
def test_unknown_names_list_the_known(fields, message):
    with pytest.raises(UnknownName, match=message):
        VaeTrial(**({"dataset": "digits"} | fields))


def test_any_npz_file_may_be_a_data_set():
    assert VaeTrial("folder/own.npz").dataset == "folder/own.npz"


@pytest.mark.parametrize("source", [
    Source(augment="tuned", keep_real=True),
    Source(mollify_epochs=4, requantise=False),
])  # fmt: skip
def test_images_between_levels_need_the_likelihood_bernoulli(source):
    assert VaeTrial("mnist", likelihood="bernoulli", source=source).source == source
    for likelihood in ("mixture", "gaussian"):
        with pytest.raises(UsageError, match="read by the likelihood bernoulli only"):
            VaeTrial("mnist", likelihood=likelihood, source=source)


def test_samples_cannot_be_combined_with_drawn_binary_pixels():
    drawn = VaeTrial("mnist", likelihood="bernoulli", binarise="static_bernoulli")
    with pytest.raises(UsageError, match="cannot be combined with samples"):
        replace(drawn, source=DMAAPX)
