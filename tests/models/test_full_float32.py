"""TF32 is off inside, and as it was outside, whatever happens inside."""

import pytest
import torch

from scaling.models.full_float32 import full_float32


@pytest.fixture(autouse=True)
def as_before():
    before = torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cudnn.allow_tf32 = before


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize("wanted", [True, False])
def test_tf32_inside_and_outside(outside, wanted):
    torch.backends.cudnn.allow_tf32 = outside
    with full_float32(wanted):
        assert torch.backends.cudnn.allow_tf32 is (outside and not wanted)
    assert torch.backends.cudnn.allow_tf32 is outside


def test_an_error_inside_brings_it_back_too():
    torch.backends.cudnn.allow_tf32 = True
    with pytest.raises(RuntimeError, match="inside"), full_float32():
        raise RuntimeError("inside")
    assert torch.backends.cudnn.allow_tf32


def test_one_inside_the_other_restores_what_it_found():
    torch.backends.cudnn.allow_tf32 = True
    with full_float32():
        with full_float32():
            pass
        assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32
