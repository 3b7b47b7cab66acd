"""Turns a study's flags into the trials to run: as listed, as a search, or at tuned rates."""

from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import Any

from scaling.cli.rates import Tuned
from scaling.cli.search import Searching, search_of
from scaling.cli.study_trials import StudyTrials
from scaling.errors import UsageError
from scaling.presets import Preset
from scaling.trial import Trial
from scaling.trial.schedule import schedule


def study_trials_of(
    options: Namespace,
    preset: Preset,
    trials: list[Any],
    epochs: int,
    identify: Callable[[Trial], Trial],
) -> StudyTrials:
    """Returns the work that the flags make of a study's trials.

    `identify` adds the content of users' own files to the trials that use them. Raises UsageError
    for flags that exclude each other, and for values that one of them refuses.
    """
    make = partial(
        schedule,
        epochs=epochs,
        measure_every=preset.measure_every,
        diffusion=preset.diffusion,
        metrics=preset.metrics,
        metric_every=preset.metric_every,
        equal_images=preset.equal_images,
        identify=identify,
    )
    search = search_of(options, type(trials[0]))
    if preset.equal_images and (search or options.lr_from is not None):
        raise UsageError(
            "--search and --lr-from need trials of equal length, and this study trains smaller "
            "D_trains for more epochs. Omit them."
        )
    if search and options.lr_from is not None:
        raise UsageError("--search and --lr-from both choose trials. Omit one of them.")
    if search:
        return Searching(search, trials, make, epochs, preset.measure_every)
    if options.lr_from is not None:
        return Tuned(options.lr_from, options.results, trials, make)
    return StudyTrials(trials, make)
