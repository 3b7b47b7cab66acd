"""Double descent in VAEs (Fig 7, 8): negative test ELBO along n_c, then m_z, then n_c again.

Expect under normal training a U over n_c at m_z = 1 and recovery as m_z grows at the widest n_c.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scaling.cli import main
from scaling.options import Preset
from scaling.trial import NORMAL, Source, VaeTrial, grid


@dataclass(frozen=True, kw_only=True)
class Axes(Preset):
    """The two complexity axes: m_z at one n_c, n_c at some m_z, and the path's last phase."""

    m_z: tuple[int, ...]
    n_c_fixed: int
    n_c: tuple[int, ...]
    m_z_rows: tuple[int, ...]
    n_c_beyond: tuple[int, ...]  # phase 3 of the path, at the largest m_z
    row_seeds: int  # how many of the seeds train what lies off the path
    sources: tuple[Source, ...] = (NORMAL,)


POWERS = (1, 2, 4, 8, 16, 32, 64)
DIGITS = VaeTrial("digits", mixtures=5, lr=3e-3, batch=30, train_size=300, split=2)
PRESETS = {
    "digits": Axes(
        about="sklearn's digits, 4 min on 2 cores", base=DIGITS, epochs=80, measure_every=16,
        seeds=(0, 1, 2, 3, 4), row_seeds=3, m_z=(1, 4, 16, 64), n_c_fixed=32,
        n_c=(2, 4, 8, 16, 32), m_z_rows=(1, 64), n_c_beyond=(64,),
    ),
    "digits-long": Axes(
        about="more seeds, epochs and points, 30 min on 2 cores", base=DIGITS, epochs=120,
        measure_every=16, seeds=tuple(range(10)), row_seeds=5, m_z=POWERS, n_c_fixed=32,
        n_c=(2, 4, 8, 16, 32), m_z_rows=(1, 2, 8, 64), n_c_beyond=(64,),
    ),
    "cifar10": Axes(
        about="the paper's grid and epochs, weeks on one GPU", base=VaeTrial("cifar10"),
        epochs=1000, measure_every=10, seeds=(0,), row_seeds=1, m_z=POWERS, n_c_fixed=256,
        n_c=(*POWERS, 128, 256), m_z_rows=(1, 2, 8, 64), n_c_beyond=(512,), on_gpu=True,
    ),
    "smoke": Axes(
        about="tiny", base=replace(DIGITS, train_size=60), epochs=4, measure_every=2, seeds=(0, 1),
        row_seeds=1, m_z=(1, 2), n_c_fixed=8, n_c=(2, 4, 8), m_z_rows=(1,), n_c_beyond=(16,),
    ),
}  # fmt: skip


def trials(preset: Axes) -> list[VaeTrial]:
    """Figure 8's path with all seeds, then the other rows of Figure 7 with the first few."""
    first = min(preset.m_z)
    path = (
        grid(preset.base, m_z=[first], n_c=preset.n_c)
        + grid(preset.base, m_z=preset.m_z, n_c=[preset.n_c_fixed])
        + grid(preset.base, m_z=[max(preset.m_z)], n_c=preset.n_c_beyond)
    )
    rows = grid(preset.base, m_z=preset.m_z_rows, n_c=(*preset.n_c, *preset.n_c_beyond))
    every = grid(path, seed=preset.seeds) + grid(rows, seed=preset.seeds[: preset.row_seeds])
    return grid(every, source=preset.sources)


def report(folder: Path) -> Sequence[str]:
    """Figures 7 and 8, and what they show."""
    from analysis.report import report

    return report(folder)


if __name__ == "__main__":
    main("double_descent", trials, PRESETS, report)
