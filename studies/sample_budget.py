"""Measures how many distinct diffusion samples suffice: k times |D_train| (Fig 4 right).

Expect the test ELBO to rise with k up to about k = 10; k = 1 gives as many samples as D_train.
"""

from dataclasses import dataclass, replace

from analysis import summarize
from scaling import presets
from scaling.cli.study import main
from scaling.presets import Preset
from scaling.trial import DMAAPX, NORMAL, VaeTrial, grid


@dataclass(frozen=True, kw_only=True)
class Budgets(Preset):
    """Holds the numbers of chunks from which effective epochs are drawn."""

    base: VaeTrial
    k: tuple[int, ...] = (1, 2, 5, 10, 20)


PRESETS = presets.everywhere(
    Budgets,
    seeds=(0, 1, 2),
    changes={
        "mnist-small": {"k": (1, 2)},
        "paper": {"k": (1, 2, 5, 10, 20, 50, 100, 1000)},
        "smoke": {"k": (1, 2)},
    },
)


def trials(preset: Budgets) -> list[VaeTrial]:
    """Returns training on k chunks for each k, and normal training."""
    sources = [replace(DMAAPX, k=k) for k in preset.k]
    return grid(preset.base, source=[NORMAL, *sources], **preset.chance())


if __name__ == "__main__":
    main("sample_budget", trials, PRESETS, summarize)
