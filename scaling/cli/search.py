"""Implements `--search FIELD=log:A:B --samples N --halving F`: random search with halving."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scaling.cli.scores import METRIC, Scores
from scaling.cli.study_trials import MakeSchedule, StudyTrials
from scaling.errors import UsageError, did_you_mean
from scaling.trial import Trial
from scaling.trial.bounds import AT_LEAST_TWO, COUNT, number
from scaling.trial.halving import LOST, CellPoint, Climb, climb, rungs
from scaling.trial.schedule import Scheduled
from scaling.trial.search import (
    DIGITS,
    FORMS,
    SEED,
    Point,
    Range,
    check_free,
    parse_range,
    points,
    sampled,
)

if TYPE_CHECKING:
    from scaling.storage.contents import Record, SearchedPoint, SearchRecord
    from scaling.storage.store import Store

SAMPLES = 16
OVER = ("cells", "all")


@dataclass(frozen=True)
class Search:
    """Describes a search."""

    ranges: tuple[Range, ...]
    tried: list[Point]
    factor: int  # divisor of successive halving; 0: all points are trained to the end
    jointly: bool  # True if one point is chosen for all cells


def add_search(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of a search to a study's command line."""
    group = parser.add_argument_group("search (chosen by validation ELBO, never by the test set)")
    add = group.add_argument
    add("--search", nargs="+", action="extend", metavar="FIELD=RANGE", help=FORMS)
    text = f"points tried in each cell (default {SAMPLES}); more extend fewer"
    add("--samples", type=number(COUNT), metavar="N", help=text)
    text = "successive halving: 1/F of the points continue, F times as long"
    add("--halving", type=number(AT_LEAST_TWO), metavar="F", help=text)
    text = "cells (default): best point of each cell; all: best point on average"
    add("--search-over", metavar="WHAT", help=text)


def search_of(options: argparse.Namespace, kind: type[Trial]) -> Search | None:
    """Returns the search that the flags describe; None without `--search`.

    Raises UsageError for flags that need `--search`, and as `parse_range` and `points` do.
    """
    if not options.search:
        for flag in ("samples", "halving", "search_over"):
            if getattr(options, flag) is not None:
                name = flag.replace("_", "-")
                raise UsageError(
                    f"--{name} needs --search. Add a search, as in --search lr=log:1e-4:1e-2."
                )
        return None
    over = options.search_over or OVER[0]
    if over not in OVER:
        raise UsageError(
            f"Unknown --search-over {over!r}. {did_you_mean(over, OVER)}Known: {', '.join(OVER)}."
        )
    ranges = tuple(parse_range(word, kind) for word in options.search)
    check_free(ranges, _given(options))
    tried = points(ranges, SAMPLES if options.samples is None else options.samples)
    return Search(ranges, tried, options.halving or 0, over == "all")


def _given(options: argparse.Namespace) -> Iterable[str]:
    """Yields the fields that other flags set."""
    for flag in ("dataset", "train_size", "m_z", "n_c", "source"):
        if getattr(options, flag) is not None:
            yield flag
    yield from (word.partition("=")[0] for group in options.fields for word in group if "=" in word)


