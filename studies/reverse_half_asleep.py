"""Trains by reverse half asleep: finally the encoder alone, on its decoder's samples (Fig 5).

Expect a small gain in test ELBO after normal training, and less than diffusion samples give.
"""

from dataclasses import dataclass

from analysis import summarize
from scaling import presets
from scaling.cli.study import main
from scaling.presets import Preset
from scaling.trial import DMAAPX, NORMAL, VaeTrial, grid


@dataclass(frozen=True, kw_only=True)
class Phases(Preset):
    """Holds the epoch from which only the encoder is trained."""

    base: VaeTrial
    asleep_from: int


PRESETS = presets.everywhere(
    Phases,
    seeds=(0, 1, 2),
    asleep_from=100,
    changes={
        "digits": {"asleep_from": 40, "measure_every": 8},
        "paper": {"asleep_from": 500},
        "smoke": {"asleep_from": 2},
    },
)


def trials(preset: Phases) -> list[VaeTrial]:
    """Returns both distributions, with and without the second phase."""
    phases = (0, preset.asleep_from)
    return grid(preset.base, source=[NORMAL, DMAAPX], half_asleep_from=phases, **preset.chance())


if __name__ == "__main__":
    main("reverse_half_asleep", trials, PRESETS, summarize)
