"""Finds the best learning rate of each (m_z, n_c) by validation ELBO, for `--lr-from`.

Expect smaller rates at larger n_c, and a warning if the best rate is the smallest or largest one.
"""

from dataclasses import dataclass

from analysis import summarize
from scaling.cli.study import main
from scaling.trial import VaeTrial, grid
from studies import double_descent
from studies.double_descent import Axes

ON_DIGITS = (1e-3, 2e-3, 3e-3, 5e-3, 1e-2, 2e-2)
ELSEWHERE = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)
ABOUT = {
    "digits": "the cells of double_descent at six rates, 3 replicates, 15 min on 2 cores",
    "digits-long": "the cells of double_descent's digits-long at six rates, hours on 2 cores",
    "digits-tuned": "the cells of double_descent's digits-tuned at six rates, 20 min on 2 cores",
}


@dataclass(frozen=True, kw_only=True)
class Rates(Axes):
    """Holds the cells of double descent, and the rates at which each cell is trained."""

    lr: tuple[float, ...]
    lr_repeats: int  # number of replicates (or seeds) for each rate


def _of(name: str, axes: Axes) -> Rates:
    """Returns the preset of this study with the cells of double descent's preset."""
    about = ABOUT.get(name, f"the cells of double_descent's {name} at each rate")
    small = name.startswith(("digits", "smoke"))
    rates = (1e-3, 3e-3, 1e-2) if name == "smoke" else ON_DIGITS if small else ELSEWHERE
    return Rates(
        **vars(axes) | {"about": about}, lr=rates, lr_repeats=3 if name.startswith("digits") else 2
    )


PRESETS = {name: _of(name, axes) for name, axes in double_descent.PRESETS.items()}


def trials(preset: Rates) -> list[VaeTrial]:
    """Returns every cell of double descent under normal training, at each rate."""
    cells = [trial for trial in double_descent.trials(preset) if trial.source.real_share == 1]
    some = preset.chance(preset.lr_repeats)
    return grid(cells, lr=preset.lr, **some)


if __name__ == "__main__":
    main("learning_rate", trials, PRESETS, summarize)
