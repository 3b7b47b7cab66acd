"""Data mollification: noise that fades out over the first half of training (Fig 14).

Expect no gain in test ELBO over normal training, with or without diffusion samples.
"""

from dataclasses import replace

from analysis import report
from scaling import presets
from scaling.cli import main
from scaling.options import Preset
from scaling.source import HALF
from scaling.trial import DMAAPX, NORMAL, VaeTrial, grid

PRESETS = presets.everywhere(
    Preset, seeds=(0, 1, 2), changes={"digits": {"measure_every": 8}, "smoke": {"seeds": (0, 1)}}
)


def trials(preset: Preset) -> list[VaeTrial]:
    """Normal training and diffusion samples, each with and without mollification."""
    assert isinstance(preset.base, VaeTrial)
    mollified = [replace(source, mollify_epochs=HALF) for source in (NORMAL, DMAAPX)]
    return grid(preset.base, source=[NORMAL, DMAAPX, *mollified], seed=preset.seeds)


if __name__ == "__main__":
    main("mollification", trials, PRESETS, report)
