"""Source and the kinds of Trial: what is trained, named by what changes its result (section 4).

Frozen dataclasses over the standard library only, so that plans, keys and command lines need
neither torch nor Ray. The number of epochs is no field: a longer run continues a shorter one.
"""

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import PurePath
from typing import Any, Literal

from scaling.checked import Checked, UsageError, known
from scaling.shapes import DATASETS, RESIDUAL


@dataclass(frozen=True)
class Source(Checked):
    """A training distribution: a point in the space of section 4.1 and Appendices B.6-B.8."""

    real_share: float = 1.0  # share of real images in a batch
    k: int | None = None  # distinct samples, in units of |D_train|; None: as many as the pool has
    diffusion_share: float = 1.0  # share of D_train that the diffusion model saw
    pool: str | None = None  # key of the diffusion trial, or an imported pool's name and hash
    augment: Literal["naive", "tuned"] | None = None  # Tables 8-10
    mollify_epochs: int = 0  # length of the noise schedule of B.6

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("real_share", "diffusion_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UsageError(f"source.{name}={getattr(self, name)} is not a share in [0, 1].")
        if self.k is not None and self.k < 1:
            raise UsageError(f"source.k={self.k}: at least one chunk is needed.")
        if self.mollify_epochs < 0:
            raise UsageError(f"source.mollify_epochs={self.mollify_epochs} is negative.")

    @property
    def name(self) -> str:
        """The short name, or the fields that differ from normal training."""
        for name, source in SOURCES.items():
            if replace(self, k=source.k, pool=None, diffusion_share=1.0) == source:
                return name
        changed = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "pool"}
        return ",".join(f"{n}={v}" for n, v in changed.items() if v != getattr(NORMAL, n))


NORMAL = Source()
DMAAPX = Source(real_share=0.0)
SOURCES = {
    "normal": NORMAL,
    "dmaapx": DMAAPX,
    "aug_naive": Source(augment="naive"),
    "aug_tuned": Source(augment="tuned"),
}


def parse_source(text: str) -> Source:
    """A source from its name or its fields (`real_share=0.4,augment=tuned`)."""
    if text in SOURCES:
        return SOURCES[text]
    if "=" not in text:
        raise UsageError(
            f"Unknown source {text!r}. Known: {known(SOURCES)}, "
            "or fields such as real_share=0.4,augment=tuned."
        )
    pairs = (part.partition("=") for part in text.split(","))
    return Source(**{name: Source.parse(name, value) for name, _, value in pairs})  # type: ignore[arg-type]


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
        _at_least(self, "seed", 0)
        _at_least(self, "split", 0)
        if self.train_size is not None:
            _at_least(self, "train_size", 1)
        for name, (owner, readers) in READ_WHERE.items():
            default = type(self).__dataclass_fields__[name].default
            if getattr(self, name) != default and getattr(self, owner) not in readers:
                raise UsageError(
                    f"{name}={getattr(self, name)} is read by {owner} {known(readers)} only, "
                    f"and this trial has {owner}={getattr(self, owner)}."
                )

    @property
    def kind(self) -> str:
        return "vae"


def _at_least(trial: VaeTrial, name: str, least: int) -> None:
    if getattr(trial, name) < least:
        raise UsageError(f"{name}={getattr(trial, name)} is below {least}.")


Trial = VaeTrial
KINDS: dict[str, type[VaeTrial]] = {"vae": VaeTrial}


def to_dict(trial: Trial) -> dict[str, Any]:
    """The JSON form, as in `trial.json`: the kind and every field."""
    return {"kind": trial.kind} | asdict(trial)


def from_dict(values: dict[str, Any]) -> Trial:
    """The trial of a `trial.json`; raises UsageError for unknown kinds and fields."""
    kind = values.get("kind")
    if kind not in KINDS:
        raise UsageError(f"Unknown kind of trial {kind!r}. Known: {known(KINDS)}.")
    return KINDS[kind].from_dict({name: v for name, v in values.items() if name != "kind"})


def key(trial: Trial) -> str:
    """Readable part and hash of what changes the result.

    Fields at their default are left out of the hash, so that a later option renames no old trial;
    the store refuses a key whose `trial.json` says otherwise.
    """
    values = _changed(trial)
    text = json.dumps({"kind": trial.kind} | values, sort_keys=True, separators=(",", ":"))
    name = PurePath(trial.dataset).stem
    readable = f"{name}-mz{trial.m_z}-nc{trial.n_c}-{trial.source.name}-s{trial.seed}"
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "_", readable)[:80]
    return f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def group_name(trial: Trial) -> str:
    """The name of what a trial has in common with its other seeds."""
    return key(replace(trial, seed=0)).replace("-s0-", "-")


def headline(trial: Trial) -> dict[str, Any]:
    """What tells a trial from others: its axes and the fields that are not at their default."""
    changed = _changed(trial)
    changed |= {f"source.{name}": value for name, value in changed.pop("source", {}).items()}
    axes = {name: getattr(trial, name) for name in ("dataset", "m_z", "n_c", "seed", "lr", "batch")}
    return axes | changed | {"source": trial.source.name}


def _changed(trial: Any) -> dict[str, Any]:
    """The fields that differ from their default, sources inside included."""
    changed = {}
    for field in fields(trial):
        value = getattr(trial, field.name)
        if value != field.default:
            changed[field.name] = _changed(value) if isinstance(value, Source) else value
    return changed


def grid(trials: Trial | Iterable[Trial], **axes: Sequence[Any]) -> list[Trial]:
    """The product of the axes over each trial, duplicates collapsed, in order.

    An axis over a field that the trials differ in replaces that field: so a command line overrides
    a preset. `source.NAME` (written `**{"source.NAME": values}`) is an axis inside the source.
    """
    base = [trials] if isinstance(trials, VaeTrial) else list(trials)
    for name in axes:
        if not axes[name]:
            raise UsageError(f"The axis {name} is empty.")
    points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    made = (_replace(trial, point) for trial in base for point in points)
    return list(dict.fromkeys(made))


def _replace(trial: Trial, changes: dict[str, Any]) -> Trial:
    inner = {name[len("source.") :]: v for name, v in changes.items() if name.startswith("source.")}
    outer = {name: v for name, v in changes.items() if not name.startswith("source.")}
    source = outer.pop("source", trial.source)
    return replace(trial, **outer, source=replace(source, **inner))


def on_dataset(trials: Iterable[Trial], dataset: str) -> list[Trial]:
    """The trials on another data set: its network, likelihood, K, lr and batch, all its images."""
    row = DATASETS.get(dataset)
    settings = dict(row.settings if row else RESIDUAL)
    settings.setdefault("mixtures", VaeTrial.mixtures)
    moved = (replace(t, dataset=dataset, train_size=None, **settings) for t in trials)
    return list(dict.fromkeys(moved))
