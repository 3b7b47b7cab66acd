"""Tests whether a classifier can distinguish samples from real images (Fig 18, Appendix D.3).

Expect an accuracy above 1/2 that falls as the model sees more of D_train. Samples are compared with
D_train, as in the paper, and with test images, where accuracy depends only on their quality.
Against D_train, copies of it bring the accuracy below 1/2: held-out real images have their copies
among the samples, with the other label.
"""

from dataclasses import dataclass, replace

from analysis import summarize
from scaling import presets
from scaling.cli.study import main
from scaling.presets import Preset
from scaling.trial import TwoSampleTrial, grid


@dataclass(frozen=True, kw_only=True)
class Shares(Preset):
    """Holds the nested shares of D_train that the diffusion models saw."""

    base: TwoSampleTrial
    shares: tuple[float, ...] = (0.3, 0.5, 0.7, 0.9, 1.0)
    test_images: int  # number of test images, compared with as many samples; 0: only D_train


ON_DIGITS = TwoSampleTrial(
    "digits", train_size=300, partition="disjoint", stages=3, channels=16, lr=1e-2, batch=32
)
ON_CIFAR10 = TwoSampleTrial("cifar10", partition="disjoint")
SEEDS = (0, 1, 2, 3, 4)
PRESETS = {
    "digits": Shares(
        about="sklearn's digits, minutes on 2 cores", test_images=300,
        **presets.with_base(presets.digits(14, 2), ON_DIGITS),
    ),
    "cifar10": Shares(
        test_images=5000,
        about="CIFAR-10 and a small diffusion model, one GPU",
        **presets.with_base(presets.one_gpu("cifar10", 14, 1), ON_CIFAR10), seeds=SEEDS,
    ),
    "paper": Shares(
        test_images=5000,
        about="the paper's classifier and diffusion models on CIFAR-10",
        **presets.with_base(presets.paper(), ON_CIFAR10) | {"epochs": 14, "measure_every": 1},
        seeds=SEEDS,
    ),
    "smoke": Shares(
        about="tiny", **presets.with_base(presets.smoke(), replace(ON_DIGITS, train_size=60)),
        test_images=60, shares=(0.5, 1.0),
    ),
}  # fmt: skip


def trials(preset: Shares) -> list[TwoSampleTrial]:
    """Returns a classifier for each model's samples, against D_train and against test images."""
    bases = [preset.base]
    if preset.test_images and preset.base.real == "train":
        bases.append(replace(preset.base, real="test", images=preset.test_images))
    return grid(bases, share=preset.shares, **preset.chance())


if __name__ == "__main__":
    main("two_sample", trials, PRESETS, summarize)
