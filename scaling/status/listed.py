"""Lists the trials of a study for a board: the line, the place and the replicate of each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scaling.trial import Trial, to_dict
from scaling.trial.validation import Fields

# Fields in which the trials of one line of a board may differ; all others separate lines.
WITHIN = ("kind", "m_z", "n_c", "seed", "split", "replicate", "pool", "source.pool")

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
        drawn = "" if self.replicate is None else f" replicate {self.replicate}"
        return f"{self.line}{place}{drawn} seed {self.seed}"


@dataclass(frozen=True)
class Seen:
    """Holds how far a trial is: a word of STATES, the last measured epoch, the error."""

    state: str = WAITING
    epoch: int = 0
    error: str = ""


def listed(trials: Mapping[str, Trial], epochs: Mapping[str, int]) -> dict[str, Listed]:
    """Lists trials by key, in their order; `epochs` are the epochs to train, by key."""
    flat = {key: _flat(to_dict(trial)) for key, trial in trials.items()}
    names = lines(flat, {key: trial.source_name or trial.kind for key, trial in trials.items()})
    return {key: _one(key, names[key], trial, epochs[key]) for key, trial in trials.items()}


def _one(key: str, line: str, trial: Trial, epochs: int) -> Listed:
    m_z, n_c = (getattr(trial, name, None) for name in ("m_z", "n_c"))
    return Listed(key, line, m_z, n_c, trial.replicate, trial.seed, epochs)


def lines(fields: Mapping[str, Mapping[str, object]], names: Mapping[str, str]) -> dict[str, str]:
    """Names the line of each trial: its source's name and the fields that vary under that name."""
    groups: dict[str, list[str]] = {}
    for key, name in names.items():
        groups.setdefault(name, []).append(key)
    found = {}
    for name, keys in groups.items():
        varying = _varying([fields[key] for key in keys])
        for key in keys:
            values = (f"{n.removeprefix('source.')}={fields[key].get(n)}" for n in varying)
            found[key] = ", ".join([name, *values])
    return {key: found[key] for key in names}


def _varying(fields: Iterable[Mapping[str, object]]) -> list[str]:
    values: dict[str, set[str]] = {}
    for each in fields:
        for name, value in each.items():
            values.setdefault(name, set()).add(repr(value))
    return [name for name, seen in values.items() if len(seen) > 1 and name not in WITHIN]


def _flat(fields: Fields) -> Fields:
    """Flattens a trial's fields; those of its source become `source.NAME`."""
    source = fields.get("source")
    inside = source if isinstance(source, dict) else {}
    outer = {name: value for name, value in fields.items() if name != "source"}
    return outer | {f"source.{name}": value for name, value in inside.items()}
