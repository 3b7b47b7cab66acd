"""A study's report: one parquet file, the figures, and the verdict in plain console lines."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath

import pandas as pd

from analysis import figures, pools, provenance, readings, results, verdicts
from analysis.pools import Pool
from analysis.trial_folder import ResultsError, TrialFolder

MEASURES = {  # of a pool: what it is called; the samples' number, that of real images, format
    "Frechet": ("frechet_samples_test", "frechet_train_test", ".3g"),
    "mean image": ("mean_samples_test", "mean_train_test", ".3g"),
    "histogram": ("histogram_samples_test", "histogram_train_test", ".3g"),
    "nearest": ("nearest_samples_train", "nearest_test_train", ".3g"),
    "near copies": ("near_copies_samples", "near_copies_test", ".1%"),
}
LEGEND = (
    "Samples to test set (D_train to test set); "
    "nearest, near copies: samples to D_train (test set to D_train)."
)
DEFAULT = figures.STUDIES["double_descent"]
POOLS = 5  # pools in the table
SHOWN = 3  # failed trials, or missing points, named before "and n more"


def report(
    study: str | Path,
    names: Sequence[str] = DEFAULT,
    found: list[TrialFolder] | None = None,
) -> list[str]:
    """Compacts a study, draws its figures and returns the lines to print.

    Writes trials.parquet, and each named figure or table as PNG, PDF and CSV into the study's
    folder `figures`; says what tables hold and, with Figure 8, whether there is double descent.
    What cannot be drawn or decided yet is a line, not an error; a folder that is none raises.
    `found` are the study's trials where they are read already.
    """
    study = Path(study)
    found = results.trials(study) if found is None else found
    said = _states(study, found)
    try:
        frame = results.load(study, found)
        results.compact(study, frame)
    except ResultsError as error:
        return [*said, str(error)]
    said += [_drawn(name, frame, study) for name in names]
    for name in filter(figures.is_table, names):
        said += _text(name, frame)
    return said + (_judged(frame) if "fig8" in names else [])


def _text(name: str, frame: pd.DataFrame) -> list[str]:
    try:
        return figures.text(name, frame)
    except ResultsError:  # said already, where the table is drawn
        return []


def _judged(frame: pd.DataFrame) -> list[str]:
    try:
        return verdicts.lines(frame)
    except ResultsError as error:
        return [f"Double descent: {error}"]


def report_on(study: str | Path, names: Sequence[str] = ()) -> list[str]:
    """The report on the named figures; without names, on those that the study shows.

    A study that trains diffusion models only gets `diffusion_report`.
    """
    found = results.trials(study)
    kinds = {trial.fields.get("kind") for trial in found if trial.fields}
    if not names and kinds == {"diffusion"}:
        return diffusion_report(study)
    name = str(provenance.provenance(study).get("study"))
    if name == "readings" and not names:
        return [*report(study, (), found), *readings.said(results.load(study))]
    return report(study, names or figures.STUDIES.get(name) or DEFAULT, found)


def diffusion_report(study: str | Path) -> list[str]:
    """Draws a study's diffusion samples and returns the lines to print: how good the pools are.

    Writes trials.parquet and figures/fig17 as PNG, PDF and CSV into the study's folder. What
    cannot be drawn yet is a line, not an error; a folder that is none raises.
    """
    study = Path(study)
    said = _states(study, results.trials(study))
    try:
        results.compact(study)
    except ResultsError as error:
        said.append(str(error))
    try:
        frame = figures.load("fig17", study)
    except ResultsError as error:
        return [*said, str(error)]
    return [*said, _drawn("fig17", frame, study), *pool_lines(list(frame["pool"]))]


def pool_lines(found: list[Pool]) -> list[str]:
    """Plain text, at most twelve lines: the pools' quality as a table, and what it says."""
    shown = found if len(found) <= POOLS else found[: POOLS - 1]
    names = list(map(_pool_name, shown, pools.told_apart(found)))
    judged = [pools.judged(pool.quality) or "its quality is not measured yet" for pool in shown]
    cells = [["", *MEASURES]]
    cells += [
        [name, *(_cell(pool.quality, *measure) for measure in MEASURES.values())]
        for name, pool in zip(names, shown, strict=True)
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    more = len(found) - len(shown)
    return [
        LEGEND,
        *("  " + "  ".join(map(str.ljust, line, widths)).rstrip() for line in cells),
        *(f"  {name}: {said}." for name, said in zip(names, judged, strict=True)),
        *([f"  and {more} more pools: see fig17.csv"] if more else []),
    ]


def _pool_name(pool: Pool, differ: list[str]) -> str:
    percent = f"{PurePath(pool.dataset).stem} {100 * pool.share:.3g} %"
    return ", ".join([percent, f"{pool.epochs:,} epochs", *differ])


def _cell(quality: dict[str, float], samples: str, real: str, form: str) -> str:
    """The samples' number, in brackets that of real images; - where it is not measured."""
    pair = [format(quality[name], form) if name in quality else "-" for name in (samples, real)]
    return f"{pair[0]} ({pair[1]})"


def _drawn(name: str, frame: pd.DataFrame, study: Path) -> str:
    folder = study / "figures"
    files = [folder / f"{name}.{suffix}" for suffix in figures.FORMATS]
    try:
        figures.save(name, figures.load(name, study, frame), files, results.note(study))
    except ResultsError as error:
        return f"{name} is not drawn: {error}"
    return f"{name}: {folder / name}.{{{','.join(figures.FORMATS)}}}"


def _states(study: Path, trials: list[TrialFolder]) -> list[str]:
    """How many trials stand where, and which failed."""
    counts = Counter(trial.state for trial in trials)
    if not trials:
        return [f"{study}: none of its trials is on disk."]
    done = f"{counts['done']} of {len(trials)} trials done"
    others = [f"{n} {state}" for state, n in counts.items() if state != "done"]
    said = [f"{study}: {', '.join([done, *others])}."]
    failed = [trial for trial in trials if trial.state == "failed"]
    for trial in failed[:SHOWN]:
        said.append(f"  failed: {trial.key} at epoch {trial.epoch}: {trial.error or 'no reason'}")
    return said + ([f"  and {len(failed) - SHOWN} more failed"] if len(failed) > SHOWN else [])
