"""Collects everything that a page shows of results, as plain values for its template."""

from pathlib import Path
from typing import NotRequired, TypedDict

import pandas as pd

from analysis import curves, figures, results
from analysis.errors import ResultsError
from analysis.page import cells, costs, drawn, learning, lines, pictures, text, trials
from analysis.page.circumstances import circumstances
from analysis.retype import retyped
from analysis.selection import choice, own_study
from analysis.storage import provenance, studies
from analysis.storage.trial_folder import TrialFolder

DESCENT = "double_descent"  # the study whose verdict a page shows


class Measured(TypedDict, total=False):
    """Holds the template's values that need a measured epoch."""

    verdict: text.ShownVerdict
    claims: text.ShownClaims
    heat: cells.Heat
    heat_tables: list[cells.HeatTable]
    figures: list[drawn.DrawnFigure]
    learning: learning.LearningCurves
    pictures: list[pictures.TrialPicture]
    pools: list[pictures.PoolPicture]
    costs: list[costs.CostRow]
    trials: trials.TrialTable
    datasets: list[dict[str, str]]


class Content(Measured):
    """Holds the template's values."""

    title: str
    about: dict[str, object]
    counts: dict[str, int]
    trials_total: int
    launches: list[dict[str, object]]
    profiles: list[costs.LaunchTimes]
    go_on: list[dict[str, str]]
    note: str
    failures: list[trials.Failure]
    nothing: NotRequired[str]  # why nothing is measured


def content(path: Path) -> Content:
    """Returns the template's values for a study's folder, a results root or a parquet file.

    Raises ResultsError if there is nothing to read at all.
    """
    folders = results.trials(path) if path.is_dir() else []
    record = provenance.provenance(path)
    nothing = ""
    try:
        frame = lines.lined(results.load(path, folders if path.is_dir() else None))
    except ResultsError as error:
        frame, nothing = pd.DataFrame(), str(error)
    counts = trials.counts(folders, frame) if folders or len(frame) else {}
    values: Content = {
        "title": str(record.get("study") or path.stem),
        "about": record,
        "counts": counts,
        "trials_total": sum(counts.values()),
        "launches": text.launches(record),
        "profiles": costs.profiles(record),
        "go_on": text.go_on(record, path, counts),
        "note": provenance.note(path),
        "failures": trials.failures(folders),
    }
    if nothing:
        values["nothing"] = nothing
    if len(frame):
        values.update(_measured(path, folders, frame, record))
    return values


def _measured(
    path: Path, folders: list[TrialFolder], frame: pd.DataFrame, record: dict[str, object]
) -> Measured:
    """Returns the values that need a measured epoch."""
    names, alone = _figures(frame, record), frame.drop(columns=["line", "drawn"])
    vaes = _vaes(frame)
    study = path if (path / "study.json").is_file() else None
    root = path.parent if study else path
    heat = cells.heat_map(vaes)
    details = circumstances(frame, study, record)
    return {
        "verdict": _verdict(path, alone, names),
        "claims": text.ledger(frame),
        "heat": heat,
        "heat_tables": cells.tables(heat),
        "figures": drawn.drawn((*names, *choice.figures_of(alone, record)), path, alone),
        "learning": learning.learning_curves(vaes),
        "pictures": pictures.of_trials(vaes, root) if path.is_dir() and len(vaes) else [],
        "pools": pictures.of_pools(path, folders) if path.is_dir() else [],
        "costs": costs.against_plan(frame, study, details),
        "trials": trials.table(frame, details),
        "datasets": _datasets(frame),
    }


def _verdict(path: Path, frame: pd.DataFrame, names: tuple[str, ...]) -> text.ShownVerdict:
    """Returns what the readings or the curves of double descent show; {} for other studies.

    On double descent it is the verdict on the trials of the study of that name, at its fixed rate
    first.
    """
    if "readings" in names:
        return text.read(frame)
    if "fig8" not in names:
        return {}
    part = own_study.of_study(frame, path, DESCENT)
    try:
        return text.judged(choice.parts(part, studies.about(path, DESCENT)))
    except ResultsError as error:  # a search that has chosen nothing yet
        return text.undecided(str(error))


def _figures(frame: pd.DataFrame, record: dict[str, object]) -> tuple[str, ...]:
    """Returns the study's figures; for other results those of double descent, as in the report."""
    names = figures.STUDIES.get(str(record.get("study")))
    only = set(frame["kind"]) == {"diffusion"}
    if names is not None:
        return names
    return ("fig17",) if only else figures.STUDIES[DESCENT]


def _vaes(frame: pd.DataFrame) -> pd.DataFrame:
    """Selects the finished VAEs, with integer axes."""
    done = curves.finished(frame)
    axes = [name for name in ("m_z", "n_c", "seed") if name in done]
    return retyped(done, int, axes)


def _datasets(frame: pd.DataFrame) -> list[dict[str, str]]:
    """Returns name, origin and fingerprint of the images that trials were trained on."""
    names = [name for name in ("dataset", "data", "fingerprint") if name in frame]
    rows = frame[names].drop_duplicates().fillna("").to_dict("records")
    datasets = [{str(name): str(value) for name, value in row.items()} for row in rows]
    return [row for row in datasets if row.get("fingerprint")] or datasets
