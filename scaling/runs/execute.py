"""Runs one trial to its end in a folder: resumes, trains, writes rows, checkpoints, done.json.

It needs no Ray: the same function serves a script, a notebook, a test and Ray Tune. PyTorch is
imported with the run of a trial, so that a driver, which only describes jobs, starts without it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from scaling.data.datasets import Dataset
from scaling.data.partition import divided
from scaling.runs.ledger import Ledger
from scaling.runs.live_pictures import LivePictures
from scaling.runs.peak_memory import forget_peak, peak_bytes
from scaling.runs.same_data import check_fingerprint, check_same_data
from scaling.runs.saver import Saver
from scaling.storage.files import remove_abandoned
from scaling.storage.lock import Fence
from scaling.storage.provenance import code, made_by
from scaling.storage.rows import Row
from scaling.storage.tensorboard import Events, EventsPlace
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import Trial
from scaling.trial.hardware import hardware

if TYPE_CHECKING:
    import torch

    from scaling.data.sources import ReadChunk
    from scaling.runs.run import Run


@dataclass(frozen=True)
class Job:
    """Tells a worker how to run a trial: for how long, how often to measure, and where."""

    epochs: int
    measure_every: int
    tensorboard: EventsPlace | None = None  # where the trial's event files are written
    device: str = "cpu"
    kept_epochs: tuple[int, ...] = ()  # epochs whose models are kept, for costly metrics
    gpu: tuple[str, float] | None = None  # Ray's name of the GPU, and the share of it
    micro_batch: int | None = None  # images of a step in memory at a time; None: all
    hung_after_s: float = 0.0  # a process is ended after this long without an epoch; 0: never
    fence: Fence | None = None  # the launch's lock: nothing is written once another launch has it


def make_run(trial: Trial, part: Dataset, job: Job, read_chunk: "ReadChunk | None") -> "Run":
    """Returns the run of the trial's kind on its part of a data set.

    The module of the kind is imported here: torchvision is slow.
    """
    run: Callable[..., Run] = import_module(f"scaling.runs.{trial.kind}").RUN
    when = (job.epochs, job.measure_every)
    more = {"micro_batch": job.micro_batch} if trial.accumulates else {}
    return run(trial, part, *when, job.device, read_chunk, job.kept_epochs, **more)


def execute(
    folder: TrialFolder,
    data: Dataset,
    job: Job,
    report: Callable[[Row], None],
    read_chunk: "ReadChunk | None" = None,
    checksums: Mapping[int, str] = MappingProxyType({}),
    beat: Callable[[], None] = lambda: None,
) -> None:
    """Trains the trial of the folder up to `job.epochs`, from its newest readable checkpoint.

    The folder has been `create`d for the trial; D_train is split off `data` here. Rows, checkpoints
    and finally `done.json` are written, so that the same call after a crash continues where it
    stopped. `report` is called with each row, `beat` after every epoch without one. `read_chunk(i)`
    returns chunk i of the trial's pool, uint8 levels (N, C, H, W), whose SHA-256 is `checksums[i]`.
    A loss that is not finite marks the trial as failed. Raises UsageError if the folder belongs to
    another trial, and if the trial began on other images.
    """
    began = time.time()
    code()  # caches the hash of the code now: files may change while the trial trains
    trial = folder.trial()
    part = divided(data, trial.part)
    if folder.reached():
        check_same_data(folder, part)
    remove_abandoned(folder.path)
    ledger = Ledger(read_chunk, checksums, part.fingerprint)
    run = _resumed(lambda: make_run(trial, part, job, ledger), folder, ledger, part)
    trained = run.seconds
    forget_peak(job.device)
    saver = Saver(run, folder, ledger, beat, job.fence)
    try:
        inside = _shown(run, folder, saver, job, report, data.levels)
    except FloatingPointError as error:
        saver.check_fence()
        _diverged(run, folder, str(error))
        return
    training = run.seconds - trained
    saver.check_fence()
    facts = {"profile": {"training": training, "measuring": inside - training}}
    _finish(run, folder, ledger, job, span=[began, time.time()], **facts)


def _shown(
    run: "Run",
    folder: TrialFolder,
    saver: Saver,
    job: Job,
    report: Callable[[Row], None],
    levels: int,
) -> float:
    """Trains, and writes TensorBoard's events if requested; returns seconds as `_train` does."""
    place = job.tensorboard
    if place is None:
        return _train(run, folder, saver, [report], job.kept_epochs)
    with Events(place.folder, run.epoch, kind=place.kind) as writer:
        writer.hparams(place.hparams)
        pictures = LivePictures(run, writer, levels)
        return _train(run, folder, saver, [writer.row, pictures.row, report], job.kept_epochs)


