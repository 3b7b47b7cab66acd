"""Figure 7: what its note says."""

import pytest

from analysis import figures


@pytest.mark.parametrize(("widths", "named"), [(1, False), (2, True), (3, False)])
def test_figure_7_names_the_m_z_that_have_too_few_n_c(make, widths, named):
    at = dict.fromkeys([(1, 2), (1, 4), (1, 8)], [9.0, 8.0, 9.5])
    at |= dict.fromkeys([(4, 8 * 2**n) for n in range(widths)], [7.0, 8.0, 7.5])
    texts = " ".join(text.get_text() for text in figures.draw("fig7", make(at)).texts)
    assert ("Not in (c) and (d): m_z = 4, finished at fewer than 3 n_c" in texts) == named
