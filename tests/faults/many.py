"""Gives trials by the thousand: the cells of Figures 7 and 8, with as many seeds as needed.

It imports neither PyTorch nor Ray, as a study's command does not before its plan is made.
"""

import math

from scaling.presets import Preset
from scaling.trial import VaeTrial, grid

EPOCHS = 4
BASE = VaeTrial("digits", n_c=2, mixtures=5, train_size=300)
CELLS = {"m_z": (1, 4, 16, 64), "n_c": (2, 4, 8, 16, 32)}
PRESET = Preset(base=BASE, epochs=EPOCHS, measure_every=1, seeds=(0,), about="")


def trials(preset: Preset, count: int) -> list[VaeTrial]:
    """Returns this number of trials; those that a larger number adds come last."""
    assert isinstance(preset.base, VaeTrial)
    cells = len(CELLS["m_z"]) * len(CELLS["n_c"])
    return grid(preset.base, seed=range(math.ceil(count / cells)), **CELLS)[:count]
