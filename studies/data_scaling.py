"""How much data a VAE needs, and how many real images a diffusion sample is worth.

Expect normal training to need ever more real images; samples of a diffusion model of the same
images should be worth more than those, the more so the wider the network. All sizes train on as
many images in all: a small D_train is seen more often, by the VAEs and by the diffusion models.
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
    """The sizes of D_train and the widths; epochs are those of the largest size."""

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
    """Normal training and training on diffusion samples, of each size at each width."""
    axes = {"train_size": preset.sizes, "n_c": preset.n_c}
    return grid(preset.base, source=[NORMAL, DMAAPX], **axes, **preset.chance())


if __name__ == "__main__":
    main("data_scaling", trials, PRESETS, summarize)
