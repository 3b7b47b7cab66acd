"""Learning curves: what their note says of the draws of two sources."""

import pandas as pd

from analysis import figures


def _curves(make, draws, **fields):
    """Makes the rows of two epochs of two widths, for some random splits."""
    at = {(1, 2): [9.0] * draws, (1, 4): [8.0] * draws}
    last = make(at, source=fields["source"]).assign(**fields)
    both = pd.concat([last.assign(epoch=5), last])
    return both.assign(replicate=both["seed"], seed=0, draws="random splits")


def test_the_note_says_how_many_draws_have_samples(make):
    normal = _curves(make, 3, source="normal", source_pool=None)
    for count, words in ((1, "1 of them with a diffusion model"), (3, "each with its own")):
        samples = _curves(make, count, source="dmaapx")
        samples["source_pool"] = "pool-" + samples["replicate"].astype(str)
        note = figures.draw("learning", pd.concat([normal, samples])).get_supxlabel()
        assert words in note.replace("\n", " ")
