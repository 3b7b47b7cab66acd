"""Defines the properties that every kind of trial has, so that no other code tests for its type.

Each scientific option is a field with a default. A field that a trial's run would not read must
keep its default. The number of epochs is not a field, because a longer run continues a shorter one.
"""

from dataclasses import replace
from typing import Any, ClassVar, Self

from scaling.errors import UsageError, did_you_mean, listed
from scaling.trial.catalog import DATASETS, VaeSettings
from scaling.trial.extensions import HINT, UnknownName
from scaling.trial.partition import Part, Partition
from scaling.trial.validation import Changes, Fields, Validated


class Drawn(Validated):
    """Describes the random choices of a trial: its images and the seeds of its generators."""

    seed: int
    split: int
    replicate: int | None
    train_size: int | None
    partition: Partition

    @property
    def draw(self) -> int:
        """Returns the number of the random draw that selects the trial's images."""
        return self.split if self.replicate is None else self.replicate

    @property
    def part(self) -> Part:
        """Returns the selection of images for training, validation and testing."""
        return Part(self.train_size, self.draw, self.partition)

    @property
    def stream(self) -> int | str:
        """Returns the part of its generators' seeds that does not depend on epoch or purpose."""
        return self.seed if self.replicate is None else f"replicate {self.replicate}/{self.seed}"

    def check_images(self, train_images: int) -> None:
        """Raises UsageError if the share, rounded to whole images, is no image or every image."""


class BaseTrial(Drawn):
    """Gives the properties that most kinds of trial share; a kind overrides those that differ."""

    kind: ClassVar[str]  # as in trial.json
    dataset: str
    content: str | None
    has_metrics: ClassVar[bool] = False  # True if costly metrics can be measured on its model
    makes_pools: ClassVar[bool] = False  # True if samples are drawn from its model
    accumulates: ClassVar[bool] = False  # True if a gradient step can use micro-batches
    pool_field: ClassVar[str] = "pool"  # the field that --set uses to choose its pool

    @property
    def label(self) -> str:
        """Returns the readable part of the key between the data set's name and the seed."""
        raise NotImplementedError

    @property
    def reads_pool(self) -> str | None:
        """Returns the name of the pool that it reads, or None if it reads or names none."""
        return None

    @property
    def lacks_pool(self) -> bool:
        """Returns True if it reads a pool but does not name one yet."""
        return False

    @property
    def model_share(self) -> float:
        """Returns the share of D_train on which the diffusion model of its samples was trained."""
        return 1.0

    @property
    def binarised(self) -> str:
        """Returns the method that turns MNIST into BinaryMNIST."""
        return "threshold"

    @property
    def architecture(self) -> Any:
        """Returns the trial with defaults in all fields that do not affect an epoch's duration."""
        return replace(self, seed=0, split=0, replicate=None, lr=1.0)  # type: ignore[type-var]

    @property
    def kin(self) -> Self:
        """Returns replicate 0, seed 0 of the trial, which all its replicates and seeds share."""
        first = None if self.replicate is None else 0
        return self.with_valid(seed=0, replicate=first)

    def headline(self, changed: Fields) -> Fields:
        """Returns the fields that identify it among others.

        `changed` are its fields that are not at their default.
        """
        return {"kind": self.kind, "dataset": self.dataset} | changed

    def with_pool(self, pool: str, k: int) -> Self:
        """Returns the trial with its pool set to this one, and `k` chunks of it where k is unset.

        Raises UsageError for a kind that reads no pool.
        """
        raise UsageError(f"A {self.kind} trial reads no pool. Leave {self.pool_field} out.")

    def completed(self, epochs: int, k: int | None) -> Self:
        """Returns the trial with the fields filled in that depend on the study's epochs and k."""
        return self

    def replaced(self, outer: Changes, inner: Changes) -> Self:
        """Returns the trial with other values of fields; `inner` are fields of its source.

        Raises UsageError for `inner` fields of a kind without a source.
        """
        if inner:
            raise UsageError(f"A {self.kind} trial has no source.")
        return replace(self, **outer)  # type: ignore[type-var]

    def on_dataset(self, dataset: str, settings: VaeSettings) -> Self:
        """Returns the trial on all images of another data set with those VAE settings."""
        return replace(self, dataset=dataset, train_size=None)  # type: ignore[type-var]

    def chunks_read(self, train_images: int) -> int:
        """Returns the number of chunks of |D_train| images that it reads from its pool."""
        return 1

    def is_measured(self, epoch: int, epochs: int, measure_every: int) -> bool:
        """Returns True if metrics are measured in this epoch of a run of `epochs` epochs."""
        return epoch == epochs or epoch % measure_every == 0

    def epoch_images(self, train_images: int) -> int:
        """Returns the number of images that it trains on in an epoch."""
        return train_images

    def measured_images(self, train_images: int, test_images: int) -> int:
        """Returns the number of images that one measured row evaluates."""
        return train_images + test_images

    @property
    def replays_steps(self) -> bool:
        """Returns True if all steps are the same computation, which a CUDA graph can replay."""
        return True

    @property
    def source_name(self) -> str | None:
        """Returns the short name of its training distribution, or None if it has none."""
        return None

    @property
    def step_images(self) -> int:
        """Returns the number of images in one gradient step."""
        return self.batch  # type: ignore[attr-defined]

    def trains_in_bf16(self, side: int) -> bool:
        """Returns True if its networks train in bf16 on images of this side in pixels.

        The processor must support bf16, too.
        """
        return False

    def check_levels(self, levels: int) -> None:
        """Raises UsageError if its likelihood cannot model images with this number of levels."""


def check_dataset(trial: Any) -> None:
    """Raises UnknownName for a data set that neither the project nor a loaded module defines.

    Raises UsageError if `content` is set for a data set that is not a file.
    """
    if trial.dataset not in DATASETS and not trial.dataset.endswith(".npz"):
        raise UnknownName(
            f"Unknown dataset {trial.dataset!r}. {did_you_mean(trial.dataset, DATASETS)}"
            f"Known: {listed(DATASETS)}, or a path/to/file.npz. {HINT}."
        )
    if trial.content is not None and trial.dataset in DATASETS:
        raise UsageError(
            f"content={trial.content} applies only to data sets that are files. Leave it out."
        )


def check_draw(trial: BaseTrial) -> None:
    """Raises UsageError if both `replicate` and `split` number the draw."""
    if trial.replicate is not None and trial.split:
        raise UsageError(
            f"split={trial.split} has no effect beside replicate={trial.replicate}, which draws "
            "D_train itself. Leave one of them out."
        )
