"""Implements `--lr-from STUDY`: trains each cell also at its best learning rate of that study."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scaling.cli.study_trials import MakeSchedule, StudyTrials
from scaling.errors import UsageError, to_type
from scaling.trial import NORMAL, Trial, VaeTrial
from scaling.trial.grid import besides
from scaling.trial.keys import data_name
from scaling.trial.own_files import identified
from scaling.trial.search import without_chance

if TYPE_CHECKING:
    import pandas as pd

    from scaling.storage.contents import RatesRecord, Record
    from scaling.storage.store import Store

# data set (a user's file by its content); a trial without chance, lr, source, partition; its source
Cell = tuple[str, object, str]


def add_rates(parser: argparse.ArgumentParser) -> None:
    """Adds `--lr-from` to a study's command line."""
    parser.add_argument_group("learning rates").add_argument(
        "--lr-from", metavar="STUDY",
        help="train each (m_z, n_c) also at the lr with the best validation ELBO in STUDY",
    )  # fmt: skip


class Tuned(StudyTrials):
    """Schedules a study's trials at their fixed rate, and again at the best rate of their cell."""

    def __init__(
        self, study: str, results: Path, trials: Sequence[Trial], make: MakeSchedule
    ) -> None:
        self.study, self.make = study, make
        self.cells = _best(study, results)
        rates = _rates(self.cells, results)
        vaes = [trial for trial in trials if isinstance(trial, VaeTrial)]
        if len({trial.lr for trial in vaes}) != 1 or len(vaes) < len(trials):
            raise UsageError(
                "--lr-from adds tuned rates to one fixed rate, and these trials are not VAEs with "
                "one lr. Fix it: --set lr=VALUE."
            )
        _check_complete(study, vaes, rates)
        self.fixed = vaes
        tuned = ((trial, _rate(trial, rates)) for trial in vaes)
        self.tuned = [replace(trial, lr=lr) for trial, lr in tuned if lr is not None]
        self.scheduled = make([*self.fixed, *self.tuned])

    def record(self, store: "Store") -> "Record":
        """Returns the record for study.json: the rates, and the keys of fixed and tuned trials."""
        columns = ["source", "m_z", "n_c", "lr", "lowest", "highest", "edge"]
        rates: RatesRecord = {
            "study": self.study,
            "chosen_by": "validation_elbo",
            "cells": self.cells[columns].to_dict("records"),
            "fixed": [self.key(trial) for trial in self.fixed],
            "tuned": [self.key(trial) for trial in self.tuned],
        }
        return super().record(store) | {"rates": rates}

    def notes(self) -> list[str]:
        """Returns lines about the rates: values, those at an edge, those of normal training."""
        from analysis.learning_rate import lines

        rated = set(self.cells["source"])
        others = sorted({trial.source.name for trial in self.fixed} - rated)
        borrowed = f"rates of {', '.join(others)}: those of normal training" if others else ""
        return [f"lr from {self.study}:", *lines(self.cells), *([borrowed] if borrowed else [])]


def _best(study: str, results: Path) -> "pd.DataFrame":
    """Returns the best rates of a finished study.

    Raises UsageError if there is no such study, or if it does not determine the rates.
    """
    from analysis import results as read
    from analysis.errors import ResultsError
    from analysis.learning_rate import best

    folder = results / study
    again = to_type("study", study, "--results", results)
    if Path(study).name != study or not (folder / "study.json").is_file():
        raise UsageError(f"There is no study {study!r} in {results}. Run it first: {again}")
    try:
        runs = read.trials(folder)
        left = sum(trial.state not in ("done", "failed", "censored") for trial in runs)
        if left or not runs:
            raise UsageError(
                f"The study {study} is not finished: {left} of {len(runs)} trials are unfinished. "
                f"Run it again: {again}"
            )
        return best(read.load(folder, runs))
    except ResultsError as error:
        raise UsageError(f"--lr-from {study}: {error}") from None


def _rates(cells: "pd.DataFrame", results: Path) -> dict[Cell, float]:
    """Returns the best rate of each cell."""
    from scaling.storage.store import Store

    store = Store(results)
    rates = {}
    for key, lr in zip(cells["key"], cells["lr"], strict=True):
        trial = store.folder(key).trial()
        if isinstance(trial, VaeTrial):
            rates[_cell(trial)] = float(lr)
    return rates


def _cell(trial: VaeTrial) -> Cell:
    data = data_name(trial if trial.content else identified(trial))
    plain = replace(without_chance(trial), lr=1.0, source=NORMAL, partition="train_and_test")
    return data, besides(plain, ["dataset", "content"]), trial.source.name


def _rate(trial: VaeTrial, rates: Mapping[Cell, float]) -> float | None:
    """Returns the rate of the trial's cell for its source, else for normal training, or None."""
    data, cell, source = _cell(trial)
    return rates.get((data, cell, source), rates.get((data, cell, NORMAL.name)))


def _check_complete(study: str, trials: Sequence[VaeTrial], rates: Mapping[Cell, float]) -> None:
    lacking = sorted({(t.m_z, t.n_c) for t in trials if _rate(t, rates) is None})
    if lacking:
        places = ", ".join(f"(m_z={m_z}, n_c={n_c})" for m_z, n_c in lacking[:3])
        more = f" and {len(lacking) - 3} more" if lacking[3:] else ""
        raise UsageError(
            f"The study {study} has no rate for {places}{more} with these settings. Run it with "
            "the same preset, or exclude them with --m-z and --n-c."
        )
