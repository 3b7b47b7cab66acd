"""TF32 is off inside the block, and restored after it whatever happens inside."""

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
def test_tf32_is_off_inside_and_restored_outside(outside, wanted):
    torch.backends.cudnn.allow_tf32 = outside
    with full_float32(wanted):
        assert torch.backends.cudnn.allow_tf32 is (outside and not wanted)
    assert torch.backends.cudnn.allow_tf32 is outside


def test_an_error_inside_restores_tf32():
    torch.backends.cudnn.allow_tf32 = True
    with pytest.raises(RuntimeError, match="inside"), full_float32():
        raise RuntimeError("inside")
    assert torch.backends.cudnn.allow_tf32


def test_nested_blocks_restore_the_state_before_them():
    torch.backends.cudnn.allow_tf32 = True
    with full_float32():
        with full_float32():
            pass
        assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32
