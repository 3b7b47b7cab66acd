"""Lines that compare methods at their last and at their best epochs."""

import pandas as pd

from analysis.claims.best_epochs import best_lines
from tests.analysis.over_epochs import trained


def test_a_report_shows_what_early_stopping_leaves():
    over, samples = [-100, -90, -95, -120], [-110, -100, -95, -91]
    frame = pd.concat([trained("normal", over), trained("dmaapx", samples)])
    head, line, _ = best_lines(frame)
    assert "at the last epochs -> at each trial's best validation epoch" in head
    # Test ELBOs are 0.01 * 2 * epoch higher than validation ELBOs, on average over seeds.
    assert line.endswith(": normal -119.9 -> -90.0, DMaaPx -90.9 -> -90.9")
    assert line.startswith("  cifar10, 5 seeds")
    assert best_lines(trained("normal", over)) == []
