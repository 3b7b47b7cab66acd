"""The names of a study's runs in TensorBoard, which group and sort: `normal/mz01/nc008`.

Trials that differ by chance alone, in replicate and seed, are one cell, whose mean is one run. Its
name has the training distribution, both axes padded with zeros, and whatever else varies.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Any

from scaling.trial import Trial, VaeTrial, group_name, headline

CHANCE = ("seed", "replicate", "split")  # fields in which the trials of a cell may differ
AXES = ("m_z", "n_c", "source")
WIDTHS = {"m_z": 2, "n_c": 3}  # digits of the axes in names, at least


@dataclass(frozen=True)
class RunNames:
    """The cells of a study's trials, by key."""

    trials: Mapping[str, Trial]

    @cached_property
    def cells(self) -> dict[str, str]:
        """The cell of each trial; cells of one name that are not the same get a hash each."""
        names = {key: "/".join(self._parts(trial)) for key, trial in self.trials.items()}
        groups: dict[str, set[str]] = {}
        for key, trial in self.trials.items():
            groups.setdefault(names[key], set()).add(group_name(trial))
        for key, trial in self.trials.items():
            if len(groups[names[key]]) > 1:
                names[key] += f"/{group_name(trial).rpartition('-')[2]}"
        return names

    @cached_property
    def members(self) -> dict[str, list[str]]:
        """The keys of each cell's trials; cells by name."""
        found: dict[str, list[str]] = {}
        for key, cell in self.cells.items():
            found.setdefault(cell, []).append(key)
        return dict(sorted(found.items()))

    def replicate(self, key: str) -> str:
        """The name of one trial's run: its cell, then `r0-s0` and the hash of its key."""
        trial = self.trials[key]
        drawn = "" if trial.replicate is None else f"r{trial.replicate}-"
        return f"{self.cells[key]}/{drawn}s{trial.seed}-{key.rpartition('-')[2]}"

    def hparams(self, key: str) -> dict[str, Any]:
        """The fields of a trial that tell its cell from others of its kind."""
        trial = self.trials[key]
        return {name: _shown(_value(trial, name)) for name in self._differing[trial.kind]}

    @cached_property
    def _differing(self) -> dict[str, list[str]]:
        """Of each kind of trial the fields that take several values, axes first."""
        found = {}
        for kind in {trial.kind for trial in self.trials.values()}:
            alike = [trial for trial in self.trials.values() if trial.kind == kind]
            changed = sorted({name for trial in alike for name in _changed(trial)})
            names = dict.fromkeys([*(AXES if kind == VaeTrial.kind else ()), *changed])
            found[kind] = [name for name in names if _vary(name, alike)]
        return found

    @cached_property
    def _in_names(self) -> dict[tuple[str, str | None], list[str]]:
        """By kind and source the fields in names: of a source those in which its trials differ."""
        alike: dict[tuple[str, str | None], list[Trial]] = {}
        for trial in self.trials.values():
            alike.setdefault((trial.kind, trial.source_name), []).append(trial)
        return {
            group: [
                name
                for name in self._differing[group[0]]
                if name not in (*AXES, "dataset") and (not _of_source(name) or _vary(name, found))
            ]
            for group, found in alike.items()
        }

    def _parts(self, trial: Trial) -> list[str]:
        """The parts of a cell's name."""
        others = self._in_names[trial.kind, trial.source_name]
        more = [_part(f"{name}={_shown(_value(trial, name))}") for name in others]
        first = [_part(PurePath(trial.dataset).stem)] if self._mixes_datasets else []
        if not isinstance(trial, VaeTrial):
            return [*first, trial.kind, _part(trial.label), *more]
        axes = [f"mz{trial.m_z:0{self._widths['m_z']}}", f"nc{trial.n_c:0{self._widths['n_c']}}"]
        return [*first, _part(trial.source.name), *axes, *more]

    @cached_property
    def _mixes_datasets(self) -> bool:
        return len({trial.dataset for trial in self.trials.values()}) > 1

    @cached_property
    def _widths(self) -> dict[str, int]:
        """The digits of each axis in names."""
        vaes = [trial for trial in self.trials.values() if isinstance(trial, VaeTrial)]
        return {
            axis: max([least, *(len(str(getattr(trial, axis))) for trial in vaes)])
            for axis, least in WIDTHS.items()
        }


def _changed(trial: Trial) -> list[str]:
    """The fields that are not at their default, but for those that replicates differ in."""
    drawn = trial.replicate is not None
    chance = {*CHANCE, "kind", *(("source.pool", "pool") if drawn else ())}
    return [name for name in headline(trial) if name not in chance]


def _of_source(name: str) -> bool:
    return name.startswith("source.")


def _vary(name: str, trials: Sequence[Trial]) -> bool:
    """Whether the field takes several values, those of a source within trials of its name."""
    alike: dict[Any, set[str]] = {}
    for trial in trials:
        source = _value(trial, "source") if _of_source(name) else None
        alike.setdefault(source, set()).add(repr(_value(trial, name)))
    return any(len(values) > 1 for values in alike.values())


def _value(trial: Trial, name: str) -> Any:
    """The field's value; of a source its name, of `source.k` the source's k."""
    value: Any = trial
    for part in name.split("."):
        value = getattr(value, part, None)
    return getattr(value, "name", value) if name == "source" else value


def _shown(value: Any) -> Any:
    """A value as TensorBoard takes it."""
    return value if isinstance(value, str | int | float | bool) else str(value)


def _part(text: str) -> str:
    """A part of a name, as a folder may be called."""
    return re.sub(r"[^A-Za-z0-9_.=,+-]+", "_", text)[:80]
