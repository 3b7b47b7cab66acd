"""`frozen` sets a model to measuring inside its block, and restores it afterwards."""

import pytest
import torch
from torch import nn

from scaling.metrics.frozen import frozen


@pytest.fixture
def model():
    """Makes a model as in reverse half asleep: a part is in eval mode, without gradients."""
    made = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    made[0].eval().requires_grad_(False)
    return made


def modes(model):
    return [module.training for module in model.modules()]


def gradients_wanted(model):
    return [parameter.requires_grad for parameter in model.parameters()]


@pytest.mark.parametrize("error", [None, ValueError])
def test_modes_gradients_and_tf32_are_restored(model, error):
    before = modes(model), gradients_wanted(model), torch.backends.cudnn.allow_tf32
    try:
        with frozen(model):
            assert not any(modes(model) + gradients_wanted(model))
            assert not torch.backends.cudnn.allow_tf32
            if error:
                raise error
    except ValueError:
        pass
    assert (modes(model), gradients_wanted(model), torch.backends.cudnn.allow_tf32) == before
    assert any(before[0]) and not all(before[0]) and any(before[1]) and not all(before[1])
