"""Layer lists compared with the networks: weights, outputs and FLOPs for one image."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from scaling.errors import UsageError
from scaling.models import resnet
from scaling.models.layers import (
    Layer,
    Operations,
    halves,
    images_of_trial,
    layers,
    likelihood_terms,
    likelihood_width,
)
from scaling.models.unet import UNet
from scaling.models.vae import build
from scaling.trial import DiffusionTrial, TwoSampleTrial, VaeTrial

LINEAR = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
VAES = [
    VaeTrial("cifar10", n_c=12, m_z=3),
    VaeTrial("cifar10", n_c=12, res_second_kernel=1, latent_reading="channels_x64"),
    VaeTrial("digits", n_c=6, m_z=2, mixtures=5),
    VaeTrial("digits", n_c=6, likelihood="gaussian"),
    VaeTrial("mnist", n_c=24, m_z=2, network="fully_connected", likelihood="bernoulli"),
    VaeTrial("cifar10", n_c=24, network="fully_connected", batch_norm=True),
]


def seen(network, *inputs):
    """Returns (weights, outputs, FLOPs) of each linear module that one image passes, in order."""
    found = []

    def hook(module, args, out):
        weights = sum(p.numel() for p in module.parameters())
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            module.forward(*args)
        found.append((weights, out.numel(), counter.get_total_flops()))

    hooks = [m.register_forward_hook(hook) for m in network.modules() if isinstance(m, LINEAR)]
    with torch.no_grad():
        network.eval()(*inputs)
    for one in hooks:
        one.remove()
    return found


def listed(every):
    """Returns the same numbers of the list, without attention products and normalizations."""
    return [(x.weights, x.values, x.flops) for x in every if x.positions and x.weighted]


@pytest.mark.parametrize("trial", VAES, ids=lambda t: f"{t.dataset}-{t.network}-{t.likelihood}")
def test_listed_layers_of_vaes_equal_those_of_the_networks(trial):
    entry = images_of_trial(trial)
    vae = build(trial, entry.channels, entry.side, entry.levels)
    encoder, decoder = halves(trial)
    x = torch.zeros(1, entry.channels, entry.side, entry.side)
    assert listed(encoder) == seen(vae.encoder, x)
    z = vae.encoder(x).chunk(2, 1)[0]
    assert listed(decoder) == seen(vae.decoder, z)
    assert layers(trial) == [*encoder, *decoder]
    assert [layer.z for layer in (encoder[-1], decoder[0])] == [True, True]
    assert sum(layer.z for layer in layers(trial)) == 2
    assert [layer.first for layer in layers(trial)] == [True] + [False] * (len(layers(trial)) - 1)


@pytest.mark.parametrize(("stages", "side"), [(4, 32), (2, 8), (3, 12)])
def test_listed_layers_of_the_classifier_equal_those_of_the_network(stages, side):
    trial = TwoSampleTrial("digits", stages=stages, channels=4)
    entry = replace(images_of_trial(trial), side=side)
    network = resnet.build(entry.channels, side, stages, trial.channels)
    found = seen(network, torch.zeros(1, entry.channels, side, side))
    assert sorted(listed(layers(trial, entry))) == sorted(found)


@pytest.mark.parametrize("trial", [
    DiffusionTrial("digits", channels=16, multipliers=(1, 2), blocks=1, attention=(4,)),
    DiffusionTrial("mnist", channels=8, multipliers=(1, 2, 2), blocks=2, attention=(8, 16)),
])  # fmt: skip
def test_listed_layers_of_the_u_net_equal_those_of_the_network(trial):
    entry = images_of_trial(trial)
    options = trial.channels, trial.multipliers, trial.blocks, trial.attention
    network = UNet(entry.channels, *options, side=entry.side)
    found = seen(network, torch.zeros(1, entry.channels, entry.side, entry.side), torch.ones(1))
    assert sorted(listed(layers(trial))) == sorted(found)


def test_the_counts_of_a_layer_equal_those_by_hand():
    """The layer is a 4x4 transposed convolution of 3 to 5 channels at 6 places."""
    layer = Layer(3, 5, 6, 16, bias=True, norm=True, kept=4)
    assert (layer.weights, layer.parameters) == (3 * 5 * 16 + 5, 3 * 5 * 16 + 5 + 10)
    assert (layer.flops, layer.values, layer.gradients) == (2 * 3 * 5 * 16 * 6, 5 * 6 * 4, 2)
    assert replace(layer, first=True).gradients == 1
    assert replace(layer, weighted=False).weights == 5


def test_operations_are_added_and_multiplied_by_kind():
    one, other = Operations(1, 2, 3, 4), Operations(10, 20, 30, 40)
    assert one + other == Operations(11, 22, 33, 44)
    assert one * 3 == one + one + one


def test_the_number_of_logistics_of_an_image():
    assert likelihood_terms(VaeTrial("cifar10", mixtures=10)) == 10 * 3 * 32**2
    assert likelihood_terms(VaeTrial("digits", likelihood="gaussian")) == 0
    assert likelihood_terms(DiffusionTrial("digits")) == 0


def test_the_number_of_outputs_per_pixel():
    entry = images_of_trial(VAES[0])
    assert likelihood_width(VAES[0], entry) == 100
    assert likelihood_width(replace(VAES[0], likelihood="gaussian"), entry) == 3
    assert likelihood_width(VAES[2], images_of_trial(VAES[2])) == 15


def test_an_unknown_network_has_no_layers():
    with pytest.raises(UsageError, match="Unknown network"):
        layers(VaeTrial("digits", network="none"))
