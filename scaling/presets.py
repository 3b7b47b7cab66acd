"""Defines what the studies' presets share: for each data set a VAE, its epochs, a diffusion model.

`digits` and `mnist-small` are for CPUs, the others for GPUs; the paper's numbers are in B.1 and D.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, NotRequired, TypedDict, TypeVar

from scaling.trial import DiffusionTrial, Kind, Trial, VaeTrial
from scaling.trial.catalog import DATASETS
from scaling.trial.schedule import Diffusion, MetricSettings
from scaling.trial.validation import Changes


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Holds the settings that all presets have; a study adds its axes."""

    base: Trial
    epochs: int
    measure_every: int
    replicates: tuple[int, ...] = ()  # numbers of draws of D_train, diffusion model and weights
    seeds: tuple[int, ...] = (0,)  # seeds of the weights alone
    about: str  # cost and purpose, for --help
    diffusion: Diffusion | None = None  # the model that samples for sources without a pool
    metrics: tuple[str, ...] = ()  # costly metrics, by module or column
    metric_every: int = 0  # epochs between their measurements; 0: only at the end
    metric_settings: MetricSettings = field(default_factory=dict)
    pool_k: int = 0  # chunks to sample from each diffusion model, even if no VAE reads them
    on_gpu: bool = False  # True if trials are planned for a GPU
    equal_images: bool = False  # a smaller D_train has more epochs; `epochs` is for the largest

    def chance(self, count: int | None = None) -> dict[str, Sequence[int]]:
        """Returns the axes of randomness for `grid`: replicates with one seed each, or seeds.

        Only the first `count` are returned; None: all.
        """
        if self.replicates:
            return {"replicate": self.replicates[:count], "seed": (0,)}
        return {"seed": self.seeds[:count]}


class PresetFields(TypedDict, Generic[Kind]):
    """Holds fields of a Preset that several studies share; a study adds the others."""

    base: Kind
    epochs: int
    measure_every: int
    replicates: NotRequired[tuple[int, ...]]
    diffusion: NotRequired[Diffusion]
    on_gpu: NotRequired[bool]


POWERS = (1, 2, 4, 8, 16, 32, 64)
PAPER_EPOCHS, PAPER_EDM_EPOCHS = 1000, 4000  # B.1; Appendix D: 200 million images
MNIST_EDM_EPOCHS = 25  # after them a person recognises the digits in the samples

DIGITS_EDM = DiffusionTrial(
    "digits", train_size=300, partition="disjoint", channels=16, multipliers=(1, 1), blocks=1,
    attention=(), dropout=0.1, lr=2e-3, batch=50, ramp_images=3_000, ema_images=20_000,
    recipe="published",
)  # fmt: skip
MNIST_EDM = DiffusionTrial(
    "mnist", train_size=5000, partition="disjoint", channels=16, multipliers=(1, 2, 4), blocks=1,
    attention=(), dropout=0.05, batch=32, ramp_images=5_000, ema_images=20_000,
    recipe="published",
)  # fmt: skip
# The model of Appendix D, in float32, and for one GPU a smaller network with products in bf16.
PAPER_EDM = DiffusionTrial("cifar10", partition="disjoint", recipe="published")
ONE_GPU_EDM = replace(
    PAPER_EDM, channels=64, blocks=2, batch=128, ramp_images=1_000_000, precision="bf16"
)
METHODS = ("normal", "dmaapx", "aug_tuned", "aug_naive")  # training distributions of section 5.1
GAPS = ("amortization", "robustness")  # Eq. 4 and 5; the generalization gap is in every row
GAPS_ON_DIGITS = {
    "amortization": {"n_images": 300, "steps": 100, "mc_eval": 16},
    "robustness": {"n_ref": 20, "n_attack": 2},
}
P = TypeVar("P", bound=Preset)


def vae(dataset: str, **fields: Any) -> VaeTrial:
    """Returns the VAE of a data set with network, likelihood, lr and batch of Appendix B.1."""
    settings = DATASETS[dataset].settings
    width = {} if settings["network"] == "residual" else {"n_c": 512}
    chosen = {"partition": "disjoint"}  # reserves validation images
    values: Changes = {**settings, **width, **chosen, **fields}
    return VaeTrial(dataset, **values)


def digits(epochs: int = 60, measure_every: int = 10) -> PresetFields[VaeTrial]:
    """Returns settings for sklearn's digits, 300 of them for training, minutes on 2 cores."""
    base = vae("digits", n_c=32, train_size=300)
    return {
        "base": base,
        "epochs": epochs,
        "measure_every": measure_every,
        "replicates": (0, 1, 2, 3, 4),
        "diffusion": Diffusion(DIGITS_EDM, epochs=300, k=5),
    }


