"""Chooses the folders of a study's TensorBoard runs, and tidies those of earlier launches."""

import fnmatch
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scaling.storage.run_names import RunNames
from scaling.storage.tensorboard import HOME, Events, EventsPlace
from scaling.trial import Trial, VaeTrial

ROOM = 40  # with more runs than this, TensorBoard shows none until one is chosen
# A running TensorBoard gets stuck if the file that it reads is removed, so old files stay a while.
READ_WITHIN_S = 120
FILES = "events.out.tfevents.*"
Steps = Sequence[tuple[int, int]]  # (m_z, n_c), in the order of the path
FindPath = Callable[[Sequence[VaeTrial], str], Steps]
At = tuple[str, int, int]  # source, m_z, n_c


@dataclass(frozen=True)
class RunPlaces:
    """Gives the folder of each run of a study.

    `find_path` returns the path of Figure 8 for one source, or an empty one.
    """

    folder: Path
    trials: Mapping[str, Trial]
    find_path: FindPath

    @cached_property
    def names(self) -> RunNames:
        """Returns the names of the runs."""
        return RunNames(self.trials)

    @property
    def opened(self) -> Path:
        """Returns the folder to open first, with at most ROOM runs."""
        return self.folder / HOME

    @property
    def all_means(self) -> Path:
        """Returns the folder of all cells' means, used if they are too many for `opened`."""
        return self.folder / f"{HOME}-means"

    @property
    def replicates(self) -> Path:
        """Returns the folder of the single trials' runs."""
        return self.folder / f"{HOME}-replicates"

    def of_trial(self, key: str) -> EventsPlace:
        """Returns the place where the trial writes its own events."""
        trial = self.trials[key]
        chance = {"replicate": trial.replicate, "seed": trial.seed}
        numbers = {name: value for name, value in chance.items() if value is not None}
        return EventsPlace(self._folder_of(key), self.names.hparams(key) | numbers, trial.kind)

    def _folder_of(self, key: str) -> Path:
        return self.replicates / self.names.replicate(key)

    def of_cell(self, cell: str) -> list[Path]:
        """Returns the folders to which a cell's mean is written."""
        if self.fits:
            return [self.opened / cell]
        return [self.all_means / cell, *([self.opened / cell] if cell in self._first else [])]

    @property
    def of_study(self) -> list[Path]:
        """Returns the folders of the run that describes the study."""
        return [home / "study" for home in self._homes]

    @property
    def of_trials(self) -> Path:
        """Returns the folder of the run that lists the hyperparameters of the single trials."""
        return self.replicates / "study"

    def of_path(self, source: str) -> Path:
        """Returns the folder of the run that shows a source's path."""
        return self.opened / "path" / source

    @property
    def _homes(self) -> list[Path]:
        return [self.opened] if self.fits else [self.opened, self.all_means]

    @cached_property
    def fits(self) -> bool:
        """Is True if all cells fit into the folder that opens first."""
        return len(self.names.members) <= self._room

    @property
    def _room(self) -> int:
        return ROOM - 1 - len(self.paths)

    @cached_property
    def _first(self) -> set[str]:
        """Returns the cells in the folder that opens first: those on a path, then by name."""
        on_path = {(source, *step) for source, steps in self.paths.items() for step in steps}
        cells = sorted(self.names.members, key=lambda cell: self.at(cell) not in on_path)
        return set(cells[: self._room])

    def at(self, cell: str) -> At | None:
        """Returns the cell's source, m_z and n_c, or None if its trials are not VAEs."""
        trial = self.trials[self.names.members[cell][0]]
        return (trial.source.name, trial.m_z, trial.n_c) if isinstance(trial, VaeTrial) else None

    @cached_property
    def paths(self) -> dict[str, Steps]:
        """Returns the path of each source; empty if several cells share one source, m_z and n_c."""
        vaes = [trial for trial in self.trials.values() if isinstance(trial, VaeTrial)]
        places = [place for cell in self.names.members if (place := self.at(cell))]
        if len(set(places)) < len(places):
            return {}
        sources = dict.fromkeys(trial.source.name for trial in vaes)
        paths = {source: self.find_path(vaes, source) for source in sources}
        return {source: steps for source, steps in paths.items() if len(steps) > 1}

    def settle(self) -> None:
        """Moves trials' events to their present folders and removes runs that no longer exist."""
        existing = _runs(self.replicates)
        keys = self.trials if existing else ()  # of thousands of trials the names take a second
        targets = {key.rpartition("-")[2]: self._folder_of(key) for key in keys}
        for run in existing:
            target = targets.get(run.name.rpartition("-")[2], run)
            if target != run and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(run, target)
        homes = {home for cell in self.names.members for home in self.of_cell(cell)}
        homes |= {*self.of_study, *map(self.of_path, self.paths)}
        for run in [*_runs(self.opened), *_runs(self.all_means)]:
            if run not in homes:
                _remove(run.glob(FILES))
        for home in (self.opened, self.all_means, self.replicates):
            _remove_empty(home)


def _runs(home: Path) -> list[Path]:
    """Returns all folders below `home` that contain event files."""
    walked = os.walk(home)  # several times faster than `Path.rglob`, for the folders of many trials
    return sorted(Path(folder) for folder, _, names in walked if fnmatch.filter(names, FILES))


def _remove(files: Iterator[Path]) -> None:
    for file in list(files):
        file.unlink(missing_ok=True)


def _remove_empty(home: Path) -> None:
    """Removes empty folders, the innermost first."""
    for folder, _, names in os.walk(home, topdown=False):
        if not names and Path(folder) != home:
            with suppress(OSError):  # not empty
                os.rmdir(folder)


@contextmanager
def replacing(
    run: Path, meanings: Mapping[str, str] | None = None, kind: str = "vae"
) -> Iterator[Events]:
    """Rewrites a run: the new file overrides older ones, which are removed after a while."""
    with Events(run, replace=True, meanings=meanings, kind=kind) as events:
        yield events
    read_by_now = time.time() - READ_WITHIN_S
    _remove(file for file in run.glob(FILES) if file.stat().st_mtime < read_by_now)
