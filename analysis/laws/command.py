"""Fits, prints and draws laws, for `python -m analysis law --y test_elbo --x parameters`."""

from pathlib import Path

from analysis import curves, figures, results
from analysis.errors import ResultsError
from analysis.laws import figure, frames, lines
from analysis.laws.law import Law, law
from analysis.printed import print_lines
from analysis.selection import early


def main(
    path: Path,
    x: str,
    y: str,
    conditions: list[str],
    output: Path | None,
    best: bool = False,
) -> None:
    """Prints each curve's law, or why it has none, and writes the figure.

    `path` is as in `results.load`, `conditions` as in `--where`. With `best`, VAEs are taken at
    their best epochs (`early.at_best`). Raises ResultsError if no curve has a law.
    """
    frame = curves.where(results.load(path), conditions)
    what = frames.variables(frame, x, y)
    trials = early.at_best(frame) if best else frame
    outcomes = [law(curve) for curve in frames.curves_of(trials, what)]
    printed = lines.law_lines(outcomes, what)
    if not any(isinstance(outcome, Law) for outcome in outcomes):
        raise ResultsError("\n".join([*printed, "Choose another --y, --x or --where."]))
    printed = [*early.notes(trials), *printed]
    folder = (path if path.is_dir() else path.parent) / "figures"
    name = f"law-{y}-{x}{'-best' * best}"
    files = [output] if output else [folder / f"{name}.{suffix}" for suffix in figures.FORMATS]
    note = f"{f'(a) {early.SENTENCE} ' * best}{results.note(path)}"
    figure.save(outcomes, what, frames.over_compute(frame, what), files, note)
    print_lines([*printed, *map(str, files)])
