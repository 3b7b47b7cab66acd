"""Writes what users look at after a launch into TensorBoard, and names the places of the rest."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scaling.cli.process import command
from scaling.errors import to_type

if TYPE_CHECKING:
    from scaling.storage.store import Store
    from scaling.storage.study_events import StudyEvents
    from scaling.trial import VaeTrial
    from scaling.trial.schedule import Planned

# Smoothing falsifies curves with few points: the first 0 is for the tab Time Series, the other for
# Scalars and Custom Scalars.
URL = "http://localhost:6006/?smoothing=0#timeseries&_smoothingWeight=0"


def events_of(
    name: str, store: "Store", trials: Mapping[str, "Planned"], plan: Sequence[str]
) -> "StudyEvents":
    """Returns the writer of the study's TensorBoard; `plan` are the lines of the printed plan."""
    from analysis.columns import COLUMNS
    from scaling.storage.study_events import StudyEvents

    scheduled = {key: planned.scheduled for key, planned in trials.items()}
    meanings = {
        column: "; ".join(filter(None, (meaning, unit, way)))
        for column, (unit, way, meaning) in COLUMNS.items()
    }
    texts = {"command": _block([command()]), "plan": _block(plan)}
    return StudyEvents(store.study(name), store, scheduled, meanings, find_path, texts)


def find_path(trials: Sequence["VaeTrial"], source: str) -> list[tuple[int, int]]:
    """Returns (m_z, n_c) along Figure 8's path of a source, or nothing if there is no path."""
    import pandas as pd

    from analysis.double_descent import paths
    from analysis.errors import ResultsError

    names = ("kind", "m_z", "n_c", "seed")
    rows = [{name: getattr(trial, name) for name in names} for trial in trials]
    frame = pd.DataFrame(rows).assign(source=[trial.source.name for trial in trials])
    try:
        steps = paths.path(frame, source)
    except ResultsError:
        return []
    return list(zip(steps["m_z"].tolist(), steps["n_c"].tolist(), strict=True))


def show(events: "StudyEvents", lines: Sequence[str], seconds: float) -> None:
    """Adds a study's results to TensorBoard: the report's lines, figures, duration in seconds."""
    figures = sorted((events.folder / "figures").glob("*.png"))
    took = [f"This launch took {seconds / 60:.1f} minutes."]
    texts = {"found": _block(lines), "took": _block(took)}
    events.summary(texts, {file.stem: file.read_bytes() for file in figures})


def how_to_draw(folder: Path) -> list[str]:
    """Returns a line with the commands that draw a study's figures and write its page."""
    page = to_type("page", folder)
    return [f"no figures drawn; draw them with: {to_type('report', '--results', folder)}, {page}"]


def places(folder: Path, drawn: bool) -> list[str]:
    """Returns lines that name the table, if `drawn`, and TensorBoard's folder.

    The table is written with the figures.
    """
    logs = shlex.join(["tensorboard", "--logdir", str(folder / "tensorboard")])
    table = f"table: {folder / 'trials.parquet'} (a row per trial and measured epoch)"
    return [*([table] if drawn else []), f"TensorBoard: {logs}, then open {URL}"]


def _block(lines: Sequence[str]) -> str:
    """Quotes lines as literal text in Markdown."""
    return "\n".join(f"    {line}" for text in lines for line in text.splitlines())
