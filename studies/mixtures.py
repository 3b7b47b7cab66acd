"""Trains on mixtures of real images and diffusion samples, plain and augmented (Fig 15).

Expect the smallest generalization gap without real images, and little change of the test ELBO.
"""

from dataclasses import dataclass
from typing import Literal

from analysis import summarize
from scaling import presets
from scaling.cli.study import main
from scaling.presets import Preset
from scaling.trial import Source, VaeTrial, grid

AUGMENT: tuple[Literal["tuned"] | None, ...] = (None, "tuned")


@dataclass(frozen=True, kw_only=True)
class Shares(Preset):
    """Holds the shares of real images in every batch."""

    base: VaeTrial
    real_share: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


PRESETS = presets.everywhere(
    Shares, seeds=(0, 1, 2), changes={"smoke": {"real_share": (0.0, 0.4, 1.0)}}
)


def trials(preset: Shares) -> list[VaeTrial]:
    """Returns each share, without and with the tuned augmentation of both parts."""
    sources = [Source(real_share=x, augment=a) for x in preset.real_share for a in AUGMENT]
    return grid(preset.base, source=sources, **preset.chance())


if __name__ == "__main__":
    main("mixtures", trials, PRESETS, summarize)
