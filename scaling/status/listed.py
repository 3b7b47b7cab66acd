"""Lists the trials of a study for a board: the line, the place and the replicate of each."""

from collections.abc import Mapping
from dataclasses import dataclass

from scaling.trial import Trial, to_dict
from scaling.trial.varying import flat, lines

WAITING, BEGUN, RUNNING, DONE, FAILED = "waiting", "begun", "running", "done", "failed"
STATES = (DONE, RUNNING, BEGUN, WAITING, FAILED)
SHOWN = {"new": WAITING, "partial": BEGUN, "done": DONE, "failed": FAILED}  # the store's words


@dataclass(frozen=True)
class Listed:
    """Describes a trial for a board: its place, the epochs to train, and what was planned."""

    key: str
    line: str  # training distribution, and other fields that distinguish it at the same place
    m_z: int | None  # None unless it is a VAE
    n_c: int | None
    replicate: int | None  # number of the draw of all that is random; older trials: None
    seed: int
    epochs: int
    hours: float = 0.0  # planned for this launch, on one worker
    gpus: float = 0.0
    begun: int = 0  # the epoch that it had reached when the launch began
    left: bool = True  # True if this launch runs it

    def to_dict(self) -> dict[str, object]:
        """Returns the JSON form."""
        return dict(vars(self))

    @property
    def name(self) -> str:
        """Returns the trial in words: `normal m_z=1 n_c=16 seed 3`."""
        place = f" m_z={self.m_z} n_c={self.n_c}" if self.m_z is not None else ""
        replicate = "" if self.replicate is None else f" replicate {self.replicate}"
        return f"{self.line}{place}{replicate} seed {self.seed}"


@dataclass(frozen=True)
class Seen:
    """Holds how far a trial is: a word of STATES, the last measured epoch, the error."""

    state: str = WAITING
    epoch: int = 0
    error: str = ""


def listed(trials: Mapping[str, Trial], epochs: Mapping[str, int]) -> dict[str, Listed]:
    """Lists trials by key, in their order; `epochs` are the epochs to train, by key."""
    fields = {key: flat(to_dict(trial)) for key, trial in trials.items()}
    names = lines(fields, {key: trial.source_name or trial.kind for key, trial in trials.items()})
    return {key: _one(key, names[key], trial, epochs[key]) for key, trial in trials.items()}


def _one(key: str, line: str, trial: Trial, epochs: int) -> Listed:
    m_z, n_c = (getattr(trial, name, None) for name in ("m_z", "n_c"))
    return Listed(key, line, m_z, n_c, trial.replicate, trial.seed, epochs)
