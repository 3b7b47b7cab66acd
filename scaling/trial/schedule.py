"""What a launch asks for: trials with their epochs, and the diffusion models that they draw on."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from scaling.errors import UsageError
from scaling.trial.catalog import row
from scaling.trial.keys import Trial, key
from scaling.trial.kinds import DiffusionTrial, TwoSampleTrial, VaeTrial
from scaling.trial.source import HALF

LONGEST_BETWEEN_ROWS = 50  # epochs of a diffusion model


@dataclass(frozen=True)
class Wanted:
    """A trial, how long it is trained, and every how many epochs it is measured."""

    trial: Trial
    epochs: int
    measure_every: int
    metrics: tuple[str, ...] = ()  # the costly ones, by module or column
    metric_epochs: tuple[int, ...] = ()  # whose models are kept, and measured by those

    @property
    def key(self) -> str:
        return key(self.trial)


@dataclass(frozen=True)
class Diffusion:
    """A preset's diffusion model, how long it is trained, and how many chunks are sampled."""

    trial: DiffusionTrial
    epochs: int
    k: int = 10


def pool_name(trial: DiffusionTrial, epochs: int) -> str:
    """The folder of the samples of a diffusion model at an epoch."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", PurePath(trial.dataset).stem)
    return f"{name}-{trial.share:g}-{key(trial)}-e{epochs}"


def pool_of(trial: Trial) -> str | None:
    """The pool that the trial reads, if any."""
    if isinstance(trial, VaeTrial):
        return trial.source.pool if trial.source.real_share < 1 else None
    return trial.pool if isinstance(trial, TwoSampleTrial) else None


def chunks_of(trial: Trial) -> int:
    """How many chunks of its pool the trial reads."""
    if isinstance(trial, VaeTrial):
        return trial.source.k or 1
    images = getattr(trial, "images", None) or 1
    return math.ceil(images / (trial.train_size or row(trial.dataset).train_images))


def complete(
    trials: Sequence[Trial],
    epochs: int,
    measure_every: int,
    diffusion: Diffusion | None,
    metrics: tuple[str, ...] = (),
    metric_every: int = 0,
) -> list[Wanted]:
    """The trials with their schedules and pools filled in; first the diffusion trials of those.

    VAEs get the costly `metrics` every `metric_every` epochs (0: never) and at the end.
    """
    every = range(metric_every, epochs, metric_every) if metric_every else ()
    listed = (*every, epochs) if metrics else ()
    models: dict[DiffusionTrial, int] = {}
    asked = []
    for trial in trials:
        trial = _with_schedule(trial, epochs)
        if _lacks_pool(trial):
            trial, model, pool_epochs = _with_pool(trial, diffusion)
            models[model] = pool_epochs
        trial = _with_k(trial, diffusion)
        costly = (metrics, listed) if isinstance(trial, VaeTrial) else ()
        asked.append(Wanted(trial, epochs, measure_every, *costly))
    first = [Wanted(model, length, _rows_every(length)) for model, length in models.items()]
    return first + list(dict.fromkeys(asked))


def _rows_every(epochs: int) -> int:
    """Epochs between two rows of a diffusion model: eight rows, more where they would be hours."""
    return max(1, min(LONGEST_BETWEEN_ROWS, epochs // 8))


def _with_schedule(trial: Trial, epochs: int) -> Trial:
    """The trial with the length of its mollification, where it was to be half of the epochs."""
    if not isinstance(trial, VaeTrial) or trial.source.mollify_epochs != HALF:
        return trial
    return replace(trial, source=replace(trial.source, mollify_epochs=max(1, epochs // 2)))


def _with_k(trial: Trial, diffusion: Diffusion | None) -> Trial:
    """A VAE on a pool that was named reads as much of it as of the preset's own."""
    if not isinstance(trial, VaeTrial) or not pool_of(trial) or trial.source.k:
        return trial
    if diffusion is None:
        raise UsageError(
            f"How many chunks of the pool {trial.source.pool} are to be read? Say it: "
            "--set source.k=K."
        )
    return replace(trial, source=replace(trial.source, k=diffusion.k))


def _lacks_pool(trial: Trial) -> bool:
    if isinstance(trial, VaeTrial):
        return trial.source.real_share < 1 and not trial.source.pool
    return isinstance(trial, TwoSampleTrial) and not trial.pool


def _with_pool(trial: Trial, diffusion: Diffusion | None) -> tuple[Trial, DiffusionTrial, int]:
    """The trial with its pool's name and k, the model of the pool, and the model's epochs."""
    if diffusion is None:
        field = "source.pool" if isinstance(trial, VaeTrial) else "pool"
        raise UsageError(
            f"The {trial.kind} trial on {trial.dataset} needs a pool, and this preset has no "
            f"diffusion model. Choose a pool: --set {field}=NAME."
        )
    vae = trial if isinstance(trial, VaeTrial) else None
    share = vae.source.diffusion_share if vae else getattr(trial, "share", 1.0)
    model = replace(
        diffusion.trial,
        dataset=trial.dataset,
        train_size=trial.train_size,
        split=trial.split,
        share=share,
    )
    pool = pool_name(model, diffusion.epochs)
    if vae:
        k = vae.source.k or diffusion.k
        trial = replace(vae, source=replace(vae.source, pool=pool, k=k))
    elif isinstance(trial, TwoSampleTrial):
        trial = replace(trial, pool=pool)
    return trial, model, diffusion.epochs
