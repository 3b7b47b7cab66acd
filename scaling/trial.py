"""The kinds of Trial: what is trained, named by what changes its result (section 4).

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
from typing import Any, Literal, TypeVar

from scaling.checked import Checked, UsageError, known
from scaling.shapes import DATASETS, RESIDUAL
from scaling.source import DMAAPX as DMAAPX
from scaling.source import NORMAL, Source
from scaling.source import SOURCES as SOURCES
from scaling.source import parse_source as parse_source

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


@dataclass(frozen=True)
class DiffusionTrial(Checked):
    """One EDM model on a share of D_train: data, U-Net, optimizer, seed (Appendix D).

    An effective epoch is |D_train| images whatever the share: equal epochs, equal image budget.
    """

    dataset: str
    train_size: int | None = None
    split: int = 0
    share: float = 1.0  # of D_train: a prefix of one permutation, shares nested
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

    @property
    def kind(self) -> str:
        return "diffusion"


def _at_least(trial: Any, name: str, least: int) -> None:
    if getattr(trial, name) < least:
        raise UsageError(f"{name}={getattr(trial, name)} is below {least}.")


Trial = VaeTrial | DiffusionTrial
Kind = TypeVar("Kind", VaeTrial, DiffusionTrial)
KINDS: dict[str, type[VaeTrial] | type[DiffusionTrial]] = {
    "vae": VaeTrial,
    "diffusion": DiffusionTrial,
}


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
    readable = _readable(trial)
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "_", readable)[:80]
    return f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _readable(trial: Trial) -> str:
    name = PurePath(trial.dataset).stem
    if isinstance(trial, DiffusionTrial):
        return f"{name}-edm-c{trial.channels}-share{trial.share:g}-s{trial.seed}"
    return f"{name}-mz{trial.m_z}-nc{trial.n_c}-{trial.source.name}-s{trial.seed}"


def group_name(trial: Trial) -> str:
    """The name of what a trial has in common with its other seeds."""
    return key(replace(trial, seed=0)).replace("-s0-", "-")


def headline(trial: Trial) -> dict[str, Any]:
    """What tells a trial from others: its axes and the fields that are not at their default."""
    changed = _changed(trial)
    if isinstance(trial, DiffusionTrial):
        return {"kind": trial.kind, "dataset": trial.dataset} | changed
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


def grid(trials: Kind | Iterable[Kind], **axes: Sequence[Any]) -> list[Kind]:
    """The product of the axes over each trial, duplicates collapsed, in order.

    An axis over a field that the trials differ in replaces that field: so a command line overrides
    a preset. `source.NAME` (written `**{"source.NAME": values}`) is an axis inside the source.
    """
    base = [trials] if isinstance(trials, VaeTrial | DiffusionTrial) else list(trials)
    for name in axes:
        if not axes[name]:
            raise UsageError(f"The axis {name} is empty.")
    points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    made = (_replace(trial, point) for trial in base for point in points)
    return list(dict.fromkeys(made))


def _replace(trial: Kind, changes: dict[str, Any]) -> Kind:
    inner = {name[len("source.") :]: v for name, v in changes.items() if name.startswith("source.")}
    outer = {name: v for name, v in changes.items() if not name.startswith("source.")}
    alien = set(outer) - {field.name for field in fields(trial)}
    if alien or (inner and not isinstance(trial, VaeTrial)):
        raise UsageError(f"A {trial.kind} trial has no {known(alien or {'source'})}.")
    if inner and isinstance(trial, VaeTrial):
        outer["source"] = replace(outer.get("source", trial.source), **inner)
    return replace(trial, **outer)


def on_dataset(trials: Iterable[Kind], dataset: str) -> list[Kind]:
    """The trials on another data set: its network, likelihood, K, lr and batch, all its images."""
    row = DATASETS.get(dataset)
    settings = {"mixtures": VaeTrial.mixtures} | (row.settings if row else RESIDUAL)
    return list(dict.fromkeys(_moved(trial, dataset, settings) for trial in trials))


def _moved(trial: Kind, dataset: str, settings: dict[str, Any]) -> Kind:
    more = settings if isinstance(trial, VaeTrial) else {}
    return replace(trial, dataset=dataset, train_size=None, **more)
