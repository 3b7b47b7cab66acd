"""Tests whether readings of what the paper leaves open matter, each against its default (App. B).

Expect differences within the noise for most of them, which then need no justification.
"""

from dataclasses import dataclass, replace
from typing import Any

from analysis import summarize
from scaling import presets
from scaling.cli.study import main
from scaling.presets import Preset
from scaling.trial import DMAAPX, NORMAL, SOURCES, Source, VaeTrial, grid

TUNED, NAIVE = SOURCES["aug_tuned"], SOURCES["aug_naive"]


@dataclass(frozen=True)
class Reading:
    """Describes a field with another value than its default, on a source that reads it."""

    field: str  # `source.NAME` for a field of the source
    value: Any
    source: Source = NORMAL
    asleep: bool = False  # True: with reverse half asleep in the second half of the epochs


@dataclass(frozen=True, kw_only=True)
class Readings(Preset):
    """Holds the readings of one data set."""

    base: VaeTrial
    readings: tuple[Reading, ...]


ANYWHERE = (
    Reading("weight_decay", 1e-4),
    Reading("grad_clip", 100.0),
    Reading("half_asleep_source", "prior", asleep=True),
    Reading("half_asleep_mix", "only_samples", asleep=True),
    Reading("source.augment_strength", "uniform", TUNED),
    Reading("source.augment_strength", "uniform_pos", TUNED),
    Reading("source.augment_probability", 0.12, TUNED),
    Reading("source.augment_probability", 0.5, TUNED),
    Reading("source.augment_flip", "always", NAIVE),
    Reading("source.augment_filter", "sym6", TUNED),
    Reading("source.augment_shift", 0.125, TUNED),
    Reading("source.pool_order", "shuffled", DMAAPX),
    Reading("source.mix", "fixed", Source(real_share=0.4)),
)
RESIDUAL = (
    Reading("res_second_kernel", 1),
    Reading("res_inplace_quirk", True),
    Reading("latent_reading", "channels_x64"),
    Reading("mol_mix", "per_channel"),
)
BERNOULLI = (
    Reading("batch_norm", True),
    Reading("binarise", "static_bernoulli"),
    Reading("source.keep_real", True, TUNED),
    Reading("source.requantise", False, SOURCES["mollify"]),
)
GAUSSIAN = (
    Reading("sigma", 0.02),
    Reading("sigma", 0.05),
    Reading("gauss_mean_act", "sigmoid"),
)
MNIST = presets.mnist_small(epochs=100, measure_every=10)
PRESETS = {
    "digits": Readings(
        about="sklearn's digits, half an hour on 2 cores", **presets.digits(),
        readings=(*RESIDUAL, *ANYWHERE, Reading("lr_decay_epochs", 60)),
    ),
    "mnist-small": Readings(
        about="5,000 BinaryMNIST images, hours on 2 cores", **MNIST, readings=BERNOULLI,
    ),
    "fashion-small": Readings(
        about="5,000 FashionMNIST images, hours on 2 cores",
        **MNIST | {"base": presets.vae("fashion_mnist", train_size=5000)}, readings=GAUSSIAN,
    ),
    "cifar10": Readings(
        about="CIFAR-10 at n_c = 128, one GPU", **presets.one_gpu("cifar10", n_c=128),
        seeds=(0, 1, 2), readings=(*RESIDUAL, *ANYWHERE, Reading("lr_decay_epochs", 200)),
    ),
    "paper": Readings(
        about="the paper's network and epochs on CIFAR-10, weeks on one GPU", **presets.paper(),
        seeds=(0, 1, 2), readings=(*RESIDUAL, *ANYWHERE, Reading("lr_decay_epochs", 1000)),
    ),
    "smoke": Readings(
        about="tiny", **presets.smoke(),
        readings=(RESIDUAL[0], Reading("source.augment_filter", "sym6", TUNED)),
    ),
}  # fmt: skip


def trials(preset: Readings) -> list[VaeTrial]:
    """Returns each reading and its default, in all replicates."""
    result: list[VaeTrial] = []
    for reading in preset.readings:
        phases = preset.epochs // 2 if reading.asleep else 0
        default = replace(preset.base, source=reading.source, half_asleep_from=phases)
        result += [default, *grid(default, **{reading.field: [reading.value]})]
    return grid(result, **preset.chance())


if __name__ == "__main__":
    main("readings", trials, PRESETS, summarize)
