"""Names a study's runs in TensorBoard so that they group and sort: `normal/mz01/nc008`.

Trials that differ by chance alone, in replicate and seed, form a cell, whose mean is one run. A
cell's name contains the training distribution, both axes padded with zeros, and every other field
that varies.
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
Hparam = str | int | float | bool  # a value that TensorBoard accepts
WIDTHS = {"m_z": 2, "n_c": 3}  # minimum number of digits of the axes in names


@dataclass(frozen=True)
class RunNames:
    """Names the cells and runs of a study's trials; `trials` are by key."""

    trials: Mapping[str, Trial]

    @cached_property
    def cells(self) -> dict[str, str]:
        """Returns the name of each trial's cell by key.

        Different cells that would get the same name are distinguished by a hash.
        """
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
        """Returns the keys of each cell's trials, by the cell's name."""
        keys: dict[str, list[str]] = {}
        for key, cell in self.cells.items():
            keys.setdefault(cell, []).append(key)
        return dict(sorted(keys.items()))

    def replicate(self, key: str) -> str:
        """Returns the name of one trial's run: its cell, then `r0-s0` and the hash of its key."""
        trial, (replicates, seeds) = self.trials[key], self._drawn_widths
        prefix = "" if trial.replicate is None else f"r{trial.replicate:0{replicates}}-"
        return f"{self.cells[key]}/{prefix}s{trial.seed:0{seeds}}-{key.rpartition('-')[2]}"

    def hparams(self, key: str) -> dict[str, Hparam]:
        """Returns the fields and values that distinguish a trial's cell from others of its kind."""
        trial = self.trials[key]
        return {name: _shown(_value(trial, name)) for name in self._differing[trial.kind]}

    @cached_property
    def _differing(self) -> dict[str, list[str]]:
        """Returns, for each kind of trial, the fields that take several values, axes first."""
        fields = {}
        for kind in {trial.kind for trial in self.trials.values()}:
            of_kind = [trial for trial in self.trials.values() if trial.kind == kind]
            changed = sorted({name for trial in of_kind for name in _changed(trial)})
            names = dict.fromkeys([*(AXES if kind == VaeTrial.kind else ()), *changed])
            fields[kind] = [name for name in names if _vary(name, of_kind)]
        return fields

    @cached_property
    def _in_names(self) -> dict[tuple[str, str | None], list[str]]:
        """Returns the fields that names show, by kind and source.

        A field of the source is shown only if the trials of that source differ in it.
        """
        groups: dict[tuple[str, str | None], list[Trial]] = {}
        for trial in self.trials.values():
            groups.setdefault((trial.kind, trial.source_name), []).append(trial)
        return {
            group: [
                name
                for name in self._differing[group[0]]
                if name not in (*AXES, "dataset") and (not _of_source(name) or _vary(name, trials))
            ]
            for group, trials in groups.items()
        }

    def _parts(self, trial: Trial) -> list[str]:
        """Returns the parts of the name of the trial's cell."""
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
        """Returns the number of digits of each axis in names."""
        vaes = [trial for trial in self.trials.values() if isinstance(trial, VaeTrial)]
        return {
            axis: max([least, *(len(str(getattr(trial, axis))) for trial in vaes)])
            for axis, least in WIDTHS.items()
        }

    @cached_property
    def _drawn_widths(self) -> tuple[int, int]:
        """Returns the number of digits of replicates and of seeds in names."""
        every = self.trials.values()
        return (
            len(str(max((trial.replicate or 0 for trial in every), default=0))),
            len(str(max((trial.seed for trial in every), default=0))),
        )


def _changed(trial: Trial) -> list[str]:
    """Returns the fields that differ from their defaults, without those that vary by chance."""
    has_replicate = trial.replicate is not None
    chance = {*CHANCE, "kind", *(("source.pool", "pool") if has_replicate else ())}
    return [name for name in headline(trial) if name not in chance]


def _of_source(name: str) -> bool:
    return name.startswith("source.")


def _vary(name: str, trials: Sequence[Trial]) -> bool:
    """Returns True if the field takes several values.

    A field of the source is compared only among trials of the same source.
    """
    values: dict[Any, set[str]] = {}
    for trial in trials:
        source = _value(trial, "source") if _of_source(name) else None
        values.setdefault(source, set()).add(repr(_value(trial, name)))
    return any(len(values) > 1 for values in values.values())


def _value(trial: Trial, name: str) -> Any:
    """Returns a field's value: for `source` its name, for `source.k` the field k of the source."""
    value: Any = trial
    for part in name.split("."):
        value = getattr(value, part, None)
    return getattr(value, "name", value) if name == "source" else value


def _shown(value: object) -> Hparam:
    """Returns the value in a type that TensorBoard accepts."""
    return value if isinstance(value, str | int | float | bool) else str(value)


def _part(text: str) -> str:
    """Returns the text with all characters replaced that a folder's name should not contain."""
    return re.sub(r"[^A-Za-z0-9_.=,+-]+", "_", text)[:80]
