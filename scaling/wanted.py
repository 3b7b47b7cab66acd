"""What a launch asks for: trials with their epochs, and the diffusion models that they draw on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from scaling.checked import UsageError
from scaling.trial import DiffusionTrial, Trial, VaeTrial, key


@dataclass(frozen=True)
class Wanted:
    """A trial, how long it is trained, and every how many epochs it is measured."""

    trial: Trial
    epochs: int
    measure_every: int

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
    return f"{PurePath(trial.dataset).stem}-{trial.share:g}-{key(trial)}-e{epochs}"


def pool_of(trial: VaeTrial) -> str | None:
    """The pool that the trial's source reads, if any."""
    return trial.source.pool if trial.source.real_share < 1 else None


def complete(
    trials: Sequence[Trial], epochs: int, measure_every: int, diffusion: Diffusion | None
) -> list[Wanted]:
    """The trials with their pools filled in, and first the diffusion trials that those need."""
    models: dict[DiffusionTrial, int] = {}
    asked = []
    for trial in trials:
        if isinstance(trial, VaeTrial) and trial.source.real_share < 1 and not trial.source.pool:
            trial, model, pool_epochs = _with_pool(trial, diffusion)
            models[model] = pool_epochs
        asked.append(Wanted(trial, epochs, measure_every))
    first = [Wanted(model, length, max(1, length // 8)) for model, length in models.items()]
    return first + asked


def _with_pool(
    trial: VaeTrial, diffusion: Diffusion | None
) -> tuple[VaeTrial, DiffusionTrial, int]:
    """The trial with its pool's name and k, the model of the pool, and the model's epochs."""
    if diffusion is None:
        raise UsageError(
            f"The source {trial.source.name!r} needs a pool, and this preset has no diffusion "
            "model. Choose one with --set source.pool=NAME source.k=10."
        )
    model = _model(trial, diffusion)
    pool, k = pool_name(model, diffusion.epochs), trial.source.k or diffusion.k
    return replace(trial, source=replace(trial.source, pool=pool, k=k)), model, diffusion.epochs


def _model(trial: VaeTrial, diffusion: Diffusion) -> DiffusionTrial:
    return replace(
        diffusion.trial,
        dataset=trial.dataset,
        train_size=trial.train_size,
        split=trial.split,
        share=trial.source.diffusion_share,
    )
