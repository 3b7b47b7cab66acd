"""Reports on a study: writes a parquet file and the figures, and prints the verdict."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis import figures, results
from analysis.claims.best_epochs import best_lines
from analysis.double_descent import verdicts
from analysis.errors import ResultsError
from analysis.laws.worth import worth_lines, worths
from analysis.pool_lines import pool_lines as pool_lines
from analysis.selection import choice
from analysis.selection.early import at_best
from analysis.storage import provenance
from analysis.storage.compact import compact
from analysis.storage.trial_folder import TrialFolder

DEFAULT = figures.STUDIES["double_descent"]
SHOWN = 3  # failed trials, or missing points, named before "and n more"


def report(
    study: str | Path,
    names: Sequence[str] = DEFAULT,
    trials: list[TrialFolder] | None = None,
) -> list[str]:
    """Compacts a study, draws its figures and returns the lines to print.

    Writes trials.parquet, and each named figure or table as PNG, PDF and CSV into the study's
    folder `figures`. The lines contain the tables and, with Figure 8, the verdict on double
    descent. A figure or verdict that is not possible yet yields a line, not an error. Raises
    ResultsError if `study` is not a results folder. `trials` are the study's trials, if they are
    read already.
    """
    study = Path(study)
    trials = results.trials(study) if trials is None else trials
    printed = _states(study, trials)
    try:
        frame = results.load(study, trials)
        compact(study, frame)
    except ResultsError as error:
        return [*printed, str(error)]
    study_record = provenance.provenance(study)
    names = [*names, *choice.figures_of(frame, study_record)]
    printed += [_drawn(name, frame, study) for name in names]
    for name in filter(figures.is_table, names):
        printed += _text(name, frame, study)
    printed += _best(frame) if "table7" in names else []
    printed += _worth(frame) if "worth" in names else []
    return printed + (_judged(frame, study_record) if "fig8" in names else [])


def _best(frame: pd.DataFrame) -> list[str]:
    try:
        return best_lines(frame)
    except ResultsError as error:
        return [f"Test ELBOs with early stopping: {error}"]


def _worth(frame: pd.DataFrame) -> list[str]:
    """Returns what samples are worth, at the last epochs and at each trial's best one."""
    try:
        at_last = worth_lines(worths(frame))
    except ResultsError as error:
        return [f"What samples are worth: {error}"]
    try:
        head, *lines = worth_lines(worths(at_best(frame)))
    except ResultsError as error:
        return [*at_last, f"  At each trial's best validation epoch: {error}"]
    return [*at_last, f"{head.removesuffix(':')}, at each trial's best validation epoch:", *lines]


def _text(name: str, frame: pd.DataFrame, study: Path) -> list[str]:
    try:
        return figures.text(name, figures.load(name, study, frame))
    except ResultsError:  # _drawn has printed it
        return []


def _judged(frame: pd.DataFrame, study_record: Mapping[str, object]) -> list[str]:
    try:
        return judged(frame, study_record)
    except ResultsError as error:
        return [f"Double descent: {error}"]


def judged(frame: pd.DataFrame, study_record: Mapping[str, object]) -> list[str]:
    """Returns the lines of the verdict, or of both if the study has a fixed rate and tuned ones."""
    lines = []
    for name, part in choice.parts(frame, study_record).items():
        lines += [f"{name}:"] if name else []
        lines += verdicts.lines(part)
    return lines


def report_on(study: str | Path, names: Sequence[str] = ()) -> list[str]:
    """Reports on the named figures or, without names, on those that the study shows.

    A study that only trains diffusion models gets `diffusion_report`. Raises ResultsError for a
    parquet file, beside which nothing is written.
    """
    if Path(study).is_file():
        raise ResultsError(
            f"A report is written into a study's folder, and {study} is a file. Give a folder, or "
            f"draw from the file: python -m analysis page {study} -o page.html"
        )
    trials = results.trials(study)
    kinds = {trial.fields.get("kind") for trial in trials if trial.fields}
    if not names and kinds == {"diffusion"}:
        return diffusion_report(study)
    name = str(provenance.provenance(study).get("study"))
    return report(study, names or figures.STUDIES.get(name) or DEFAULT, trials)


def diffusion_report(study: str | Path) -> list[str]:
    """Draws a study's diffusion samples and returns lines to print on how good the pools are.

    Writes trials.parquet and figures/fig17 as PNG, PDF and CSV into the study's folder. A figure
    that cannot be drawn yet yields a line, not an error. Raises ResultsError if `study` is not a
    results folder.
    """
    study = Path(study)
    printed = _states(study, results.trials(study))
    try:
        compact(study)
    except ResultsError as error:
        printed.append(str(error))
    try:
        frame = figures.load("fig17", study)
    except ResultsError as error:
        return [*printed, str(error)]
    return [*printed, _drawn("fig17", frame, study), *pool_lines(list(frame["pool"]))]


def _drawn(name: str, frame: pd.DataFrame, study: Path) -> str:
    folder = study / "figures"
    files = [folder / f"{name}.{suffix}" for suffix in figures.FORMATS]
    try:
        figures.save(name, figures.load(name, study, frame), files, results.note(study))
    except ResultsError as error:
        return f"{name} is not drawn: {error}"
    except Exception as error:  # the other figures and the verdict are still of use
        return f"{name} is not drawn: {figures.fault(error)}"
    return f"{name}: {folder / name}.{{{','.join(figures.FORMATS)}}}"


def _states(study: Path, trials: list[TrialFolder]) -> list[str]:
    """Returns lines on how many trials are in which state, and which failed."""
    counts = Counter(trial.state for trial in trials)
    if not trials:
        return [f"{study}: none of its trials is on disk."]
    done = f"{counts['done']} of {len(trials)} trials done"
    others = [f"{n} {state}" for state, n in counts.items() if state != "done"]
    lines = [f"{study}: {', '.join([done, *others])}."]
    failed = [trial for trial in trials if trial.state == "failed"]
    for trial in failed[:SHOWN]:
        lines.append(f"  failed: {trial.key} at epoch {trial.epoch}: {trial.error or 'no reason'}")
    return lines + ([f"  and {len(failed) - SHOWN} more failed"] if len(failed) > SHOWN else [])
