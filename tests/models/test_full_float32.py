"""TF32 is off inside the block, and restored after it whatever happens inside."""

from typing import Any

import pytest
import torch

from scaling.models.full_float32 import full_float32

FLAGS: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)


def rounds():
    """Returns whether products of matrices, and convolutions, are rounded to TF32."""
    return tuple(flag.allow_tf32 for flag in FLAGS)


def set_to(values):
    for flag, value in zip(FLAGS, values, strict=True):
        flag.allow_tf32 = value


@pytest.fixture(autouse=True)
def as_before():
    before = rounds()
    yield
    set_to(before)


@pytest.mark.parametrize("outside", [(True, True), (False, True), (True, False), (False, False)])
@pytest.mark.parametrize("wanted", [True, False])
def test_tf32_is_off_inside_and_restored_outside(outside, wanted):
    set_to(outside)
    with full_float32(wanted):
        assert rounds() == ((False, False) if wanted else outside)
    assert rounds() == outside


def test_an_error_inside_restores_tf32():
    set_to((True, True))
    with pytest.raises(RuntimeError, match="inside"), full_float32():
        raise RuntimeError("inside")
    assert rounds() == (True, True)


def test_nested_blocks_restore_the_state_before_them():
    set_to((True, True))
    with full_float32():
        with full_float32():
            pass
        assert rounds() == (False, False)
    assert rounds() == (True, True)
