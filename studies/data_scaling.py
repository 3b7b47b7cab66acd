"""Measures how much data a VAE needs, and how many real images a diffusion sample is worth.

Expect normal training to improve with every increase of D_train, and samples of a diffusion model
of the same images to be worth more than those images, especially for wide networks. Training
processes the same total number of images for all sizes: VAEs and diffusion models see a small
D_train more often.
"""

from dataclasses import dataclass

from analysis import summarize
from scaling import presets
from scaling.cli.study import main
from scaling.presets import Preset
from scaling.trial import DMAAPX, NORMAL, VaeTrial, grid
from scaling.trial.schedule import Diffusion


@dataclass(frozen=True, kw_only=True)
class Sizes(Preset):
    """Holds the sizes of D_train and the widths; `epochs` is for the largest size."""

    base: VaeTrial
    sizes: tuple[int, ...]
    n_c: tuple[int, ...]
    equal_images: bool = True


THOUSANDS = (3_125, 6_250, 12_500, 25_000, 50_000)
PRESETS = presets.everywhere(
    Sizes,
    sizes=(75, 150, 300, 600),
    n_c=(8, 32),
    changes={
        "digits": {
            "about": "sklearn's digits, an hour on 2 cores",
            "epochs": 40,
            "measure_every": 8,
            "diffusion": Diffusion(presets.DIGITS_EDM, epochs=150),
        },
        "mnist-small": {"sizes": (625, 1250, 2500, 5000), "n_c": (32, 512)},
        "mnist": {"sizes": THOUSANDS, "n_c": (128, 512), "seeds": (0, 1, 2)},
        "fashion_mnist": {"sizes": THOUSANDS, "n_c": (128, 512), "seeds": (0, 1, 2)},
        "cifar10": {"sizes": THOUSANDS, "n_c": (32, 128), "seeds": (0, 1, 2)},
        "paper": {"sizes": THOUSANDS, "n_c": (16, 64, 256), "seeds": (0, 1, 2)},
        "smoke": {"sizes": (30, 60), "n_c": (2, 4)},
    },
)


def trials(preset: Sizes) -> list[VaeTrial]:
    """Returns normal training and training on diffusion samples, for each size and width."""
    axes = {"train_size": preset.sizes, "n_c": preset.n_c}
    return grid(preset.base, source=[NORMAL, DMAAPX], **axes, **preset.chance())


if __name__ == "__main__":
    main("data_scaling", trials, PRESETS, summarize)
