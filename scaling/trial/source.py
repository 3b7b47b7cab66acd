"""Defines Source, a training distribution of section 4.1 and Appendices B.6-B.8."""

import functools
from dataclasses import dataclass, fields, replace
from typing import Annotated, Literal

from scaling.errors import UsageError, did_you_mean, listed
from scaling.trial.bounds import Count, NotNegative, PositiveShare, Share, whole
from scaling.trial.validation import Changes, Validated

HALF = -1  # a value of mollify_epochs: half of the study's epochs, until their number is known
SAMPLES = ("k", "pool", "diffusion_share", "pool_order", "mix")  # read only with samples
# A source reads the field only if it sets the other; else the field must keep its default.
READ_WITH = {
    "augment_strength": "augment",
    "augment_probability": "augment",
    "augment_flip": "augment",
    "augment_filter": "augment",
    "augment_shift": "augment",
    "keep_real": "augment",
    "requantise": "mollify_epochs",
}


@dataclass(frozen=True)
class Source(Validated):
    """Describes a training distribution: a point in the space of section 4.1 and App. B.6-B.8."""

    real_share: Share = 1.0  # share of real images in an epoch, and in each batch if it is whole
    k: Count | None = None  # distinct samples, in units of |D_train|; None: the preset's number
    diffusion_share: PositiveShare = 1.0  # share of D_train that the diffusion model saw
    pool: str | None = None  # key of the diffusion trial, or an imported pool's name and hash
    pool_order: Literal["chunks", "shuffled"] = "chunks"  # chunk after chunk, or all k shuffled
    mix: Literal["batch", "fixed"] = "batch"  # real images and samples mixed per batch, or once
    augment: Literal["naive", "tuned"] | None = None  # Tables 8-10
    augment_strength: Literal["normal", "uniform", "uniform_pos"] = "normal"  # their distribution
    augment_probability: Share | None = None  # of each transformation; None: the data set's
    augment_flip: Literal["coin", "always"] = "coin"  # Table 10's "probability 1"
    augment_filter: Literal["bilinear", "sym6"] = "bilinear"  # filter of the affine resampling
    augment_shift: NotNegative = 0.0  # std of a translation, in widths; from EDM, not the paper
    keep_real: bool = False  # with a Bernoulli likelihood: no threshold after augmentation
    mollify_epochs: Annotated[int, whole(HALF)] = 0  # length of the schedule of B.6, or HALF
    requantise: bool = True  # with a Bernoulli likelihood: round mollified images to levels

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_read()

    def _check_read(self) -> None:
        """Raises UsageError if a field that this source would not read is not at its default."""
        unread = {name: owner for name, owner in READ_WITH.items() if not getattr(self, owner)}
        if self.real_share == 1:
            unread |= dict.fromkeys(SAMPLES, "real_share below 1")
        elif self.real_share == 0:
            unread["mix"] = "real_share above 0"
        for name, owner in unread.items():
            if getattr(self, name) != type(self).__dataclass_fields__[name].default:
                raise UsageError(
                    f"source.{name}={getattr(self, name)} is read with source.{owner} only. "
                    f"Give that too, or leave {name} out."
                )

    def check_images(self, count: int) -> None:
        """Raises UsageError if a mixture of `count` images has no real image, or no sample.

        With a share of 0 or 1 that is what is requested.
        """
        if self.real_share in (0, 1):
            return
        if (real := round(self.real_share * count)) in (0, count):
            instead = "0 or at least" if not real else "1 or at most"
            nearest = 1 / count if not real else 1 - 1 / count
            raise UsageError(
                f"source.real_share={self.real_share:g} of {count} images is {real} real images. "
                f"Give --set source.real_share={instead} {nearest:.6g}."
            )

    def replaced(self, changes: Changes) -> "Source":
        """Returns the source with other fields; without samples, fields about them are ignored."""
        if changes.get("real_share", self.real_share) == 1:
            changes = {name: value for name, value in changes.items() if name not in SAMPLES}
        return replace(self, **changes)

    @property
    def name(self) -> str:
        """Returns its short name, or the fields that differ from normal training."""
        return _name(self)


@functools.cache
def _name(source: Source) -> str:
    family = replace(
        source,
        k=None,
        pool=None,
        diffusion_share=1.0,
        mollify_epochs=HALF if source.mollify_epochs else 0,
    )
    for name, known_source in SOURCES.items():
        if family == known_source:
            return name
    changed = {f.name: getattr(source, f.name) for f in fields(source) if f.name != "pool"}
    return ",".join(f"{n}={v}" for n, v in changed.items() if v != getattr(NORMAL, n))


NORMAL = Source()
DMAAPX = Source(real_share=0.0)
SOURCES = {
    "normal": NORMAL,
    "dmaapx": DMAAPX,
    "aug_naive": Source(augment="naive"),
    "aug_tuned": Source(augment="tuned"),
    "mollify": Source(mollify_epochs=HALF),
}


def parse_source(text: str) -> Source:
    """Returns the source with this name or with these fields (`real_share=0.4,augment=tuned`).

    Raises UsageError for an unknown name, field or value.
    """
    if text in SOURCES:
        return SOURCES[text]
    if "=" not in text:
        raise UsageError(
            f"Unknown source {text!r}. {did_you_mean(text, SOURCES)}Known: {listed(SOURCES)}, "
            "or fields such as real_share=0.4,augment=tuned."
        )
    pairs = (part.partition("=") for part in text.split(","))
    return Source(**{name: Source.parse(name, value) for name, _, value in pairs})  # type: ignore[arg-type]
