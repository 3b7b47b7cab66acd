"""Trains with data mollification, noise that decays over the first half of training (Fig 14).

Expect no gain in test ELBO over normal training, with or without diffusion samples.
"""

from dataclasses import replace

from analysis import summarize
from scaling import presets
from scaling.cli.study import main
from scaling.presets import Preset
from scaling.trial import DMAAPX, NORMAL, SOURCES, VaeTrial, grid

PRESETS = presets.everywhere(Preset, seeds=(0, 1, 2), changes={})


def trials(preset: Preset) -> list[VaeTrial]:
    """Returns normal training and diffusion samples, each with and without mollification."""
    assert isinstance(preset.base, VaeTrial)
    mollify = SOURCES["mollify"]
    sources = [NORMAL, DMAAPX, mollify, replace(mollify, real_share=0.0)]
    return grid(preset.base, source=sources, **preset.chance())


if __name__ == "__main__":
    main("mollification", trials, PRESETS, summarize)
