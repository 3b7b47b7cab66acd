"""A study of your own: is weight decay another way to what a wider latent space does?

    python examples/own_study.py --dry-run
    python examples/own_study.py --smoke-test
    python examples/own_study.py

A study is presets, a function from a preset to trials, and a function that says what came out. All
options of the project's studies work here too: --replicates, --epochs, --set, --address, ...
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scaling import presets
from scaling.cli.study import main
from scaling.presets import Preset
from scaling.trial import VaeTrial, grid


@dataclass(frozen=True, kw_only=True)
class Axes(Preset):
    """Adds the axes of this study to a preset."""

    base: VaeTrial
    m_z: tuple[int, ...] = (1, 16)
    weight_decay: tuple[float, ...] = (0.0, 0.001, 0.01)


PRESETS = {
    "digits": Axes(about="five random splits of sklearn's digits", **presets.digits()),
    "smoke": Axes(about="tiny", **presets.smoke(), weight_decay=(0.0, 0.01)),
}


def trials(preset: Axes) -> list[VaeTrial]:
    """Returns every m_z with every weight decay, all replicates, under normal training."""
    return grid(preset.base, m_z=preset.m_z, weight_decay=preset.weight_decay, **preset.chance())


def report(study: Path) -> Sequence[str]:
    """Returns lines with each cell's mean generalization gap at the last epoch."""
    from analysis.results import load  # here, so that --help and --dry-run start without pandas

    frame = load(study)
    last = frame[frame["epoch"] == frame["epoch"].max()]
    gaps = last.groupby(["m_z", "weight_decay"])["generalization_gap"]
    means = gaps.mean().items()
    lines = ["m_z  weight decay  generalization gap (nats per image, mean over replicates)"]
    return lines + [f"{m_z:3}  {decay:12g}  {gap:6.2f}" for (m_z, decay), gap in means]


if __name__ == "__main__":
    main("own_study", trials, PRESETS, report)
