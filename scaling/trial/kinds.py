"""The kinds of Trial: frozen dataclasses over the standard library only.

Each option of the science is a field with a default; a field that a trial's run would not read
must stay at it. The number of epochs is no field: a longer run continues a shorter one.
"""

from dataclasses import dataclass
from typing import Any, Literal

from scaling.errors import UsageError, known
from scaling.trial.catalog import DATASETS
from scaling.trial.source import NORMAL, Source
from scaling.trial.validation import Checked

FC_LATENTS = 16  # d_z of the fully-connected network at m_z = 1 (Table 3)


# Fields that only some networks, likelihoods or data sets read: elsewhere they keep their default.
READ_WHERE = {
    "mixtures": ("likelihood", ("mixture",)),
    "mol_mix": ("likelihood", ("mixture",)),
    "sigma": ("likelihood", ("gaussian",)),
    "gauss_mean_act": ("likelihood", ("gaussian",)),
    "latent_reading": ("network", ("residual",)),
    "res_inplace_quirk": ("network", ("residual",)),
    "res_second_kernel": ("network", ("residual",)),
    "batch_norm": ("network", ("fully_connected",)),
    "binarise": ("dataset", ("mnist",)),
}
HALF_ASLEEP = ("half_asleep_source", "half_asleep_mix")  # read with half_asleep_from only


@dataclass(frozen=True)
class VaeTrial(Checked):
    """One VAE: data set and split, source, architecture, optimizer, seed (Appendix B.1)."""

    dataset: str
    m_z: int = 1  # latent multiplier: channels of z, or d_z / FC_LATENTS
    n_c: int = 256  # inner channels (residual), hidden width (fully-connected)
    source: Source = NORMAL
    seed: int = 0
    train_size: int | None = None  # |D_train|; None: all training images
    split: int = 0  # seed of the permutation whose first train_size images are D_train
    network: Literal["residual", "fully_connected"] = "residual"
    likelihood: Literal["mixture", "gaussian", "bernoulli"] = "mixture"
    mixtures: int = 10  # K components per pixel
    mol_mix: Literal["joint", "per_channel"] = "joint"
    sigma: float = 0.03  # standard deviation of the Gaussian likelihood on [0, 1]
    gauss_mean_act: Literal["none", "sigmoid"] = "none"
    latent_reading: Literal["m_z_channels", "channels_x64"] = "m_z_channels"
    res_inplace_quirk: bool = False  # skip connection carries relu(x) instead of x
    res_second_kernel: Literal[3, 1] = 3
    batch_norm: bool = False  # in the fully-connected network
    binarise: Literal["threshold", "static_bernoulli", "dynamic"] = "threshold"
    lr: float = 1e-4
    batch: int = 100
    weight_decay: float = 0.0
    grad_clip: float | None = None
    lr_decay_epochs: int = 0  # cosine decay to 0 over so many epochs; 0: constant
    precision: Literal["auto", "float32", "bf16"] = "auto"  # of the networks in training
    half_asleep_from: int = 0  # epochs until reverse half asleep begins (section 5.2); 0: never
    half_asleep_source: Literal["qz", "prior"] = "qz"  # z of the decoder's samples
    half_asleep_mix: Literal["half", "only_samples"] = "half"  # samples beside real images

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dataset not in DATASETS and not self.dataset.endswith(".npz"):
            raise UsageError(
                f"Unknown dataset {self.dataset!r}. Known: {known(DATASETS)}, "
                "or a path/to/file.npz."
            )
        for name in ("m_z", "n_c", "batch", "mixtures"):
            _at_least(self, name, 1)
        for name in ("lr", "sigma"):
            if getattr(self, name) <= 0:
                raise UsageError(f"{name}={getattr(self, name)} is not positive.")
        for name in ("seed", "split", "half_asleep_from"):
            _at_least(self, name, 0)
        _check_train_size(self)
        self._check_read()
        self._check_source()

    def _check_read(self) -> None:
        """Fields that this trial's run would not read must be at their default."""
        if not self.half_asleep_from:
            for name in HALF_ASLEEP:
                if getattr(self, name) != type(self).__dataclass_fields__[name].default:
                    raise UsageError(
                        f"{name}={getattr(self, name)} is read with half_asleep_from only. "
                        "Give that too."
                    )
        for name, (owner, readers) in READ_WHERE.items():
            default = type(self).__dataclass_fields__[name].default
            if getattr(self, name) != default and getattr(self, owner) not in readers:
                raise UsageError(
                    f"{name}={getattr(self, name)} is read by {owner} {known(readers)} only, "
                    f"and this trial has {owner}={getattr(self, owner)}. "
                    f"Leave it at its default, {name}={default}."
                )

    def _check_source(self) -> None:
        """What the source gives, the likelihood must take."""
        if self.source.keep_real and self.likelihood != "bernoulli":
            raise UsageError(
                "source.keep_real=True is read by the likelihood bernoulli only, and this trial "
                f"has likelihood={self.likelihood}."
            )
        if not self.source.requantise and self.likelihood != "bernoulli":
            raise UsageError(
                "source.requantise=False is read by the likelihood bernoulli only: a mixture gives "
                "probabilities to levels, a Gaussian never sees rounded noise. Leave it out."
            )
        if self.binarise != "threshold" and self.source.real_share < 1:
            raise UsageError(
                f"binarise={self.binarise}: diffusion models are trained on thresholded images, "
                "their samples are not of the test set's kind. Give --source normal."
            )

    @property
    def kind(self) -> str:
        return "vae"


