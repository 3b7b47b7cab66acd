"""Fits, prints and draws laws, for `python -m analysis law --y test_elbo --x parameters`."""

from pathlib import Path

from analysis import curves, results
from analysis.laws import figure, frames, lines
from analysis.laws.law import Law, law
from analysis.printed import print_lines
from analysis.trial_folder import ResultsError

FORMATS = ("png", "pdf", "csv")


def main(path: Path, x: str, y: str, conditions: list[str], output: Path | None) -> None:
    """Prints each curve's law, or why it has none, and writes the figure.

    `path` is as in `results.load`, `conditions` as in `--where`. Raises ResultsError if no curve
    has a law.
    """
    frame = curves.where(results.load(path), conditions)
    what = frames.variables(frame, x, y)
    found = [law(curve) for curve in frames.curves_of(frame, what)]
    printed = lines.law_lines(found, what)
    if not any(isinstance(one, Law) for one in found):
        raise ResultsError("\n".join([*printed, "Choose another --y, --x or --where."]))
    folder = (path if path.is_dir() else path.parent) / "figures"
    files = [output] if output else [folder / f"law-{y}-{x}.{suffix}" for suffix in FORMATS]
    figure.save(found, what, frames.over_compute(frame, what), files, results.note(path))
    print_lines([*printed, *map(str, files)])
