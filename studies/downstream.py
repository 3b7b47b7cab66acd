"""Measures representations, reconstructions and samples of VAEs (Fig 4 left, 9, 19, Table 11).

Expect smaller differences between the training distributions than between seeds: slightly better
representations with diffusion samples, and worse ones with augmentation.
"""

from dataclasses import dataclass

from analysis import summarize
from scaling import presets
from scaling.cli.study import main
from scaling.presets import Preset
from scaling.trial import SOURCES, VaeTrial, grid

TASKS = ("representation", "psnr", "sample_quality")
ON_COLOURS = (*TASKS, "corruption")  # for images to which CIFAR-10-C applies
FEW = {"representation": {"images": 2000}, "corruption": {"images": 2000}}
FEWER = {"sample_quality": {"samples": 1500}}  # about the number of test images of digits


@dataclass(frozen=True, kw_only=True)
class Downstream(Preset):
    """Holds the training distributions that are compared."""

    base: VaeTrial
    sources: tuple[str, ...] = presets.METHODS


PRESETS = presets.everywhere(
    Downstream,
    seeds=(0, 1, 2),
    metrics=TASKS,
    changes={
        "digits": {"metric_settings": FEWER},
        "cifar10": {"metrics": ON_COLOURS},
        "paper": {"metrics": ON_COLOURS},
        "smoke": {"metric_settings": FEWER},
    },
) | {
    "cifar10-small": Downstream(
        about="3,000 CIFAR-10 images without diffusion samples, 10 min on 2 cores",
        **presets.cifar10_small(), metrics=ON_COLOURS, metric_settings=FEW,
        sources=("normal", "aug_tuned", "aug_naive"),
    ),
}  # fmt: skip


def trials(preset: Downstream) -> list[VaeTrial]:
    """Returns the VAE on every distribution; `data_sources` has many of these trials, too."""
    sources = [SOURCES[name] for name in preset.sources]
    return grid(preset.base, source=sources, **preset.chance())


if __name__ == "__main__":
    main("downstream", trials, PRESETS, summarize)