class Searching(StudyTrials):
    """Schedules the trials of a search: each point as far as the scores on disk take it."""

    def __init__(
        self,
        search: Search,
        trials: Sequence[Trial],
        make: MakeSchedule,
        epochs: int,
        measure_every: int,
    ) -> None:
        self.search, self.make = search, make
        candidates = sampled(trials, search.tried)
        self.chooses = _can_choose([candidate.trial for candidate in candidates], search.factor)
        self.scheduled = make([candidate.trial for candidate in candidates])
        self.keys: dict[CellPoint, list[str]] = {}
        for candidate in candidates:
            keys = self.keys.setdefault((candidate.cell, candidate.point), [])
            keys.append(self.key(candidate.trial))
        samples = len(search.tried)
        self.ladder = rungs(epochs, measure_every, samples, search.factor)

    def now(self, store: "Store") -> list[Scheduled]:
        """Returns the trials, each with the epochs that its scores allow."""
        return self._cut(self._climb(store).epochs)

    def expected(self, store: "Store") -> list[Scheduled]:
        """Returns the schedule if, where scores are missing, the first points continue.

        So the number of trials is right, even if others will continue.
        """
        scores = self._scores(store)

        def assumed(cell: int, point: int, epochs: int) -> float | None:
            score = scores(cell, point, epochs)
            return -1e9 - point if score is None else score

        climbed = climb(list(self.keys), self.ladder, assumed, self.search.jointly)
        return self._cut(climbed.epochs)

    def ends(self, store: "Store") -> list[tuple[str, int]]:
        """Returns also the keys of its points with the epochs of each rung, if it scores them."""
        rungs = self.ladder if self.chooses else ()
        scored = [(k, rung.epochs) for rung in rungs for keys in self.keys.values() for k in keys]
        return [*super().ends(store), *scored]

    def record(self, store: "Store") -> "Record":
        """Returns the record for study.json: ranges, rungs, points and scores."""
        climbed = self._climb(store)
        search: SearchRecord = {
            "ranges": {span.name: span.text for span in self.search.ranges},
            "samples": len(self.search.tried),
            "points": f"scrambled Sobol sequence (scipy), seed {SEED}, {DIGITS} digits",
            "over": OVER[self.search.jointly],
            "halving": self.search.factor or None,
            "rungs": [{"epochs": rung.epochs, "points": rung.points} for rung in self.ladder],
            "chosen_by": f"{METRIC}, mean over the last tenth of the epochs, seeds and replicates"
            if self.chooses
            else None,
            "cells": [self._cell(cell, climbed) for cell in sorted({c for c, _ in self.keys})],
        }
        return super().record(store) | {"search": search}

    def _cell(self, cell: int, climbed: Climb) -> "list[SearchedPoint]":
        """Returns the points of a cell: values, trials, scores by epoch, and which was chosen."""
        return [
            {
                "values": self.search.tried[point],
                "keys": keys,
                "epochs": climbed.epochs[cell, point],
                "scores": {
                    str(epochs): None if score == LOST else score
                    for epochs, score in climbed.scores[cell, point].items()
                },
                "chosen": self.chooses and climbed.chosen.get(cell) == point,
            }
            for (index, point), keys in self.keys.items()
            if index == cell
        ]

    def notes(self) -> list[str]:
        """Returns a line with the ranges, the number of points, and the rungs."""
        n, cells = len(self.search.tried), len({cell for cell, _ in self.keys})
        fields = ", ".join(f"{span.name} {span.text}" for span in self.search.ranges)
        climbing = " -> ".join(f"{r.points} to epoch {r.epochs}" for r in self.ladder)
        return [f"search: {fields}; {n} points in each of {cells} cells, {climbing}"]

    def _climb(self, store: "Store") -> Climb:
        return climb(list(self.keys), self.ladder, self._scores(store), self.search.jointly)

    def _scores(self, store: "Store") -> "Scores":
        return Scores(store, self.keys, self.chooses)

    def _cut(self, epochs: Mapping[CellPoint, int]) -> list[Scheduled]:
        """Limits trials to these epochs; costly metrics are for those that reach the end."""
        ends = {key: epochs[place] for place, keys in self.keys.items() for key in keys}
        return [_until(item, ends.get(item.key, item.epochs)) for item in self.scheduled]


def _until(item: Scheduled, epochs: int) -> Scheduled:
    if epochs >= item.epochs:
        return item
    kept_epochs = tuple(epoch for epoch in item.kept_epochs if epoch <= epochs)
    return replace(item, epochs=epochs, kept_epochs=kept_epochs, metrics=())


def _can_choose(trials: Sequence[Trial], factor: int) -> bool:
    """Returns True if the trials have a validation ELBO.

    Raises UsageError if one is needed and missing.
    """
    kinds = {trial.kind for trial in trials}
    if kinds != {"vae"}:
        if factor:
            raise UsageError(
                f"--halving needs a validation ELBO, which a {min(kinds - {'vae'})} trial does not "
                "have. Omit it, to train all points to the end."
            )
        return False
    if any(trial.partition == "train_and_test" for trial in trials):
        raise UsageError(
            "--search chooses by the validation ELBO, and with partition=train_and_test there are "
            "no validation images. Add --set partition=disjoint."
        )
    return True
