"""What the studies' presets share: per data set a VAE, its epochs and a diffusion model.

`digits` and `mnist-small` are for CPUs, the others for GPUs; the paper's own numbers are in B.1, D.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from scaling.trial import DiffusionTrial, Trial, VaeTrial
from scaling.trial.catalog import DATASETS
from scaling.trial.schedule import Diffusion


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What every study's presets have; a study adds its axes."""

    base: Trial
    epochs: int
    measure_every: int
    replicates: tuple[int, ...] = ()  # draws of D_train, diffusion model and weights
    seeds: tuple[int, ...] = (0,)  # of the weights alone
    about: str  # cost and purpose, for --help
    diffusion: Diffusion | None = None  # whose samples the sources without a pool read
    metrics: tuple[str, ...] = ()  # costly ones, by module or column
    metric_every: int = 0  # epochs between them; 0: at the last only
    metric_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by metric
    pool_k: int = 0  # chunks to sample of each diffusion model, whether or not a VAE reads them
    on_gpu: bool = False  # planned for a GPU
    equal_images: bool = False  # a smaller D_train has more epochs; `epochs` are the largest's

    def chance(self, count: int | None = None) -> dict[str, Sequence[int]]:
        """Returns the axes of chance for `grid`: the replicates, of one seed each, or the seeds.

        `count` keeps the first of them.
        """
        if self.replicates:
            return {"replicate": self.replicates[:count], "seed": (0,)}
        return {"seed": self.seeds[:count]}


POWERS = (1, 2, 4, 8, 16, 32, 64)
PAPER_EPOCHS, PAPER_EDM_EPOCHS = 1000, 4000  # B.1; Appendix D: 200 million images
MNIST_EDM_EPOCHS = 25  # by looking at samples: digits that a person recognises

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
# Appendix D, in float32 as there; on one GPU a smaller network, whose products are bf16
PAPER_EDM = DiffusionTrial("cifar10", partition="disjoint", recipe="published")
ONE_GPU_EDM = replace(
    PAPER_EDM, channels=64, blocks=2, batch=128, ramp_images=1_000_000, precision="bf16"
)
METHODS = ("normal", "dmaapx", "aug_tuned", "aug_naive")  # section 5.1
GAPS = ("amortization", "robustness")  # Eq. 4 and 5, beside the generalization gap
GAPS_ON_DIGITS = {
    "amortization": {"n_images": 300, "steps": 100, "mc_eval": 16},
    "robustness": {"n_ref": 20, "n_attack": 2},
}
P = TypeVar("P", bound=Preset)


def vae(dataset: str, **fields: Any) -> VaeTrial:
    """The data set's VAE of Appendix B.1: network, likelihood, lr and batch of its row."""
    width = {} if DATASETS[dataset].settings["network"] == "residual" else {"n_c": 512}
    chosen = {"partition": "disjoint"}  # with validation images
    return VaeTrial(dataset, **(DATASETS[dataset].settings | width | chosen | fields))


def digits(epochs: int = 60, measure_every: int = 10) -> dict[str, Any]:
    """sklearn's digits, 300 for training, five random splits: minutes on 2 cores."""
    base = vae("digits", n_c=32, train_size=300)
    return {
        "base": base,
        "epochs": epochs,
        "measure_every": measure_every,
        "replicates": (0, 1, 2, 3, 4),
        "diffusion": Diffusion(DIGITS_EDM, epochs=300, k=5),
    }


def everywhere(kind: type[P], *, changes: dict[str, Any], **fields: Any) -> dict[str, P]:
    """A study's presets on every data set: `fields` for all, `changes` for some of them."""
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
        name: kind(**({"about": about} | preset | fields | changes.get(name, {})))
        for name, (about, preset) in shared.items()
    }


def smoke() -> dict[str, Any]:
    """The whole pipeline in a minute."""
    shared = digits(epochs=4, measure_every=2)
    shared["base"] = replace(shared["base"], train_size=60)
    return shared | {"diffusion": Diffusion(DIGITS_EDM, epochs=2, k=2), "replicates": (0, 1)}


def cifar10_small() -> dict[str, Any]:
    """3,000 CIFAR-10 images and no diffusion model: one that a CPU trains in minutes is no use."""
    base = vae("cifar10", n_c=16, train_size=3000, lr=1e-3, batch=50)
    return {"base": base, "epochs": 20, "measure_every": 5, "replicates": (0, 1)}


def mnist_small(epochs: int, measure_every: int) -> dict[str, Any]:
    """5,000 BinaryMNIST images and a diffusion model that a CPU can train."""
    return {
        "base": vae("mnist", train_size=5000),
        "epochs": epochs,
        "measure_every": measure_every,
        "replicates": (0, 1, 2),
        "diffusion": Diffusion(MNIST_EDM, epochs=MNIST_EDM_EPOCHS),
    }


def one_gpu(
    dataset: str, epochs: int = 200, measure_every: int = 20, **fields: Any
) -> dict[str, Any]:
    """All images and shorter training, for one GPU and days rather than weeks."""
    return {
        "base": vae(dataset, **fields),
        "epochs": epochs,
        "measure_every": measure_every,
        "diffusion": Diffusion(replace(ONE_GPU_EDM, dataset=dataset), epochs=400),
        "on_gpu": True,
    }


def paper(dataset: str = "cifar10", **fields: Any) -> dict[str, Any]:
    """The paper's epochs and diffusion model."""
    return {
        "base": vae(dataset, **fields),
        "epochs": PAPER_EPOCHS,
        "measure_every": 25,  # measuring takes a third of a training epoch, and more for small sets
        "diffusion": Diffusion(replace(PAPER_EDM, dataset=dataset), epochs=PAPER_EDM_EPOCHS),
        "on_gpu": True,
    }
