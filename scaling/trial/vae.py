"""Defines VaeTrial, a frozen dataclass that describes one VAE (Appendix B.1)."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

from scaling.errors import UsageError
from scaling.trial.base import BaseTrial, check_draw
from scaling.trial.bounds import Count, NotNegative, Positive, WholeNumber
from scaling.trial.catalog import LikelihoodEntry, VaeSettings, likelihood_entry
from scaling.trial.partition import Partition
from scaling.trial.source import HALF, NORMAL, Source
from scaling.trial.vae_checks import READ_WHERE, check_names, check_read, check_source
from scaling.trial.validation import Changes, Fields

FC_LATENTS = 16  # d_z of the fully-connected network at m_z = 1 (Table 3)
BF16_FROM_SIDE = 32  # the same for all widths, so that a curve over widths has one precision
AXES = ("dataset", "m_z", "n_c", "seed", "lr", "batch")  # fields that identify a trial


def values_per_component(channels: int) -> int:
    """Returns the decoder outputs per pixel for each component of a mixture of logistics.

    They are a logit, a mean and a log-scale of each colour channel, and for RGB three coefficients.
    """
    return 10 if channels == 3 else 1 + 2 * channels


@dataclass(frozen=True)
class VaeFields(BaseTrial):
    """Holds the fields of a VaeTrial and checks that their values are compatible."""

    kind: ClassVar[str] = "vae"
    has_metrics: ClassVar[bool] = True
    pool_field: ClassVar[str] = "source.pool"

    dataset: str
    m_z: Count = 1  # latent multiplier: channels of z, or d_z / FC_LATENTS
    n_c: Count = 256  # inner channels (residual), hidden width (fully-connected)
    source: Source = NORMAL
    seed: WholeNumber = 0
    train_size: Count | None = None  # |D_train|; None: all training images
    split: WholeNumber = 0  # seed of the permutation whose first train_size images are D_train
    replicate: WholeNumber | None = None  # number of the draw of all that is random
    content: str | None = None  # start of the SHA-256 of a user's file, replacing its path
    partition: Partition = "train_and_test"  # which images are for validation, if any
    network: str = "residual"
    likelihood: str = "mixture"
    mixtures: Count = 10  # K components per pixel
    mol_mix: Literal["joint", "per_channel"] = "joint"
    sigma: Positive = 0.03  # standard deviation of the Gaussian likelihood on [0, 1]
    gauss_mean_act: Literal["none", "sigmoid"] = "none"
    latent_reading: Literal["m_z_channels", "channels_x64"] = "m_z_channels"
    res_inplace_quirk: bool = False  # skip connection carries relu(x) instead of x
    res_second_kernel: Literal[3, 1] = 3
    batch_norm: bool = False  # in the fully-connected network
    binarise: Literal["threshold", "static_bernoulli"] = "threshold"
    lr: Positive = 1e-4
    batch: Count = 100
    weight_decay: NotNegative = 0.0
    grad_clip: Positive | None = None
    lr_decay_epochs: WholeNumber = 0  # length of a cosine decay to 0; 0: a constant rate
    precision: Literal["auto", "float32", "bf16"] = "auto"  # of the networks in training
    half_asleep_from: WholeNumber = 0  # epochs before reverse half asleep (section 5.2); 0: never
    half_asleep_source: Literal["qz", "prior"] = "qz"  # distribution of z for decoder samples
    half_asleep_mix: Literal["half", "only_samples"] = "half"  # batches with or without real images
    stop_when: Literal["never", "collapsed", "diverged", "either"] = "never"  # reason to stop early
    stop_after: Count = 20  # consecutive epochs in which the reason must hold
    stop_kl: Positive = 0.01  # nats per image; a model with a smaller KL is collapsed

    def __post_init__(self) -> None:
        super().__post_init__()
        check_names(self)
        check_draw(self)
        check_read(self)
        check_source(self)

    @property
    def likelihood_entry(self) -> LikelihoodEntry:
        """Returns the images that its likelihood models."""
        return likelihood_entry(self.likelihood)

    def stops(self, why: Literal["collapsed", "diverged"]) -> bool:
        """Returns True if it stops early for this reason."""
        return self.stop_when in (why, "either")

    def check_images(self, train_images: int) -> None:
        self.source.check_images(train_images)

    def check_levels(self, levels: int) -> None:
        own_levels = self.likelihood_entry.levels
        if own_levels is not None and levels != own_levels:
            raise UsageError(
                f"likelihood={self.likelihood} models images with {own_levels} levels, and "
                f"{self.dataset} has {levels}. Save it with levels 0 to {own_levels - 1}, or give "
                "--set likelihood=mixture."
            )


@dataclass(frozen=True)
class VaeTrial(VaeFields):
    """Describes one VAE: data, source, architecture, optimizer and seed (Appendix B.1)."""

    @property
    def label(self) -> str:
        return f"mz{self.m_z}-nc{self.n_c}-{self.source.name}"

    @property
    def latent_channels(self) -> int:
        """Returns the channels of z in the residual network."""
        return self.m_z if self.latent_reading == "m_z_channels" else 64 * self.m_z

    @property
    def reads_pool(self) -> str | None:
        return self.source.pool if self.source.real_share < 1 else None

    @property
    def lacks_pool(self) -> bool:
        return self.source.real_share < 1 and not self.source.pool

    @property
    def model_share(self) -> float:
        return self.source.diffusion_share

    @property
    def binarised(self) -> str:
        return self.binarise

    @property
    def architecture(self) -> "VaeTrial":
        source = replace(self.source, pool=None)
        never = {
            "stop_when": "never",
            "stop_after": VaeTrial.stop_after,
            "stop_kl": VaeTrial.stop_kl,
        }
        plain = replace(self, seed=0, split=0, replicate=None, lr=1.0, source=source)
        return replace(plain, **never)  # type: ignore[arg-type]

    @property
    def kin(self) -> Self:
        if self.replicate is None:
            return super().kin
        return super().kin.with_valid(source=self.source.with_valid(pool=None))

    def headline(self, changed: Fields) -> Fields:
        source = changed.pop("source", None)
        inner = source.items() if isinstance(source, dict) else ()
        inside = {f"source.{name}": value for name, value in inner}
        axes = {name: getattr(self, name) for name in AXES}
        return axes | changed | inside | {"source": self.source.name}

    def with_pool(self, pool: str, k: int) -> Self:
        source = replace(self.source, pool=pool, k=self.source.k or k)
        return replace(self, source=source)

    def completed(self, epochs: int, k: int | None) -> Self:
        source = self.source
        if source.mollify_epochs == HALF:
            source = replace(source, mollify_epochs=max(1, epochs // 2))
        if self.reads_pool and not source.k:
            if k is None:
                raise UsageError(
                    f"The number of chunks to read from the pool {source.pool} is unknown. Give "
                    "--set source.k=K."
                )
            source = replace(source, k=k)
        return self if source is self.source else replace(self, source=source)

    def replaced(self, outer: Changes, inner: Changes) -> Self:
        if inner:
            source = outer.get("source", self.source)
            outer = {**outer, "source": source.replaced(inner)}
        unread = {
            name: getattr(VaeTrial, name)
            for name, (owner, readers) in READ_WHERE.items()
            if name not in outer and owner in outer and outer[owner] not in readers
        }
        return replace(self, **unread, **outer)

    def on_dataset(self, dataset: str, settings: VaeSettings) -> Self:
        return replace(self, dataset=dataset, train_size=None, **settings)

    def chunks_read(self, train_images: int) -> int:
        return self.source.k or 1

    def is_measured(self, epoch: int, epochs: int, measure_every: int) -> bool:
        """Returns True if this epoch has a row: in the last tenth four times as many epochs do.

        The mean of the rows of the last tenth is the final value of a metric.
        """
        denser = epoch > 0.9 * epochs and epoch % max(1, measure_every // 4) == 0
        return denser or super().is_measured(epoch, epochs, measure_every)

    def measured_images(self, train_images: int, test_images: int) -> int:
        return train_images * (1 if self.source == NORMAL else 2) + test_images

    @property
    def replays_steps(self) -> bool:
        return not self.lr_decay_epochs

    @property
    def source_name(self) -> str:
        return self.source.name

    @property
    def step_images(self) -> int:
        """Returns the images of one step: the batch, doubled if samples are added (half asleep)."""
        both = self.half_asleep_from and self.half_asleep_mix == "half"
        return 2 * self.batch if both else self.batch

    def trains_in_bf16(self, side: int) -> bool:
        large = self.network == "residual" and side >= BF16_FROM_SIDE
        return self.precision == "bf16" or (self.precision == "auto" and large)
