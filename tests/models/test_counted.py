"""The built-in networks counted in two ways: by layer lists, and by torch on `meta`."""

import pytest

from scaling.errors import UsageError
from scaling.models import counted, layers
from scaling.models.networks import NETWORKS
from scaling.planning import costs
from scaling.trial import VaeTrial, on_dataset

TRIALS = [
    VaeTrial("cifar10", n_c=12, m_z=3),
    VaeTrial("digits", n_c=8, m_z=2, mixtures=5, res_second_kernel=1),
    *on_dataset([VaeTrial("digits", n_c=24, m_z=2)], "mnist"),
    VaeTrial("cifar10", n_c=24, network="fully_connected", batch_norm=True, likelihood="gaussian"),
]


def facts(half):
    return [(x.parameters, x.weights, x.flops, x.values, x.z, x.first) for x in half]


@pytest.mark.parametrize("trial", TRIALS, ids=lambda t: f"{t.dataset}-{t.network}")
def test_counted_layers_equal_the_listed_ones(trial):
    entry = layers.images_of_trial(trial)
    found, listed = counted.halves(trial, entry), layers.halves(trial)
    assert [facts(half) for half in found] == [facts(half) for half in listed]
    assert counted.width(trial, entry) == layers.likelihood_width(trial, entry)


@pytest.mark.parametrize("trial", TRIALS, ids=lambda t: f"{t.dataset}-{t.network}")
def test_costs_of_counted_layers_equal_those_of_listed_ones(trial, monkeypatch):
    def asked():
        memory = costs.memory(trial, costs.CPU_CORE)
        return costs.parameters(trial), costs.training_work(trial, 3), memory

    listed = asked()
    monkeypatch.delitem(layers.VAE_LAYERS, trial.network)
    assert asked() == listed


def test_a_network_that_fails_is_refused_by_name(monkeypatch):
    encoder, _ = NETWORKS["residual"]
    monkeypatch.setitem(NETWORKS, "halved", (encoder, NETWORKS["fully_connected"][1]))
    trial = VaeTrial("digits", network="halved")
    with pytest.raises(UsageError, match="network=halved fails on an image of 1 x 8 x 8"):
        costs.parameters(trial)
    monkeypatch.setitem(NETWORKS, "short", (encoder, encoder))
    with pytest.raises(UsageError, match="network=short(: the decoder| fails)|decoder makes"):
        costs.parameters(VaeTrial("digits", network="short"))
