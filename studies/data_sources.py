"""Trains overfitting VAEs on four training distributions (Fig 2, 10-13, Table 7).

Expect all three gaps to shrink with diffusion samples and with augmentation, the generalization
gap most with diffusion samples; the robustness gap is not always smallest there (Table 7).
"""

from dataclasses import dataclass

from analysis import summarize
from scaling import presets
from scaling.cli.study import main
from scaling.presets import Preset
from scaling.trial import SOURCES, VaeTrial, grid

FASHION_MIXTURE = presets.vae("fashion_mnist", likelihood="mixture")  # Fig 12


@dataclass(frozen=True, kw_only=True)
class Sources(Preset):
    """Holds the VAEs that are trained on each of the four distributions."""

    base: VaeTrial
    others: tuple[VaeTrial, ...] = ()


PRESETS = presets.everywhere(
    Sources,
    seeds=(0, 1, 2),
    metrics=presets.GAPS,
    metric_every=50,
    changes={
        "digits": {"metric_every": 20, "metric_settings": presets.GAPS_ON_DIGITS},
        "mnist-small": {"epochs": 500, "measure_every": 25, "metric_every": 200},
        "smoke": {"metric_every": 2, "metric_settings": presets.GAPS_ON_DIGITS},
        "fashion_mnist": {"others": (FASHION_MIXTURE,)},
        "paper": {
            "about": "all data sets of the paper, 1000 epochs",
            "metric_every": 100,
            "others": (presets.vae("mnist"), presets.vae("fashion_mnist"), FASHION_MIXTURE),
        },
    },
)
PRESETS["mnist-draws"] = Sources(
    about="five disjoint D_trains of 2,000 BinaryMNIST images, two hours on 2 cores",
    **presets.mnist_draws(), metrics=presets.GAPS, metric_every=100,
)  # fmt: skip


def trials(preset: Sources) -> list[VaeTrial]:
    """Returns every VAE on every distribution, in all replicates."""
    sources = [SOURCES[name] for name in presets.METHODS]
    return grid((preset.base, *preset.others), source=sources, **preset.chance())


if __name__ == "__main__":
    main("data_sources", trials, PRESETS, summarize)
