"""What every kind of trial answers about itself, so that nobody else asks for its type.

Each option of the science is a field with a default; a field that a trial's run would not read
must stay at it. The number of epochs is no field: a longer run continues a shorter one.
"""

from dataclasses import replace
from typing import Any, ClassVar, Self

from scaling.errors import UsageError, did_you_mean, listed
from scaling.trial.catalog import DATASETS
from scaling.trial.extensions import HINT, UnknownName
from scaling.trial.partition import Part, Partition
from scaling.trial.validation import Validated


class Drawn(Validated):
    """What chance decides of a trial: which images it has, what its generators are seeded from."""

    seed: int
    split: int
    replicate: int | None
    train_size: int | None
    partition: Partition

    @property
    def draw(self) -> int:
        """The number of the draw of its images."""
        return self.split if self.replicate is None else self.replicate

    @property
    def part(self) -> Part:
        """Which images it is trained, chosen and tested on."""
        return Part(self.train_size, self.draw, self.partition)

    @property
    def stream(self) -> int | str:
        """What its random generators are seeded from, beside the epoch and the purpose."""
        return self.seed if self.replicate is None else f"replicate {self.replicate}/{self.seed}"


class BaseTrial(Drawn):
    """The answers that most kinds share; a kind overrides those in which it differs."""

    kind: ClassVar[str]  # as in trial.json
    dataset: str
    content: str | None
    has_metrics: ClassVar[bool] = False  # whether costly metrics can be measured from its model
    makes_pools: ClassVar[bool] = False  # whether samples are drawn from its model
    accumulates: ClassVar[bool] = False  # whether a step can be taken in micro-batches
    pool_field: ClassVar[str] = "pool"  # names, for --set, which pool it reads

    @property
    def label(self) -> str:
        """The readable part of the key behind the data set, without the seed."""
        raise NotImplementedError

    @property
    def reads_pool(self) -> str | None:
        """The name of the pool that it reads, if it reads one and that is known."""
        return None

    @property
    def lacks_pool(self) -> bool:
        """Whether it reads a pool and does not name it."""
        return False

    @property
    def model_share(self) -> float:
        """The share of D_train that the diffusion model has seen whose samples it reads."""
        return 1.0

    @property
    def binarised(self) -> str:
        """How BinaryMNIST is made of MNIST."""
        return "threshold"

    @property
    def architecture(self) -> Any:
        """The trial without what does not change how long an epoch takes."""
        return replace(self, seed=0, split=0, replicate=None, lr=1.0)  # type: ignore[type-var]

    @property
    def kin(self) -> Self:
        """What it has in common with its other replicates and seeds: replicate 0, seed 0."""
        first = None if self.replicate is None else 0
        return replace(self, seed=0, replicate=first)  # type: ignore[type-var]

    def headline(self, changed: dict[str, Any]) -> dict[str, Any]:
        """What tells it from others, given its fields that are not at their default."""
        return {"kind": self.kind, "dataset": self.dataset} | changed

    def with_pool(self, pool: str, k: int) -> Self:
        """The trial that reads this pool, k chunks of it unless it says how many."""
        raise UsageError(f"A {self.kind} trial reads no pool. Leave {self.pool_field} out.")

    def completed(self, epochs: int, k: int | None) -> Self:
        """The trial with what depends on its study filled in: its epochs, the preset's k."""
        return self

    def replaced(self, outer: dict[str, Any], inner: dict[str, Any]) -> Self:
        """The trial with other fields; `inner` are those of its source."""
        if inner:
            raise UsageError(f"A {self.kind} trial has no source.")
        return replace(self, **outer)  # type: ignore[type-var]

    def on_dataset(self, dataset: str, settings: dict[str, Any]) -> Self:
        """The trial on all images of another data set, with that one's `settings` of a VAE."""
        return replace(self, dataset=dataset, train_size=None)  # type: ignore[type-var]

    def chunks_read(self, train_images: int) -> int:
        """How many chunks of |D_train| images of its pool it reads."""
        return 1

    def is_measured(self, epoch: int, epochs: int, measure_every: int) -> bool:
        """Whether an epoch has a row, in a run of so many epochs."""
        return epoch == epochs or epoch % measure_every == 0

    def epoch_images(self, train_images: int) -> int:
        """Images that it trains on in an epoch."""
        return train_images

    def measured_images(self, train_images: int, test_images: int) -> int:
        """Images that a row is measured on."""
        return train_images + test_images

    @property
    def replays_steps(self) -> bool:
        """Whether every step is the same computation, so that a GPU may replay it."""
        return True

    @property
    def source_name(self) -> str | None:
        """The short name of its training distribution, where it has one."""
        return None

    @property
    def step_images(self) -> int:
        """Images of one gradient step."""
        return self.batch  # type: ignore[attr-defined]

    def trains_in_bf16(self, side: int) -> bool:
        """Whether its networks train in bf16 on images of this side, where the processor can."""
        return False

    def check_levels(self, levels: int) -> None:
        """Raises UsageError where images of so many levels do not fit its likelihood."""


def check_dataset(trial: Any) -> None:
    """Raises UnknownName for a data set that neither the project nor a loaded module has.

    Raises UsageError for the content of what is no file.
    """
    if trial.dataset not in DATASETS and not trial.dataset.endswith(".npz"):
        raise UnknownName(
            f"Unknown dataset {trial.dataset!r}. {did_you_mean(trial.dataset, DATASETS)}"
            f"Known: {listed(DATASETS)}, or a path/to/file.npz. {HINT}."
        )
    if trial.content is not None and trial.dataset in DATASETS:
        raise UsageError(f"content={trial.content} is read of own files only. Leave it out.")


def check_draw(trial: BaseTrial) -> None:
    """Raises UsageError for a draw with two numbers."""
    if trial.replicate is not None and trial.split:
        raise UsageError(
            f"split={trial.split} is read without a replicate only: replicate={trial.replicate} "
            "draws D_train itself. Leave one of them out."
        )
