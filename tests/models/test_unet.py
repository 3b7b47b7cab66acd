"""The U-Net: published parameter counts, places of attention, and dependences."""

import math
from typing import Any

import pytest
import torch

from scaling.errors import UsageError
from scaling.models.unet import Attention, Block, Downsample, NoiseEmbedding, UNet, Upsample

TINY: dict[str, Any] = {
    "model_channels": 8,
    "multipliers": (1, 2),
    "blocks": 1,
    "attention": (),
    "side": 8,
}


def parameters(**options):
    with torch.device("meta"):
        return sum(p.numel() for p in UNet(**options).parameters())


def awake(module):
    """Gives all parameters large random values, and turns dropout off."""
    torch.manual_seed(0)
    with torch.no_grad():
        for p in module.parameters():
            p.normal_(0, 1 / math.sqrt(p[0].numel()))
    return module.eval()


def test_the_default_has_the_parameter_count_of_the_papers_network():
    assert parameters() == 55_732_739
    assert parameters(channels=1) == 55_725_825


@pytest.mark.parametrize(
    "options, count",
    [
        ({"model_channels": 16, "multipliers": (1, 2), "blocks": 1, "attention": ()}, 180_771),
        ({"model_channels": 32, "multipliers": (1, 2), "blocks": 1}, 749_891),
        ({"model_channels": 32, "multipliers": (1, 2, 2), "blocks": 2, "attention": (8,)}, 1754147),
    ],
)
def test_smaller_networks_have_the_counts_of_the_reference_implementation(options, count):
    assert parameters(**options) == count


@pytest.mark.parametrize(
    "options",
    [
        {"channels": 1, **TINY},
        {**TINY, "multipliers": (1,)},
        {**TINY, "multipliers": (1, 1, 1, 1), "blocks": 2, "attention": (8, 1)},
        {**TINY, "side": 16, "multipliers": (2, 1, 3), "attention": (16, 4)},
        {**TINY, "model_channels": 6},
    ],
)
def test_the_output_has_the_shape_of_the_input(options):
    network = awake(UNet(**options))
    x = torch.randn(3, options.get("channels", 3), options["side"], options["side"])
    out = network(x, torch.randn(3))
    assert out.shape == x.shape
    assert out.std() > 0.01


def sides_with_attention(**options):
    """Returns the sides of the images at which attention is called, in order."""
    network, sides = UNet(**options), []
    for module in network.modules():
        if isinstance(module, Attention):
            module.register_forward_hook(lambda _, args, __: sides.append(args[0].shape[-1]))
    side = options.get("side", 32)
    network(torch.randn(1, 3, side, side), torch.zeros(1))
    return sides


def test_attention_is_used_at_the_chosen_sides():
    assert sides_with_attention(model_channels=4) == [16] * 4 + [8] + [16]
    assert sides_with_attention(**TINY) == [4]
    assert sides_with_attention(**TINY | {"attention": (8, 4)}) == [8, 4, 4, 4, 8]


def test_attention_is_the_softmax_of_the_products():
    layer = awake(Attention(6))
    x = torch.randn(2, 6, 3, 3)
    q, k, v = layer.qkv(layer.norm(x)).reshape(2, 3, 6, 9).unbind(1)
    weights = torch.einsum("bcq,bck->bqk", q, k).div(math.sqrt(6)).softmax(-1)
    mixed = torch.einsum("bqk,bck->bcq", weights, v).reshape(x.shape)
    torch.testing.assert_close(layer(x), (x + layer.out(mixed)) * math.sqrt(0.5))


def test_the_noise_embedding_starts_from_sines_and_cosines():
    embedding = NoiseEmbedding(8)
    seen = []
    embedding.layers[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    assert embedding(torch.tensor([0.7, -1.0])).shape == (2, 32)
    angles = [[c * 10_000 ** -(i / 3) for i in range(4)] for c in (0.7, -1.0)]
    expected = [[math.sin(a) for a in row] + [math.cos(a) for a in row] for row in angles]
    torch.testing.assert_close(seen[0], torch.tensor(expected))


def test_halving_reverses_doubling():
    x = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(Downsample()(Upsample()(x)), x)
    assert Upsample()(x)[0, 0, :2, :2].unique().numel() == 1


@pytest.mark.parametrize("channels, groups", [(128, 32), (512, 32), (48, 12), (36, 9), (6, 1)])
def test_normalization_has_groups_of_four_channels_or_more(channels, groups):
    block = Block(channels, channels, 4, 0.0)
    assert block.norm_in.num_groups == groups
    assert block.norm_in.eps == 1e-6


def test_a_new_block_is_its_skip_connection():
    x, embedding = torch.randn(2, 8, 4, 4), torch.randn(2, 16)
    torch.testing.assert_close(
        Block(8, 8, 16, 0.0)(x, embedding), x * math.sqrt(0.5), rtol=0, atol=1e-4
    )
    assert UNet(**TINY)(torch.randn(2, 3, 8, 8), torch.zeros(2)).abs().max() < 1e-3


def test_an_output_depends_only_on_its_own_image_and_noise_level():
    network = awake(UNet(**TINY))
    x, c_noise = torch.randn(3, 3, 8, 8), torch.randn(3)
    out = network(x, c_noise)
    other_x, other_noise = x.clone(), c_noise.clone()
    other_x[1] += 1
    other_noise[2] += 1
    changed = (network(other_x, other_noise) - out).abs().amax((1, 2, 3))
    assert changed[0] < 1e-5 < 1e-3 < changed[1:].min()


def test_one_noise_level_serves_a_batch():
    network = awake(UNet(**TINY))
    x, level = torch.randn(3, 3, 8, 8), torch.tensor([0.3])
    torch.testing.assert_close(network(x, level), network(x, level.expand(3)))


def test_dropout_is_for_training_only():
    network = awake(UNet(**TINY, dropout=0.5))
    x, level = torch.randn(2, 3, 8, 8), torch.zeros(2)
    assert torch.equal(network(x, level), network(x, level))
    network.train()
    assert not torch.equal(network(x, level), network(x, level))


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"side": 8, "multipliers": (1,) * 5}, "side 8 cannot be halved 4 times"),
        ({"side": 12, "multipliers": (1, 1, 1, 1)}, "Give fewer multipliers"),
        ({"multipliers": ()}, "one number per level"),
        ({"multipliers": (1, 0)}, "one number per level"),
        ({"model_channels": 5}, "an even number"),
        ({"model_channels": 2}, "an even number"),
    ],
)
def test_impossible_options_are_refused(options, sentence):
    with pytest.raises(UsageError, match=sentence):
        UNet(**TINY | options)
