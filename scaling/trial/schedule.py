"""How long trials run, when they are measured, and whose samples they read."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from scaling.errors import UsageError
from scaling.trial.catalog import images_of
from scaling.trial.diffusion import DiffusionTrial
from scaling.trial.keys import Trial, data_name, key
from scaling.trial.own_files import identified
from scaling.trial.partition import sizes

LONGEST_BETWEEN_ROWS = 50  # epochs of a diffusion model


@dataclass(frozen=True)
class Scheduled:
    """A trial, how long it is trained, and every how many epochs it is measured."""

    trial: Trial
    epochs: int
    measure_every: int
    metrics: tuple[str, ...] = ()  # the costly ones, by module or column
    kept_epochs: tuple[int, ...] = ()  # whose models are kept, for costly metrics or samples

    @property
    def key(self) -> str:
        return key(self.trial)

    @property
    def pool(self) -> str | None:
        """The pool that is sampled from its model, if one can be."""
        trial = self.trial
        return pool_name(trial, self.epochs) if isinstance(trial, DiffusionTrial) else None

    def is_measured(self, epoch: int) -> bool:
        """Whether the epoch has a row."""
        regular = self.trial.is_measured(epoch, self.epochs, self.measure_every)
        return regular or epoch in self.kept_epochs

    @property
    def measurements(self) -> int:
        """How many epochs have a row."""
        return sum(map(self.is_measured, range(1, self.epochs + 1)))


@dataclass(frozen=True)
class Planned:
    """A scheduled trial as a launch finds it: its state, and what it takes to finish it."""

    scheduled: Scheduled
    state: str  # new, partial, done or failed
    hours: float  # that are left
    gpus: float  # share of a GPU, or several
    micro_batch: int | None = field(default=None, kw_only=True)  # images of a step at a time

    @property
    def key(self) -> str:
        return self.scheduled.key

    @property
    def trial(self) -> Trial:
        return self.scheduled.trial

    @property
    def is_left(self) -> bool:
        """Whether this launch runs it."""
        return self.state in ("new", "partial")


@dataclass(frozen=True)
class Diffusion:
    """A preset's diffusion model, how long it is trained, and how many chunks are sampled."""

    trial: DiffusionTrial
    epochs: int
    k: int = 10


def pool_name(trial: DiffusionTrial, epochs: int) -> str:
    """The folder of the samples of a diffusion model at an epoch."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", PurePath(data_name(trial)).stem)
    return f"{name}-{trial.share:g}-{key(trial)}-e{epochs}"


def chunks_of(trial: Trial) -> int:
    """How many chunks of its pool the trial reads."""
    return trial.chunks_read(sizes(trial.part, images_of(trial.dataset), trial.dataset).train)


def schedule(
    trials: Sequence[Trial],
    epochs: int,
    measure_every: int,
    diffusion: Diffusion | None,
    metrics: tuple[str, ...] = (),
    metric_every: int = 0,
    equal_images: bool = False,
    identify: Callable[[Trial], Trial] = identified,
) -> list[Scheduled]:
    """The trials with their schedules and pools filled in; first the diffusion trials of those.

    VAEs get the costly `metrics` every `metric_every` epochs (0: never) and at the end. Under
    `equal_images` the trials of the largest D_train have so many epochs, the others, and their
    diffusion models, as many more as it takes to train on as many images. `identify` gives trials
    on own files the content of these.
    """
    if equal_images:
        made: dict[str, Scheduled] = {}
        for longer, part in _by_length(trials):
            many, rarely = round(longer * epochs), max(1, round(longer * measure_every))
            chosen = diffusion and replace(diffusion, epochs=round(longer * diffusion.epochs))
            often = round(longer * metric_every)
            again = schedule(part, many, rarely, chosen, metrics, often, identify=identify)
            made |= {s.key: s for s in again}
        return sorted(made.values(), key=lambda one: not one.trial.makes_pools)
    every = range(metric_every, epochs, metric_every) if metric_every else ()
    kept = (*every, epochs) if metrics else ()
    models: dict[DiffusionTrial, int] = {}
    asked = []
    for trial in trials:
        if trial.lacks_pool:
            model, length, k = _model_of(trial, diffusion, identify)
            models[model] = length
            trial = trial.with_pool(pool_name(model, length), k)
        trial = identify(trial.completed(epochs, diffusion.k if diffusion else None))
        asked.append(_scheduled(trial, epochs, measure_every, metrics, kept))
    first = [_scheduled(model, n, _rows_every(n)) for model, n in models.items()]
    return first + list(dict.fromkeys(asked))


def _by_length(trials: Sequence[Trial]) -> list[tuple[float, list[Trial]]]:
    """The trials by |D_train|, each with how many times as large the largest D_train is."""
    by_size: dict[int, list[Trial]] = {}
    for trial in trials:
        images = sizes(trial.part, images_of(trial.dataset), trial.dataset).train
        by_size.setdefault(images, []).append(trial)
    return [(max(by_size) / images, part) for images, part in by_size.items()]


def _scheduled(
    trial: Trial,
    epochs: int,
    measure_every: int,
    metrics: tuple[str, ...] = (),
    kept: tuple[int, ...] = (),
) -> Scheduled:
    """Models are kept for costly metrics, and for samples however long they train later."""
    if not trial.has_metrics:
        metrics, kept = (), (epochs,) if trial.makes_pools else ()
    return Scheduled(trial, epochs, measure_every, metrics, kept)


def _rows_every(epochs: int) -> int:
    """Epochs between two rows of a diffusion model: eight rows, more where they would be hours."""
    return max(1, min(LONGEST_BETWEEN_ROWS, epochs // 8))


def _model_of(
    trial: Trial, diffusion: Diffusion | None, identify: Callable[[Trial], Trial]
) -> tuple[DiffusionTrial, int, int]:
    """The diffusion model whose samples the trial reads, its epochs, and how many chunks."""
    if diffusion is None:
        raise UsageError(
            f"The {trial.kind} trial on {trial.dataset} needs a pool, and this preset has no "
            f"diffusion model. Choose a pool: --set {trial.pool_field}=NAME."
        )
    model = replace(
        diffusion.trial,
        dataset=trial.dataset,
        content=trial.content,
        train_size=trial.train_size,
        split=trial.split,
        replicate=trial.replicate,
        partition=trial.partition,
        share=trial.model_share,
    )
    known = identify(model)
    assert isinstance(known, DiffusionTrial)
    return known, diffusion.epochs, diffusion.k
