"""Figure 8: what its note says of sources with fewer draws than the path."""

import pandas as pd

from analysis import figures

PATH = {(1, 2): 9.0, (1, 4): 5.0, (1, 8): 7.0, (2, 8): 6.0, (4, 8): 4.0}


def _note(make, draws):
    """Returns the note of the figure with three draws of normal training, and some of samples."""
    normal = make({place: [y, y + 0.1, y + 0.2] for place, y in PATH.items()})
    samples = make({place: [y] * draws for place, y in PATH.items()}, source="dmaapx")
    note = figures.draw("fig8", pd.concat([normal, samples])).get_supxlabel()
    return note.replace("\n", " ")


def test_a_source_with_fewer_draws_than_the_path_is_named(make):
    assert "DMaaPx: means of 2 of these 3 draws" in _note(make, 2)
    assert "of these" not in _note(make, 3)