def _diverged(run: "Run", folder: TrialFolder, error: str) -> None:
    """Marks the trial as failed, or as censored if its stopping rule covers divergence."""
    if run.censors_divergence:
        folder.finish(folder.reached(), censored="diverged", error=error, **made_by())
    else:
        folder.fail(error, **made_by())


def _resumed(
    new_run: Callable[[], "Run"], folder: TrialFolder, ledger: Ledger, part: Dataset
) -> "Run":
    """Returns a run with the newest state that fits, and cuts the rows back to its epoch.

    A state is skipped if some of its rows are lost: they would be missing forever. One that does
    not fit may have been loaded in part, so that a new run takes the place of the old.
    """
    run = new_run()
    on_disk = {row["epoch"] for row in folder.rows()}
    for state in folder.load_checkpoints():
        check_fingerprint(folder, state.get("fingerprint"), part)
        measured = state.get("rows", [])
        if not set(measured[:-1]) <= on_disk:  # the last row is in the state itself
            continue
        try:
            run.load_state_dict(state)
        except (KeyError, RuntimeError, ValueError):
            run = new_run()
            continue
        ledger.checksums = ledger.recorded(state.get("chunks", {}))
        break
    rows = folder.cut_rows(run.epoch)
    if run.last_row and (not rows or rows[-1]["epoch"] < run.last_row["epoch"]):
        folder.append_row(run.last_row)
    measured = int(run.last_row.get("epoch", 0))
    if run.epoch >= run.epochs > measured:  # it was trained further than is requested now
        run.last_row = run.measure() | run.censoring()
        folder.append_row(run.last_row)
    ledger.rows = [row["epoch"] for row in folder.rows()]
    return run


def _train(
    run: "Run",
    folder: TrialFolder,
    saver: Saver,
    listeners: list[Callable[[Row], None]],
    kept_epochs: Sequence[int],
) -> float:
    """Trains to the end; returns the seconds of training and measuring, without writing."""
    start, outside = time.monotonic(), 0.0
    run.between = saver.between_rows
    for row in run:
        handed = time.monotonic()
        saver.check_fence()
        folder.append_row(row)
        saver.ledger.rows.append(run.epoch)
        for listen in listeners:
            listen(row)
        if run.epoch in kept_epochs:
            folder.keep_model(run.state_dict())
        saver.at_row()
        outside += time.monotonic() - handed
    return time.monotonic() - start - outside - saver.between_seconds


def _hardware(device: "torch.device") -> str:
    """Returns the model of the GPU or processor that trains, as plans name it."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return hardware(on_gpu=False)[0]


def _finish(run: "Run", folder: TrialFolder, ledger: Ledger, job: Job, **facts: object) -> None:
    """Writes the arrays and `done.json`.

    It is also called for a run that had finished training: it may have been killed right here.
    """
    import torch

    peak = peak_bytes(job.device)
    folder.merge_arrays(run.arrays())
    folder.finish(
        int(run.last_row["epoch"]),
        device=str(run.device),
        hardware=_hardware(run.device),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        rows=ledger.rows,
        **made_by(),
        **({"censored": run.stopped} if run.stopped else {}),
        **facts,
        **({"peak_bytes": peak} if peak else {}),
        **({"gpu": job.gpu} if job.gpu else {}),
        **({"micro_batch": job.micro_batch} if job.micro_batch else {}),
        **({"chunks": ledger.checksums} if ledger.checksums else {}),
    )
