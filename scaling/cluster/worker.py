"""One trial on a worker: resume, iterate the run, write rows, checkpoints and done.

No Ray here: the same function serves a test, a notebook and Tune.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scaling.data.datasets import Dataset, split
from scaling.events import Events
from scaling.runs.vae import VaeRun
from scaling.store import TrialFolder, atomic
from scaling.trial import headline

CHECKPOINT_SHARE = 0.02  # of the run's time, at most, goes into checkpoints


@dataclass(frozen=True)
class Job:
    """What a worker must know beside the trial: how long, how often, where."""

    epochs: int
    measure_every: int
    tensorboard: Path | None = None  # folder of the study's event files
    device: str = "cpu"


def execute(
    folder: TrialFolder, data: Dataset, job: Job, report: Callable[[dict[str, Any]], None]
) -> None:
    """Trains the trial of the folder to `job.epochs`, from its newest readable checkpoint.

    `report` gets each row. A run that leaves the finite numbers is a failure at once: it would
    do so again.
    """
    trial = folder.trial()
    part = split(data, trial.train_size, trial.split)
    run = VaeRun(trial, part, job.epochs, job.measure_every, job.device)
    _resume(run, folder)
    events = job.tensorboard / folder.key if job.tensorboard else None
    try:
        if events is None:
            _train(run, folder, [report])
        else:
            with Events(events, run.epoch) as writer:
                writer.hparams(headline(trial))
                _train(run, folder, [writer.row, report])
                writer.images(run.arrays(), part.levels, run.epoch)
    except FloatingPointError as error:
        folder.fail(str(error))
        return
    _finish(run, folder)


def _resume(run: VaeRun, folder: TrialFolder) -> None:
    """Loads the newest state that fits and cuts the rows back to its epoch."""
    for state in folder.load_checkpoints():
        try:
            run.load_state_dict(state)
        except (KeyError, RuntimeError, ValueError):
            continue
        break
    rows = folder.cut_rows(run.epoch)
    if run.epoch and (not rows or rows[-1]["epoch"] < run.last_row["epoch"]):
        folder.append_row(run.last_row)


def _train(
    run: VaeRun, folder: TrialFolder, listeners: list[Callable[[dict[str, Any]], None]]
) -> None:
    saved, cost = time.monotonic(), 0.0
    for row in run:
        folder.append_row(row)
        for listen in listeners:
            listen(row)
        now = time.monotonic()
        if run.epoch == run.epochs or now - saved >= cost / CHECKPOINT_SHARE:
            folder.save_checkpoint(run.state_dict())
            saved = time.monotonic()
            cost = saved - now


def _finish(run: VaeRun, folder: TrialFolder) -> None:
    """Also for a run that was complete but for this: it may have been killed right here."""
    with atomic(folder.path / "arrays.npz") as stream:
        np.savez_compressed(stream, allow_pickle=False, **run.arrays())
    folder.finish(
        run.epoch,
        device=str(run.device),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
    )
