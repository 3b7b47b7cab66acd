"""Chooses a study's preset and changes it as the flags say."""

import argparse
from collections.abc import Mapping
from dataclasses import replace

from scaling.cli.options import SMOKE
from scaling.errors import UsageError, did_you_mean, listed
from scaling.presets import Preset
from scaling.trial.schedule import Diffusion


def preset_of(options: argparse.Namespace, presets: Mapping[str, Preset]) -> Preset:
    """Returns the chosen preset, as --measure-every and --diffusion-per-seed change it.

    Raises UsageError for an unknown preset, and for models per seed without seeds or a model.
    """
    name = SMOKE if options.smoke_test else options.preset
    if name not in presets:
        near = did_you_mean(name, presets)
        raise UsageError(f"Unknown preset {name!r}. {near}Known: {listed(presets)}.")
    preset, every = presets[name], options.measure_every
    if options.diffusion_per_seed:
        preset = replace(preset, diffusion=_per_seed(preset.diffusion, options.seeds))
    return preset if every is None else replace(preset, measure_every=every)


def _per_seed(diffusion: Diffusion | None, seeds: object) -> Diffusion:
    if diffusion is None or not seeds:
        lacking = "--seeds, as in --seeds 0-4" if diffusion else "a preset with a diffusion model"
        raise UsageError(f"--diffusion-per-seed needs {lacking}.")
    return replace(diffusion, per_seed=True)
