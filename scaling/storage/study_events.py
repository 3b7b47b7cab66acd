"""Shows a study in TensorBoard: growing means over replicates, the path of Figure 8, a summary.

`tensorboard/` opens first: the run `study`, one run per cell with the mean over its replicates, and
the path of Figure 8 as runs whose step is the place on the path. TensorBoard switches off all runs
if there are more than 40, so with more cells `tensorboard/` contains those on the path, and
`tensorboard-means/` all of them. Single trials are in `tensorboard-replicates/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from scaling.storage import means, study_summary
from scaling.storage.means import Curve
from scaling.storage.rows import Row
from scaling.storage.run_places import FindPath, RunPlaces, replacing
from scaling.storage.store import Store
from scaling.storage.tensorboard import EventsPlace, write_rows
from scaling.trial.schedule import Scheduled

SHARE = 0.1  # a mean is rewritten when this share of the cell's rows is new
PATH_STEPS = 20  # number of times that the path is rewritten


@dataclass
class StudyEvents:
    """Writes the event files of a study into its folder; `scheduled` are its trials by key.

    `meanings` are descriptions of columns, `find_path` is as in RunPlaces.
    """

    folder: Path
    store: Store
    scheduled: Mapping[str, Scheduled]
    meanings: Mapping[str, str] = field(default_factory=dict)
    find_path: FindPath = lambda trials, source: ()
    about: Mapping[str, str] = field(default_factory=dict)  # Markdown texts by title
    new_rows: dict[str, int] = field(default_factory=dict)  # by cell, since its mean was written
    expected: dict[str, int] = field(default_factory=dict)  # number of rows by cell, at the end
    ends: dict[str, Curve] = field(default_factory=dict)  # final values by cell, as last read
    ended: int = 0  # trials that ended since the path was written

    @cached_property
    def places(self) -> RunPlaces:
        """Returns the folders of the study's runs."""
        trials = {key: scheduled.trial for key, scheduled in self.scheduled.items()}
        return RunPlaces(self.folder, trials, self.find_path)

    @property
    def cells(self) -> Mapping[str, list[str]]:
        """Returns the keys of each cell's trials."""
        return self.places.names.members

    def place(self, key: str) -> EventsPlace:
        """Returns the place where a trial writes its own events."""
        return self.places.of_trial(key)

    def begin(self) -> None:
        """Makes the folders ready, before the first trial starts."""
        self.places.settle()

    def row(self, key: str) -> None:
        """Notes a new row of a trial, and rewrites its cell's mean if enough rows are new."""
        cell = self.places.names.cells[key]
        self.new_rows[cell] = self.new_rows.get(cell, 0) + 1
        if self.new_rows[cell] >= SHARE * self._rows_of_cell(cell):
            self._write_mean(cell)

    def end(self, key: str) -> None:
        """Notes the end of a trial: rewrites its mean and, now and then, paths and summary."""
        if self.new_rows.get(cell := self.places.names.cells[key]):
            self._write_mean(cell)
        self.ended += 1
        if self.ended >= len(self.scheduled) / PATH_STEPS:
            self._write_paths()
            self.summary({}, {})

    def finish(self) -> None:
        """Writes the summary, all means and paths, and the events of other studies' trials."""
        for key in self.scheduled:
            place = self.place(key)
            if not place.folder.exists() and (rows := self._rows(key)):
                write_rows(place, rows)
        for cell in self.cells:
            self._write_mean(cell)
        self._write_paths()
        self.summary({}, {})

    def describe(self) -> None:
        """Writes the study's description, without results: they would take long to read."""
        study_summary.write(self.places, self.scheduled, self.about, {})

    def summary(self, text: Mapping[str, str], pictures: Mapping[str, bytes]) -> None:
        """Writes the study's description and results: texts by title and PNGs by name."""
        finals = {cell: self._end(cell).finals for cell in self.cells}
        table = means.table({cell: final for cell, final in finals.items() if final})
        text = {**self.about, **text, "means": table}
        study_summary.write(self.places, self.scheduled, text, pictures)

    def _rows_of_cell(self, cell: str) -> int:
        """Returns the number of rows that the cell's trials will have in the end."""
        if cell not in self.expected:
            first = self.scheduled[self.cells[cell][0]]
            self.expected[cell] = first.measurements * len(self.cells[cell])
        return self.expected[cell]

    def _rows(self, key: str) -> list[Row]:
        rows = self.store.folder(key).rows()
        return [row for row in rows if row["epoch"] <= self.scheduled[key].epochs]

    def _curve(self, cell: str) -> Curve:
        keys = self.cells[cell]
        curve = means.curve([(self._rows(k), self.scheduled[k].epochs) for k in keys])
        self.ends[cell] = replace(curve, by_epoch={})
        return curve

    def _end(self, cell: str) -> Curve:
        """Returns the final values of a cell as of its last mean, which a trial's end rewrites."""
        return self.ends[cell] if cell in self.ends else self._curve(cell)

    def _write_mean(self, cell: str) -> None:
        self.new_rows[cell] = 0
        curve, keys = self._curve(cell), self.cells[cell]
        if not curve.by_epoch:
            return
        values = self.places.names.hparams(keys[0]) | {"replicates": len(keys)}
        values |= {"parameters": curve.parameters} if curve.parameters else {}
        kind = self.scheduled[keys[0]].trial.kind
        for run in self.places.of_cell(cell):
            with replacing(run, self.meanings, kind) as events:
                events.hparams(values, group=cell)
                means.write(events, curve)

    def _write_paths(self) -> None:
        self.ended = 0
        cells = {self.places.at(cell): cell for cell in self.cells}
        for source, steps in self.places.paths.items():
            path_cells = [cells.get((source, *step)) for step in steps]
            curves = [self._end(cell) if cell else None for cell in path_cells]
            if any(curve and "test_elbo" in curve.finals for curve in curves):
                with replacing(self.places.of_path(source)) as events:
                    means.write_path(events, curves)
