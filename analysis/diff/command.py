"""Shows what differs between two results, for `python -m analysis diff A B`.

The exit code is 0 if nothing differs beyond noise, and 1 if something does: a final value, the
images of a trial with the same key, or a trial that failed in only one of the two. Settings and
code that differ are printed, but do not count as a difference.
"""

from pathlib import Path

from analysis import figures
from analysis.diff import figure, lines
from analysis.diff.differences import compare
from analysis.diff.sides import Side, shared
from analysis.printed import print_lines
from analysis.storage import own_files

SAME, DIFFERS = 0, 1


def main(
    first: Path,
    second: Path,
    metrics: list[str],
    conditions: list[str],
    output: Path | None = None,
) -> int:
    """Prints what differs between two results, draws the differences and returns the exit code.

    Raises ResultsError if one of the two cannot be read, or if they have no cell in common.
    """
    a = Side.read(first, conditions)
    b = Side.read(second, conditions, own_files.names(a.frame))
    common, compared = shared(a, b), compare(a, b, metrics)
    printed = [f"A: {first}", f"B: {second}"]
    printed += lines.code_lines(a, b) + lines.settings_lines(a, b) + lines.data_lines(a, b, common)
    printed += lines.trial_lines(a, b, common, compared)
    printed += lines.difference_lines(compared)
    folder = (second if second.is_dir() else second.parent) / "figures"
    files = [output] if output else [folder / f"diff.{name}" for name in figures.FORMATS]
    if compared.differences:
        figure.save(compared.differences, lines.difference_lines(compared)[-1], files)
        printed += map(str, files)
    print_lines(printed)
    beyond = any(d.differs for d in compared.differences)
    return DIFFERS if beyond or common.states or common.data else SAME
