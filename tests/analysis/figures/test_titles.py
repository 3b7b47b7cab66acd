"""Every figure names its data set: captions name the study's preset, which may be another's."""

from pathlib import Path

import pytest
from matplotlib.text import Text

from analysis import figures

REPLICATES = Path(__file__).parents[3] / "analysis" / "published" / "digits-replicates"
STUDIES = {
    **{name: study for study, shown in figures.STUDIES.items() for name in shown},
    **{"cost": "double_descent", "noise": "double_descent", "tuned": "double_descent_tuned"},
}
ELSEWHERE = {  # figures of one data set of the paper, of no trial, or of files that are not here
    *("fig1", "fig10", "fig11", "fig12", "fig17", "fig19", "fig4l", "fig9", "search", "samples"),
}
OWN = "folder/plankton.npz"


@pytest.mark.parametrize("name", sorted(set(STUDIES) - ELSEWHERE))
def test_a_figure_names_the_data_set(name):
    rows = REPLICATES / f"{STUDIES[name]}.parquet"
    frame = figures.load(name, rows)
    frame["dataset"] = frame["dataset"].where(frame["dataset"].isna(), OWN)
    figure = figures.draw(name, frame)
    assert any("plankton" in text.get_text() for text in figure.findobj(Text))
