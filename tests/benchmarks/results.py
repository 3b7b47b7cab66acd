"""Defines the result that a benchmark reports."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """Holds a ratio, its goal, and the two medians behind it in `unit`."""

    name: str
    ratio: float  # how many times better than the baseline
    goal: float  # the smallest sufficient ratio
    ours: float
    baseline: float
    unit: str
