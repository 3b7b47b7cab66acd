"""Training distributions: names that can be typed back, fields that are read, refused values."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.errors import UsageError
from scaling.trial import DMAAPX, NORMAL, SOURCES, Source, parse_source
from scaling.trial.source import HALF, READ_WITH, SAMPLES


@st.composite
def sources(draw):
    real_share = draw(st.floats(0, 1))
    made = Source(
        real_share=real_share,
        augment=draw(st.sampled_from([None, "naive", "tuned"])),
        mollify_epochs=draw(st.integers(HALF, 500)),
    )
    if real_share < 1:
        made = replace(made, k=draw(st.none() | st.integers(1, 90)), diffusion_share=0.5)
        made = replace(made, pool_order=draw(st.sampled_from(["chunks", "shuffled"])))
    if made.augment:
        made = replace(made, augment_probability=draw(st.none() | st.floats(0, 1)))
        made = replace(made, augment_flip=draw(st.sampled_from(["coin", "always"])))
    return made


@given(sources())
def test_a_name_other_than_the_short_ones_can_be_typed_back(source):
    if source.name not in SOURCES:
        assert parse_source(source.name) == source


@pytest.mark.parametrize("name", SOURCES)
def test_each_short_name_gives_the_source_of_that_name(name):
    assert parse_source(name) == SOURCES[name]
    assert SOURCES[name].name == name


def test_the_short_name_leaves_out_pool_chunks_and_length():
    assert replace(DMAAPX, k=7, pool="p", diffusion_share=0.2).name == "dmaapx"
    assert Source(mollify_epochs=33).name == "mollify"
    assert Source(real_share=0.4, pool="p").name == "real_share=0.4"


@pytest.mark.parametrize(("text", "message"), [
    ("dmaap", "Unknown source 'dmaap'. Did you mean 'dmaapx'"),
    ("", "Unknown source ''. Known: aug_naive, aug_tuned, dmaapx"),
    ("real_shar=0.4", "Unknown field 'real_shar'. Did you mean 'real_share'"),
    ("real_share=2", "real_share=2.0"),
    ("real_share=-0.1", "real_share=-0.1"),
    ("real_share=lots", "real_share='lots' does not fit: a number"),
    ("real_share=0,k=0", "k=0 is not"),
    ("real_share=0,diffusion_share=1.1", "diffusion_share=1.1"),
    ("mollify_epochs=-2", "mollify_epochs=-2 is not"),
    ("augment=tuned,augment_probability=1.5", "augment_probability=1.5 is not"),
    ("augment=wild", "augment='wild' does not fit: naive or tuned or none"),
    ("real_share=0,mix=fixed", "source.mix=fixed is read with source.real_share above 0 only"),
    ("k=3", "source.k=3 is read with source.real_share below 1 only"),
])  # fmt: skip
def test_text_that_is_no_source_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        parse_source(text)


OTHER: dict[str, Any] = {
    "augment_strength": "uniform", "augment_probability": 0.5, "augment_flip": "always",
    "augment_filter": "sym6", "augment_shift": 0.1, "keep_real": True, "requantise": False,
    "k": 3, "pool": "p", "diffusion_share": 0.5, "pool_order": "shuffled", "mix": "fixed",
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER)
def test_a_field_is_accepted_only_with_sources_that_read_it(name):
    assert set(OTHER) == {*READ_WITH, *SAMPLES}
    owner: dict[str, Any] = {
        "augment": {"augment": "tuned"},
        "mollify_epochs": {"mollify_epochs": 5},
    }
    reader = owner.get(READ_WITH.get(name, ""), {"real_share": 0.5})
    assert getattr(Source(**reader, **{name: OTHER[name]}), name) == OTHER[name]
    with pytest.raises(UsageError, match=f"source.{name}=.* is read with source"):
        Source(**{name: OTHER[name]})


def test_a_source_changed_to_real_images_loses_its_fields_of_samples():
    mixed = Source(real_share=0.5, k=3, pool="p", mix="fixed", augment="tuned")
    real = Source(augment="tuned").replaced({"real_share": 1.0, "k": 3, "mix": "fixed"})
    assert real == Source(augment="tuned")
    assert mixed.replaced({"k": 5}) == replace(mixed, k=5)
    assert NORMAL.replaced({"k": 5}) == NORMAL


def test_every_field_has_a_default_so_that_keys_keep_their_meaning():
    assert all(getattr(NORMAL, field.name) == field.default for field in fields(Source))
