"""`python -m analysis diff A B`: what differs between two results.

Exit code 0 says that nothing differs beyond noise, 1 that something does: a final value, the
images of a trial of the same key, or a trial that failed in one of the two only. Settings and code
that differ are named, and are no difference by themselves.
"""

from pathlib import Path

from analysis.diff import figure, lines
from analysis.diff.differences import compare
from analysis.diff.sides import Side, shared

SAME, DIFFERS = 0, 1
FORMATS = ("png", "pdf", "csv")


def main(
    first: Path,
    second: Path,
    metrics: list[str],
    conditions: list[str],
    output: Path | None = None,
) -> int:
    """Prints what differs between two results, draws the differences; returns the exit code.

    Raises ResultsError where one of the two cannot be read, or they have nothing in common.
    """
    a, b = (Side.read(path, conditions) for path in (first, second))
    both, found = shared(a, b), compare(a, b, metrics)
    said = [f"A: {first}", f"B: {second}"]
    said += lines.code_lines(a, b) + lines.settings_lines(a, b) + lines.data_lines(a, b, both)
    said += lines.trial_lines(a, b, both, found)
    said += lines.difference_lines(found)
    folder = (second if second.is_dir() else second.parent) / "figures"
    files = [output] if output else [folder / f"diff.{name}" for name in FORMATS]
    if found.differences:
        figure.save(found.differences, lines.difference_lines(found)[-1], files)
        said += map(str, files)
    print("\n".join(said))
    beyond = any(d.differs for d in found.differences)
    return DIFFERS if beyond or both.states or both.data else SAME
