"""Reads results, draws figures, decides claims; needs neither torch, nor Ray, nor `scaling`."""

from collections.abc import Sequence
from pathlib import Path


def summarize(folder: Path) -> Sequence[str]:
    """Draws the figures of a study's folder; the lines to print."""
    from analysis.report import report_on

    return report_on(folder)
