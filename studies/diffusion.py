"""Diffusion models and their samples (Fig 17, Appendix D): train, sample pools, judge them.

Expect samples that look like the data, as near to the test set as D_train is; a model that saw a
small share of D_train repeats it: its samples lie nearer to D_train than test images do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scaling.cli import main
from scaling.options import Preset
from scaling.trial import DiffusionTrial, grid


@dataclass(frozen=True, kw_only=True)
class Shares(Preset):
    """Diffusion models on shares of D_train (Appendix B.8)."""

    base: DiffusionTrial
    shares: tuple[float, ...]


DIGITS = DiffusionTrial(
    "digits", train_size=300, split=2, channels=16, multipliers=(1, 1), blocks=1, attention=(),
    dropout=0.1, lr=2e-3, batch=50, ramp_images=3_000, ema_images=20_000,
)  # fmt: skip
MNIST = DiffusionTrial(
    "mnist", channels=32, multipliers=(1, 2), blocks=1, attention=(16,), batch=64,
    ramp_images=10_000, ema_images=50_000,
)  # fmt: skip
PRESETS = {
    "digits": Shares(
        about="sklearn's digits, 3 min on 2 cores", base=DIGITS, epochs=300, measure_every=50,
        seeds=(0,), shares=(0.3, 1.0), pool_k=10,
    ),
    "mnist": Shares(
        about="a small network for CPUs", base=MNIST, epochs=60, measure_every=10, seeds=(0,),
        shares=(1.0,), pool_k=1,
    ),
    "paper": Shares(
        about="EDM's network and budget, 200 million images", base=DiffusionTrial("cifar10"),
        epochs=4000, measure_every=100, seeds=(0,), shares=(0.1, 0.3, 0.5, 0.7, 0.9, 1.0),
        pool_k=10, on_gpu=True,
    ),
    "smoke": Shares(
        about="tiny", base=replace(DIGITS, train_size=60), epochs=2, measure_every=1, seeds=(0,),
        shares=(0.5, 1.0), pool_k=2,
    ),
}  # fmt: skip


def trials(preset: Shares) -> list[DiffusionTrial]:
    """One model a share and seed."""
    return grid(preset.base, share=preset.shares, seed=preset.seeds)


def report(folder: Path) -> Sequence[str]:
    """Figure 17, and how good the pools are."""
    from analysis.report import diffusion_report

    return diffusion_report(folder)


if __name__ == "__main__":
    main("diffusion", trials, PRESETS, report)