@dataclass(frozen=True)
class DiffusionTrial(Checked):
    """One EDM model on a share of D_train: data, U-Net, optimizer, seed (Appendix D).

    An effective epoch is |D_train| images whatever the share; under `budget=epochs` one pass over
    the share.
    """

    dataset: str
    train_size: int | None = None
    split: int = 0
    share: float = 1.0  # of D_train: a prefix of one permutation, shares nested
    budget: Literal["images", "epochs"] = "images"  # equal whatever the share (B.8: images)
    seed: int = 0
    channels: int = 128  # of the U-Net at multiplier 1
    multipliers: tuple[int, ...] = (2, 2, 2)  # of the channels, per resolution
    blocks: int = 4  # residual blocks per resolution
    attention: tuple[int, ...] = (16,)  # sides at which attention is used
    dropout: float = 0.13
    lr: float = 1e-3
    batch: int = 512
    ramp_images: int = 10_000_000  # of the linear learning-rate ramp-up
    ema_images: int = 500_000  # half-life of the averaged weights
    precision: Literal["float32", "bf16"] = "float32"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.share <= 1.0:
            raise UsageError(f"share={self.share} is not a share in (0, 1].")
        for name in ("channels", "blocks", "batch", "ema_images"):
            _at_least(self, name, 1)
        for name in ("seed", "split", "ramp_images"):
            _at_least(self, name, 0)
        _check_train_size(self)

    @property
    def kind(self) -> str:
        return "diffusion"


@dataclass(frozen=True)
class TwoSampleTrial(Checked):
    """A classifier that tells real images from a diffusion model's (Appendix D.3, Fig 18)."""

    dataset: str
    train_size: int | None = None
    split: int = 0
    share: float = 1.0  # of D_train that the diffusion model saw
    pool: str | None = None  # key of the diffusion trial, or an imported pool's name and hash
    seed: int = 0
    real: Literal["train", "test"] = "train"  # images that are compared with the samples
    images: int | None = None  # of each class; None: as many as the real ones
    stages: int = 4  # of the ResNet; 4 are ResNet-18
    channels: int = 64  # of its first stage
    lr: float = 1e-3
    momentum: float = 0.9
    batch: int = 256
    weight_decay: float = 5e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.share <= 1.0:
            raise UsageError(f"share={self.share} is not a share in (0, 1].")
        for name in ("stages", "channels", "batch"):
            _at_least(self, name, 1)
        for name in ("seed", "split"):
            _at_least(self, name, 0)
        _check_train_size(self)
        if self.images is not None:
            _at_least(self, "images", 2)
        elif self.real == "test":
            raise UsageError("real=test compares `images` of the test set: give how many.")

    @property
    def kind(self) -> str:
        return "two_sample"


def _at_least(trial: Any, name: str, least: int) -> None:
    if getattr(trial, name) < least:
        raise UsageError(f"{name}={getattr(trial, name)} is below {least}.")


def _check_train_size(trial: Any) -> None:
    if trial.train_size is not None:
        _at_least(trial, "train_size", 1)
