"""Trains VAEs on samples of diffusion models that saw only a share of D_train (Fig 16, App. B.8).

Expect the test ELBO to rise with the share; models on small shares repeat their images.
"""

from dataclasses import dataclass, replace

from analysis import summarize
from scaling import presets
from scaling.cli.study import main
from scaling.presets import Preset
from scaling.trial import DMAAPX, NORMAL, VaeTrial, grid


@dataclass(frozen=True, kw_only=True)
class Shares(Preset):
    """Holds the nested shares of D_train that the diffusion models saw."""

    base: VaeTrial
    shares: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)


PRESETS = presets.everywhere(
    Shares,
    seeds=(0, 1, 2),
    changes={
        "mnist-small": {"shares": (0.1, 1.0)},
        "smoke": {"shares": (0.5, 1.0)},
    },
)


def trials(preset: Shares) -> list[VaeTrial]:
    """Returns training on the samples of each model, and normal training."""
    sources = [replace(DMAAPX, diffusion_share=share) for share in preset.shares]
    return grid(preset.base, source=[NORMAL, *sources], **preset.chance())


if __name__ == "__main__":
    main("diffusion_subsets", trials, PRESETS, summarize)
