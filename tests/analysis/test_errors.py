"""Both copies of `did_you_mean` agree, because analysis imports nothing of `scaling`."""

from hypothesis import given
from hypothesis import strategies as st

import scaling.errors
from analysis.errors import MOST, did_you_mean

NAMES = st.text("abc_-", min_size=1, max_size=6)


@given(NAMES, st.lists(NAMES, max_size=6))
def test_both_copies_suggest_the_same(wrong, names):
    assert did_you_mean(wrong, names) == scaling.errors.did_you_mean(wrong, names)


@given(NAMES, st.lists(NAMES, max_size=6))
def test_an_exact_name_is_suggested_first_and_at_most_three(wrong, names):
    suggestion = did_you_mean(wrong, [*names, wrong])
    assert suggestion.startswith(f"Did you mean {wrong!r}")
    assert 1 <= suggestion.count("'") // 2 <= MOST


@given(st.permutations("n_latent"))
def test_letters_in_another_order_are_near(letters):
    assert did_you_mean("".join(letters), ["n_latent", "seed"]) == ("Did you mean 'n_latent'? ")
