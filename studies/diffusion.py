"""Trains diffusion models, samples pools, and measures their quality (Fig 17, Appendix D).

Expect samples that look like the data and are as close to the test set as D_train is. A model that
saw a small share of D_train repeats it: its samples are closer to D_train than test images are.
"""

from dataclasses import dataclass, replace

from analysis import summarize
from scaling.cli.study import main
from scaling.presets import (
    DIGITS_EDM,
    MNIST_EDM,
    MNIST_EDM_EPOCHS,
    PAPER_EDM,
    PAPER_EDM_EPOCHS,
    Preset,
)
from scaling.trial import DiffusionTrial, grid


@dataclass(frozen=True, kw_only=True)
class Shares(Preset):
    """Holds the shares of D_train on which diffusion models are trained (Appendix B.8)."""

    base: DiffusionTrial
    shares: tuple[float, ...]


PRESETS = {
    "digits": Shares(
        about="sklearn's digits, 3 min on 2 cores", base=DIGITS_EDM, epochs=300, measure_every=50,
        replicates=(0, 1, 2), shares=(0.3, 1.0), pool_k=10,
    ),
    "mnist-small": Shares(
        about="5,000 BinaryMNIST images, an hour on 2 cores", base=MNIST_EDM,
        epochs=MNIST_EDM_EPOCHS, measure_every=5, replicates=(0,), shares=(1.0,), pool_k=1,
    ),
    "paper": Shares(
        about="EDM's network and budget, 200 million images", base=PAPER_EDM,
        epochs=PAPER_EDM_EPOCHS, measure_every=100,
        shares=(0.1, 0.3, 0.5, 0.7, 0.9, 1.0), pool_k=10, on_gpu=True,
    ),
    "smoke": Shares(
        about="tiny", base=replace(DIGITS_EDM, train_size=60), epochs=2, measure_every=1,
        replicates=(0, 1), shares=(0.5, 1.0), pool_k=2,
    ),
}  # fmt: skip


def trials(preset: Shares) -> list[DiffusionTrial]:
    """Returns one model for each share and replicate."""
    return grid(preset.base, share=preset.shares, **preset.chance())


if __name__ == "__main__":
    main("diffusion", trials, PRESETS, summarize)
