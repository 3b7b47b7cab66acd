"""One buffer for all gradients, and dropout masks drawn before a batch is divided."""

import math

import pytest
import torch
from torch import nn

from scaling.models.unet import Dropout
from scaling.runs.gradients import DropoutMasks, Gradients


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.SiLU(), Dropout(0.3), nn.Conv2d(4, 3, 1), Dropout(0.5),
        Dropout(0.0),
    )  # fmt: skip


def test_views_of_the_buffer_equal_the_gradients_of_backward():
    plain, viewed = network().eval(), network().eval()
    gradients = Gradients(viewed)
    x = torch.randn(5, 2, 6, 6)
    for model in (plain, viewed):
        model(x).square().sum().backward()
    expected = [parameter.grad for parameter in plain.parameters()]
    found = [parameter.grad for parameter in viewed.parameters()]
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs)
    assert torch.equal(gradients.buffer, torch.cat([grad.flatten() for grad in found]))
    viewed(x).square().sum().backward()  # gradients add up
    torch.testing.assert_close(gradients.buffer, 2 * torch.cat([g.flatten() for g in expected]))
    gradients.clear()
    assert all(not parameter.grad.any() for parameter in viewed.parameters())


def test_every_view_has_the_layout_of_its_weight():
    model = network().to(memory_format=torch.channels_last)
    Gradients(model)
    for weight in model.parameters():
        assert weight.grad.stride() == weight.stride()


@pytest.mark.parametrize("infinite", [0.0, 1e5])
def test_only_values_that_are_not_finite_are_replaced(infinite):
    model = network()
    gradients = Gradients(model)
    gradients.buffer.copy_(torch.arange(len(gradients.buffer)))
    before = gradients.buffer.clone()
    model[0].bias.grad[:3] = torch.tensor([math.nan, math.inf, -math.inf])
    gradients.replace_nonfinite(infinite)
    assert model[0].bias.grad[:3].tolist() == [0.0, infinite, -infinite]
    changed = gradients.buffer != before
    assert changed.sum() <= 3


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [1, 3, 7])
def test_parts_of_a_batch_drop_what_the_whole_batch_drops(layout, size):
    model = network().to(memory_format=layout).train()
    x = torch.randn(7, 2, 6, 6).to(memory_format=layout)
    torch.manual_seed(4)
    whole = model(x)
    masks = DropoutMasks(model, x[:1])
    assert model.training and len(masks.layers) == 2  # one layer drops nothing
    torch.manual_seed(4)
    drawn = masks.draw(7, x.device)
    parts = []
    for start in range(0, 7, size):
        part = slice(start, start + size)
        with masks.given(drawn, part):
            parts.append(model(x[part]))
    torch.testing.assert_close(torch.cat(parts), whole)
    assert [mask.dtype for mask in drawn] == [torch.bool] * 2
    kept = [mask.float().mean().item() for mask in drawn]
    assert kept == pytest.approx([0.7, 0.5], abs=0.1)


def test_after_an_error_the_network_draws_its_own_masks_again():
    model = network().train()
    masks = DropoutMasks(model, torch.zeros(1, 2, 6, 6))
    drawn = masks.draw(4, torch.device("cpu"))
    with pytest.raises(RuntimeError, match="inside"), masks.given(drawn, slice(0, 2)):
        raise RuntimeError("inside")
    assert all(layer.given is None for layer in masks.layers)
