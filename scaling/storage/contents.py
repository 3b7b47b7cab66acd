"""Describes the JSON files of a results folder, as this version writes them.

Files of earlier versions lack fields, and in a damaged file a value may have any type: a reader
checks the values that it uses. `docs/results-format.md` describes the folder.
"""

from typing import Any, Literal, NotRequired, TypedDict

from scaling.storage.provenance import Code, LaunchEntry
from scaling.trial.validation import Fields


class ProcessSpace(TypedDict, total=False):
    """Names the processes among which process ids are unique."""

    boot: str  # the machine's boot id
    pid_namespace: str


class Holder(ProcessSpace, total=False):
    """Describes `launch.lock`; a damaged file may have values of other types."""

    id: str  # of the launch
    host: str
    pid: int
    started: str | None  # the process's start time, to tell it from a later one of that id
    beat: str  # the counter


class TrainingSeconds(TypedDict):
    """Holds where the time of a trial's last process went."""

    training: float
    measuring: float


class Done(TypedDict, total=False):
    """Describes `done.json`; TrialFolder.done returns one with a valid state, epoch and rows."""

    state: Literal["done", "failed"]
    epoch: int  # reached
    rows: list[int]  # the epochs of all rows
    error: str  # of a trial that failed, or whose loss was not finite
    censored: str  # the reason if a rule ended it early
    device: str
    hardware: str  # the model of the GPU, or of the processor
    threads: int
    torch: str
    code: Code
    host: str
    span: list[float]  # start and end of its last process, in seconds since 1970
    profile: TrainingSeconds
    peak_bytes: int  # memory of its last process; see `scaling.runs.peak_memory`
    gpu: tuple[str, float]  # Ray's name of the GPU, and the share of it
    micro_batch: int
    chunks: dict[str, str]  # SHA-256 of the chunks that it read, by number


class Epochs(TypedDict):
    """Holds the number of epochs of a study's trial."""

    epochs: int


class RungRecord(TypedDict):
    """Describes a rung of successive halving: how many points reach how many epochs."""

    epochs: int
    points: int


class SearchedPoint(TypedDict):
    """Describes a point of a search in one cell: its values, trials and scores."""

    values: dict[str, object]
    keys: list[str]
    epochs: int
    scores: dict[str, float | None]  # by epoch; None: a trial failed or ended early
    chosen: bool


class SearchRecord(TypedDict):
    """Describes a search."""

    ranges: dict[str, str]  # by field, as typed
    samples: int
    points: str  # how they were drawn
    over: str
    halving: int | None
    rungs: list[RungRecord]
    chosen_by: str | None
    cells: list[list[SearchedPoint]]


class RatesRecord(TypedDict):
    """Describes the learning rates that `--lr-from` took from a study."""

    study: str
    chosen_by: str
    cells: list[dict[Any, Any]]  # the table of the best rates, made by pandas
    fixed: list[str]  # keys of the trials with the preset's rate
    tuned: list[str]  # keys of the trials with their cell's rate


class Record(TypedDict):
    """Holds what `study.json` stores of a study whose trials depend on results."""

    search: SearchRecord | None
    rates: RatesRecord | None


class StudyFile(TypedDict, total=False):
    """Describes `study.json`."""

    study: str
    preset: str
    trials: dict[str, Epochs]
    launches: list[LaunchEntry]
    search: SearchRecord
    rates: RatesRecord


class PlanRowJson(TypedDict):
    """Describes a trial in a plan; m_z, n_c, source and share are None where it has none."""

    key: str
    kind: str
    dataset: str
    m_z: int | None
    n_c: int | None
    source: str | None
    share: float | None
    replicate: int | None
    seed: int
    epochs: int
    parameters: int
    parameters_z: int
    parameters_rest: int
    flops: int
    memory_bytes: int
    context_bytes: int
    advice: str | None
    micro_batch: int | None
    gpus: float
    hours: float
    disk_bytes: int
    state: str
    varying: NotRequired[Fields]  # in which the trials of its source differ, besides m_z and n_c


class PoolRowJson(TypedDict):
    """Describes a pool in a plan."""

    pool: str
    k: int
    bytes: int
    left_bytes: int
    hours: float
    gpus: float
    store_bytes: int
    fits: bool


class PlanJson(TypedDict, total=False):
    """Describes a plan, as `--dry-run --json` prints it; `plan.json` holds most of it."""

    machine: str
    basis: str
    trials: list[PlanRowJson]
    pools: list[PoolRowJson]
    total: dict[str, object]  # the fields of scaling.planning.plan.Total
