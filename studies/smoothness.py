"""Measures the smoothness of latent spaces: log q along lines between test images (Fig 3).

Expect a density that is higher and changes less with diffusion samples than with normal training.
"""

from dataclasses import dataclass

from analysis import summarize
from scaling import presets
from scaling.cli.study import main
from scaling.presets import Preset
from scaling.trial import SOURCES, VaeTrial, grid


@dataclass(frozen=True, kw_only=True)
class Smoothness(Preset):
    """Holds the training distributions that are compared."""

    base: VaeTrial
    sources: tuple[str, ...] = ("normal", "dmaapx")


PRESETS = presets.everywhere(
    Smoothness, seeds=(0, 1, 2), metrics=("smoothness",), changes={}
) | {
    "cifar10-small": Smoothness(
        about="3,000 CIFAR-10 images, normal against Aug.Tuned, minutes on 2 cores",
        **presets.cifar10_small(), metrics=("smoothness",),
        sources=("normal", "aug_tuned"),
    ),
}  # fmt: skip


def trials(preset: Smoothness) -> list[VaeTrial]:
    """Returns the VAE on each distribution, in all replicates."""
    sources = [SOURCES[name] for name in preset.sources]
    return grid(preset.base, source=sources, **preset.chance())


if __name__ == "__main__":
    main("smoothness", trials, PRESETS, summarize)
