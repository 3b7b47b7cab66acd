"""Reads results, draws figures and decides claims, without torch, Ray or `scaling`."""

from collections.abc import Sequence
from pathlib import Path


def summarize(folder: Path) -> Sequence[str]:
    """Draws the figures of a study's folder and returns the lines to print."""
    from analysis.report import report_on

    return report_on(folder)
