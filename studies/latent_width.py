"""Measures the three gaps at two m_z under normal training (Fig 6).

Expect smaller generalization and amortization gaps at the larger m_z.
"""

from dataclasses import dataclass

from analysis import summarize
from scaling import presets
from scaling.cli.study import main
from scaling.presets import Preset
from scaling.trial import VaeTrial, grid


@dataclass(frozen=True, kw_only=True)
class Widths(Preset):
    """Holds the latent multipliers that are compared."""

    base: VaeTrial
    m_z: tuple[int, ...] = (1, 10)


PRESETS = presets.everywhere(
    Widths,
    seeds=(0, 1, 2),
    metrics=presets.GAPS,
    metric_every=50,
    changes={
        "digits": {"metric_every": 20, "metric_settings": presets.GAPS_ON_DIGITS},
        "smoke": {"metric_every": 2, "metric_settings": presets.GAPS_ON_DIGITS},
        "paper": {"metric_every": 100},
    },
)


def trials(preset: Widths) -> list[VaeTrial]:
    """Returns normal training at each m_z, in all replicates."""
    return grid(preset.base, m_z=preset.m_z, **preset.chance())


if __name__ == "__main__":
    main("latent_width", trials, PRESETS, summarize)
