"""What a benchmark reports."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """A ratio beside its goal, and the two medians behind it in `unit`."""

    name: str
    ratio: float  # how many times better than the baseline
    goal: float  # the smallest ratio that will do
    ours: float
    baseline: float
    unit: str
