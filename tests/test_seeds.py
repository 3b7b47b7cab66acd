"""Seeds: random numbers depend on names and numbers alone, and nothing outside changes."""

import hashlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scaling.seeds import derive, seeded

PARTS = st.lists(st.integers(-5, 10**9) | st.text("abc", min_size=1), min_size=1, max_size=4)
CPU = torch.device("cpu")


def test_a_seed_is_the_first_63_bits_of_the_hash():
    digest = hashlib.sha256(b"3/7/train").hexdigest()
    assert derive(3, 7, "train") == int(digest[:16], 16) // 2


@given(PARTS, PARTS)
def test_other_parts_give_another_seed(left, right):
    same = [str(part) for part in left] == [str(part) for part in right]
    assert (derive(*left) == derive(*right)) == same
    assert 0 <= derive(*left) < 2**63


def test_draws_inside_the_block_repeat_and_those_outside_are_unaffected():
    torch.manual_seed(0)
    expected = torch.rand(3), torch.rand(3)
    torch.manual_seed(0)
    drawn = [torch.rand(3)]
    inside = []
    for epoch in (1, 1, 2):
        with seeded(CPU, 5, epoch, "order"):
            inside.append(torch.rand(4))
    drawn.append(torch.rand(3))
    assert all(map(torch.equal, drawn, expected))
    assert torch.equal(inside[0], inside[1]) and not torch.equal(inside[0], inside[2])


def test_an_error_inside_restores_the_state():
    before = torch.random.get_rng_state()
    with pytest.raises(RuntimeError), seeded(CPU, 1):
        torch.rand(1)
        raise RuntimeError
    assert torch.equal(torch.random.get_rng_state(), before)
