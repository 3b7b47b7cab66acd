"""Styles of figures: colours of sources and of m_z, names, and rounding."""

import numpy as np
import pytest

from analysis import style
from tests.analysis.made_up import source


def test_colours_differ_in_each_figure():
    from analysis.figures import fig5, fig14, methods

    for looks in (fig5.LOOKS, fig14.LOOKS, methods.LOOKS):
        colours = [look.colour for look in looks.values()]
        rgb = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours])
        apart = np.abs(rgb[:, None] - rgb[None]).sum(-1) + 999 * np.eye(len(rgb))
        assert apart.min() >= 82  # the distance of the closest two colours of Okabe and Ito


def test_composed_sources_have_the_papers_names():
    assert style.source_label("real_share=0.0,k=10,mollify_epochs=500") == "DMaaPx + mollified"
    assert style.source_label("real_share=0.4,k=10,augment=tuned") == "40 % real + Aug.Tuned"
    assert style.source_label("dmaapx + mollify") == "DMaaPx + mollified"
    assert style.source_label("real_share=0.4,flip=coin") == "40 % real + flip=coin"
    both = style.source_colour("real_share=0.0,k=10,mollify_epochs=500")
    assert both == style.COMBINED_COLOURS["DMaaPx + mollified"]
    assert source("mollify")["mollify_epochs"] == 500


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [
        (841.54, 12.3, "842 \N{PLUS-MINUS SIGN} 12"),
        (0.4149, 0.0385, "0.415 \N{PLUS-MINUS SIGN} 0.038"),
        (-10302.5, 29.4, "\N{MINUS SIGN}10302 \N{PLUS-MINUS SIGN} 29"),
        (5.436, None, "5.44"),
        (1234.5, None, "1234"),
        (0.0, None, "0"),
        (2.0, 0.0, "2.00"),
    ],
)
def test_numbers_are_rounded_to_two_digits_of_the_half_width(mean, half, text):
    assert style.rounded(mean, half) == text


def test_a_source_has_one_colour_everywhere():
    named = [style.source_colour(source) for source in style.SOURCE_COLOURS]
    assert len(set(named)) == len(named)
    composed = style.source_colour("real_share=0.4,augment=tuned")
    assert composed in style.OTHER_COLOURS and composed not in named
    assert composed == style.source_colour("real_share=0.4,augment=tuned")


def test_m_z_colours_grow_lighter():
    colours = style.m_z_colours([64, 1, 8, 1])
    assert list(colours) == [1, 8, 64]
    light = [sum(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in colours.values()]
    assert light == sorted(light)