def everywhere(kind: type[P], *, changes: Mapping[str, Changes], **fields: Any) -> dict[str, P]:
    """Returns a study's presets on every data set, all with `fields` and some with `changes`."""
    shared = {
        "digits": ("sklearn's digits, minutes on 2 cores", digits()),
        "mnist-small": ("5,000 BinaryMNIST images, hours on 2 cores", mnist_small(200, 20)),
        "mnist": ("BinaryMNIST, one GPU", one_gpu("mnist")),
        "fashion_mnist": ("FashionMNIST, one GPU", one_gpu("fashion_mnist")),
        "cifar10": ("CIFAR-10 at n_c = 128, one GPU", one_gpu("cifar10", n_c=128)),
        "paper": ("the paper's network and epochs on CIFAR-10", paper()),
        "smoke": ("tiny", smoke()),
    }
    return {
        name: kind(**{"about": about, **preset, **fields, **changes.get(name, {})})
        for name, (about, preset) in shared.items()
    }


def with_base(fields: PresetFields[VaeTrial], base: Kind) -> PresetFields[Kind]:
    """Returns the fields with another trial, also of another kind, in place of the VAE."""
    return {**fields, "base": base}


def smoke() -> PresetFields[VaeTrial]:
    """Returns settings that run the whole pipeline in a minute."""
    shared = digits(epochs=4, measure_every=2)
    shared["base"] = replace(shared["base"], train_size=60)
    return shared | {"diffusion": Diffusion(DIGITS_EDM, epochs=2, k=2), "replicates": (0, 1)}


def cifar10_small() -> PresetFields[VaeTrial]:
    """Returns settings for 3,000 CIFAR-10 images without a diffusion model.

    A diffusion model that is small enough for a CPU draws useless samples of CIFAR-10.
    """
    base = vae("cifar10", n_c=16, train_size=3000, lr=1e-3, batch=50)
    return {"base": base, "epochs": 20, "measure_every": 5, "replicates": (0, 1)}


def cifar10_draws() -> PresetFields[VaeTrial]:
    """Returns settings for disjoint sets of 5,000 CIFAR-10 images, minutes on a large GPU.

    The lr is that of 3e-4, 1e-3 and 3e-3 with the best validation ELBO after 60 epochs on the
    development part, on average over n_c = 8, 32 and 128: -12,034, -12,114 and -12,031 nats. The
    first and the last are equal within noise, and the first still gained most.
    """
    base = vae("cifar10", n_c=128, train_size=5000, lr=3e-4)
    return {
        "base": base,
        "epochs": 120,
        "measure_every": 20,
        "replicates": (0, 1, 2),
        "on_gpu": True,
    }


def mnist_small(epochs: int, measure_every: int) -> PresetFields[VaeTrial]:
    """Returns settings for 5,000 BinaryMNIST images with a diffusion model that a CPU can train."""
    return {
        "base": vae("mnist", train_size=5000),
        "epochs": epochs,
        "measure_every": measure_every,
        "replicates": (0, 1, 2),
        "diffusion": Diffusion(MNIST_EDM, epochs=MNIST_EDM_EPOCHS),
    }


def mnist_draws() -> PresetFields[VaeTrial]:
    """Returns settings for disjoint sets of 2,000 BinaryMNIST images with a diffusion model each.

    Each model sees as many images in all as that of `mnist_small`.
    """
    size, seen = 2000, 5000 * MNIST_EDM_EPOCHS
    model = replace(MNIST_EDM, train_size=size)
    return {
        "base": vae("mnist", train_size=size),
        "epochs": 300,
        "measure_every": 20,
        "replicates": (0, 1, 2, 3, 4),
        "diffusion": Diffusion(model, epochs=seen // size, k=5),
    }


def one_gpu(
    dataset: str, epochs: int = 200, measure_every: int = 20, **fields: Any
) -> PresetFields[VaeTrial]:
    """Returns settings for all images with shorter training, days on one GPU instead of weeks."""
    return {
        "base": vae(dataset, **fields),
        "epochs": epochs,
        "measure_every": measure_every,
        "diffusion": Diffusion(replace(ONE_GPU_EDM, dataset=dataset), epochs=400),
        "on_gpu": True,
    }


def paper() -> PresetFields[VaeTrial]:
    """Returns settings for CIFAR-10 with the paper's network, epochs and diffusion model."""
    return {
        "base": vae("cifar10"),
        "epochs": PAPER_EPOCHS,
        "measure_every": 25,  # a measurement takes a third of an epoch, or more for a small D_train
        "diffusion": Diffusion(PAPER_EDM, epochs=PAPER_EDM_EPOCHS),
        "on_gpu": True,
    }
