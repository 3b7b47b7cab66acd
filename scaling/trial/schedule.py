"""Schedules trials: how long they are trained, when they are measured, whose samples they read."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePath
from typing import Any

from scaling.errors import UsageError
from scaling.trial.catalog import images_of
from scaling.trial.diffusion import DiffusionTrial
from scaling.trial.keys import Trial, data_name, key
from scaling.trial.own_files import identified
from scaling.trial.partition import sizes

# Settings of costly metrics with other than default values, by metric. Which settings there are
# depends on the metric, whose class `Settings` checks them: so the type says nothing about them.
MetricSettings = Mapping[str, Mapping[str, Any]]
LONGEST_BETWEEN_ROWS = 50  # most epochs between two rows of a diffusion model


@dataclass(frozen=True)
class Scheduled:
    """Describes a trial with its number of epochs and the epochs between two measurements."""

    trial: Trial
    epochs: int
    measure_every: int
    metrics: tuple[str, ...] = ()  # the costly metrics, by module or column
    kept_epochs: tuple[int, ...] = ()  # epochs whose models are saved

    @cached_property
    def key(self) -> str:
        """Returns the trial's key."""
        return key(self.trial)

    @property
    def pool(self) -> str | None:
        """Returns the name of the pool that is sampled from its model, or None for other kinds."""
        trial = self.trial
        return pool_name(trial, self.epochs) if isinstance(trial, DiffusionTrial) else None

    def is_measured(self, epoch: int) -> bool:
        """Returns True if metrics are measured in this epoch, which then has a row."""
        regular = self.trial.is_measured(epoch, self.epochs, self.measure_every)
        return regular or epoch in self.kept_epochs

    @property
    def measurements(self) -> int:
        """Returns the number of epochs that have a row."""
        return sum(map(self.is_measured, range(1, self.epochs + 1)))


@dataclass(frozen=True)
class Planned:
    """Describes a scheduled trial at the start of a launch: its state and remaining cost."""

    scheduled: Scheduled
    state: str  # new, partial, done or failed
    hours: float  # remaining hours
    gpus: float  # a share of a GPU, or a number of GPUs
    micro_batch: int | None = field(default=None, kw_only=True)  # images computed at a time

    @property
    def key(self) -> str:
        """Returns the trial's key."""
        return self.scheduled.key

    @property
    def trial(self) -> Trial:
        """Returns the trial itself."""
        return self.scheduled.trial

    @property
    def is_left(self) -> bool:
        """Returns True if this launch runs it."""
        return self.state in ("new", "partial")


@dataclass(frozen=True)
class Diffusion:
    """Describes a preset's diffusion model, its epochs, and the number `k` of sampled chunks.

    Trials of one D_train share a model; `per_seed` gives each of their seeds a model of that seed.
    """

    trial: DiffusionTrial
    epochs: int
    k: int = 10
    per_seed: bool = False


def pool_name(trial: DiffusionTrial, epochs: int) -> str:
    """Returns the name of the folder with a diffusion model's samples after `epochs` epochs."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", PurePath(data_name(trial)).stem)
    return f"{name}-{trial.share:g}-{key(trial)}-e{epochs}"


def chunks_of(trial: Trial) -> int:
    """Returns the number of chunks of its pool that the trial reads."""
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
    """Returns the trials with their schedules and pools, after the diffusion trials they depend on.

    VAEs get the costly `metrics` at the end and every `metric_every` epochs (0: only at the end).
    Under `equal_images` the trials with the largest D_train are trained for `epochs`; the others,
    and their diffusion models, for as many more epochs as they need to see the same number of
    images. `identify` adds the content hash to trials on the user's files. Raises UsageError for
    a trial that needs a pool if there is no `diffusion` model.
    """
    if equal_images:
        lengths = (epochs, measure_every, metric_every)
        return _with_equal_images(trials, lengths, diffusion, metrics, identify)
    every = range(metric_every, epochs, metric_every) if metric_every else ()
    kept_epochs = (*every, epochs) if metrics else ()
    models: dict[DiffusionTrial, int] = {}
    requested = []
    for trial in trials:
        if trial.lacks_pool:
            model, length, k = _model_of(trial, diffusion, identify)
            models[model] = length
            trial = trial.with_pool(pool_name(model, length), k)
        trial = identify(trial.completed(epochs, diffusion.k if diffusion else None))
        requested.append(_scheduled(trial, epochs, measure_every, metrics, kept_epochs))
    first = [_scheduled(model, n, _rows_every(n)) for model, n in models.items()]
    return first + list(dict.fromkeys(requested))


def _with_equal_images(
    trials: Sequence[Trial],
    lengths: tuple[int, int, int],
    diffusion: Diffusion | None,
    metrics: tuple[str, ...],
    identify: Callable[[Trial], Trial],
) -> list[Scheduled]:
    """Schedules the trials of each |D_train| for as many epochs as see the same number of images.

    `lengths` are the epochs, the epochs between rows, and those between measurements of costly
    metrics, of the trials with the largest D_train.
    """
    by_key: dict[str, Scheduled] = {}
    for ratio, part in _by_size(trials):
        epochs, measure_every, metric_every = (round(ratio * length) for length in lengths)
        model = diffusion and replace(diffusion, epochs=round(ratio * diffusion.epochs))
        rows_every = max(1, measure_every)
        items = schedule(part, epochs, rows_every, model, metrics, metric_every, identify=identify)
        by_key |= {item.key: item for item in items}
    return sorted(by_key.values(), key=lambda item: not item.trial.makes_pools)


def _by_size(trials: Sequence[Trial]) -> list[tuple[float, list[Trial]]]:
    """Groups the trials by |D_train|, with the ratio of the largest |D_train| to each."""
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
    kept_epochs: tuple[int, ...] = (),
) -> Scheduled:
    """Returns the trial's schedule, with the epochs whose models are kept.

    A model is kept for costly metrics and for sampling, even if training later continues.
    """
    if not trial.has_metrics:
        metrics, kept_epochs = (), (epochs,) if trial.makes_pools else ()
    return Scheduled(trial, epochs, measure_every, metrics, kept_epochs)


def _rows_every(epochs: int) -> int:
    """Returns the epochs between two rows of a diffusion model.

    There are eight rows, or more where hours would pass between them.
    """
    return max(1, min(LONGEST_BETWEEN_ROWS, epochs // 8))


def _model_of(
    trial: Trial, diffusion: Diffusion | None, identify: Callable[[Trial], Trial]
) -> tuple[DiffusionTrial, int, int]:
    """Returns the diffusion model whose samples the trial reads, its epochs, and its chunks."""
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
        seed=trial.seed if diffusion.per_seed else diffusion.trial.seed,
    )
    identified_model = identify(model)
    assert isinstance(identified_model, DiffusionTrial)
    return identified_model, diffusion.epochs, diffusion.k
