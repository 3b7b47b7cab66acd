"""Applies the command line to a preset's trials: replaced axes, `--set`, seeds and replicates."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from scaling.errors import UsageError
from scaling.trial import Kind, Source, Trial, grid, on_dataset, parse_source
from scaling.trial.catalog import images_of
from scaling.trial.partition import sizes

FLAGS = {  # a study's flag -> the field of a trial that it sets
    "dataset": "dataset",
    "train_size": "train_size",
    "m_z": "m_z",
    "n_c": "n_c",
    "source": "source",
    "seeds": "seed",
    "replicates": "replicate",
}


def override(trials: Sequence[Kind], options: argparse.Namespace) -> list[Kind]:
    """Returns the preset's trials with the axes that the command line replaces.

    Raises UsageError if two flags set the same field.
    """
    base = list(trials)
    if options.dataset is not None:
        base = on_dataset(base, options.dataset)
    axes: dict[str, Sequence[Any]] = {
        "train_size": [] if options.train_size is None else [options.train_size],
        "m_z": options.m_z or [],
        "n_c": options.n_c or [],
        "source": [parse_source(text) for text in options.source or []],
        **chance(base, options),
    }
    typed = _fields(options.fields, type(base[0]))
    for flag, name in FLAGS.items():
        if name in typed and getattr(options, flag) is not None:
            raise UsageError(
                f"--{flag.replace('_', '-')} and --set {name}= set the same field. Omit one."
            )
    axes |= typed
    result = grid(base, **{name: values for name, values in axes.items() if values})
    if options.dataset is not None:
        _check_sizes(result)
    return result


def _check_sizes(trials: Sequence[Trial]) -> None:
    """Raises UsageError if a study compares sizes of D_train for which a data set is too small."""
    compared = sorted({trial.train_size for trial in trials if trial.train_size})
    fault = _fault(trials, 1) if len(compared) > 1 else ""
    if not fault:
        return
    factor = next((2**n for n in range(1, 16) if not _fault(trials, 2**n)), compared[0])
    smaller = " ".join(str(max(1, size // factor)) for size in compared)
    raise UsageError(
        f"{fault}. This study compares D_trains of {', '.join(map(str, compared))} images. Choose "
        f"smaller ones, such as --set train_size={smaller}, or fewer --replicates."
    )


def _fault(trials: Sequence[Trial], factor: int) -> str:
    """Returns why a data set is too small for D_trains that are `factor` times smaller, or ""."""
    for trial in trials:
        size = trial.train_size and max(1, trial.train_size // factor)
        try:
            part = replace(trial.part, train_size=size)
            sizes(part, images_of(trial.dataset), trial.dataset)
        except UsageError as error:
            return str(error).partition(". ")[0]
    return ""


def chance(trials: Sequence[Kind], options: argparse.Namespace) -> dict[str, Sequence[int]]:
    """Returns the axes of chance: replicates of one seed each, or seeds within one replicate.

    If both are given, the result is their product.
    """
    replicates = _once("--replicates", options.replicates or [])
    seeds = _once("--seeds", options.seeds or [])
    if replicates and not seeds:
        seeds = [0]
    present = [trial.replicate for trial in trials if trial.replicate is not None]
    if seeds and not replicates and present:
        replicates = [min(present)]
    return {"replicate": replicates, "seed": seeds}


def _fields(groups: list[list[str]], kind: type[Trial]) -> dict[str, list[object]]:
    """Parses `--set FIELD=VALUE [VALUE ...]`, typed by the trial's fields."""
    axes: dict[str, list[object]] = {}
    for group in groups:
        name = ""
        for word in group:
            if "=" in word:
                name, _, word = word.partition("=")
                if name in axes:
                    raise UsageError(
                        f"--set {name}= is given twice. Several values make an axis: "
                        f"--set {name}=VALUE VALUE."
                    )
                axes[name] = []
            elif not name:
                raise UsageError(f"--set {word}: FIELD=VALUE is expected, as in --set lr=0.001.")
            axes[name].append(_parse(name, word, kind))
    return axes


def _parse(name: str, word: str, kind: type[Trial]) -> object:
    if name.startswith("source."):
        return Source.parse(name.removeprefix("source."), word)
    return parse_source(word) if name == "source" else kind.parse(name, word)


def _once(flag: str, groups: Sequence[list[int]]) -> list[int]:
    """Returns the numbers of all words; raises UsageError if one is given twice."""
    numbers = [number for group in groups for number in group]
    if len(set(numbers)) < len(numbers):
        raise UsageError(f"{flag}: a number is given twice. Give each once.")
    return numbers
