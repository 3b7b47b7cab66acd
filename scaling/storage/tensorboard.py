"""TensorBoard event files: a folder a trial, scalars by epoch, hparams from the first epoch on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

HIDDEN = {"epoch", "parameters", "parameters_z", "parameters_rest", "d_z", "seconds"}
HPARAM_METRICS = ("validation_elbo", "test_elbo", "generalization_gap")


class Events:
    """Writes one run; events beyond `epoch` that a killed process left are purged."""

    def __init__(self, folder: Path, epoch: int = 0) -> None:
        self.writer = SummaryWriter(str(folder), purge_step=epoch + 1 if epoch else None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.writer.close()

    def hparams(self, values: Mapping[str, Any]) -> None:
        """What the HParams tab tells of the run (`trial.headline`)."""
        known = str | int | float | bool
        told = {name: v if isinstance(v, known) else str(v) for name, v in values.items()}
        for summary in hparams(told, dict.fromkeys(HPARAM_METRICS, 0.0)):
            self.writer._get_file_writer().add_summary(summary)

    def row(self, row: Mapping[str, float | int | str]) -> None:
        """The row's metrics at its epoch, under their own names."""
        for name, value in row.items():
            if name not in HIDDEN and not isinstance(value, str):
                self.writer.add_scalar(name, value, row["epoch"])
        self.writer.flush()

    def images(self, arrays: Mapping[str, np.ndarray], levels: int, epoch: int) -> None:
        """Levels (N, C, H, W) as a grid: one row of pictures an array."""
        rows = [np.concatenate(list(images), axis=2) for images in arrays.values()]
        grid = np.concatenate(rows, axis=1).astype(np.float32) / (levels - 1)
        enlarged = grid.repeat(4, axis=1).repeat(4, axis=2)
        self.writer.add_image("_over_".join(arrays), enlarged, epoch)


def _numbers(row: Mapping[str, Any]) -> Iterator[str]:
    return (name for name, value in row.items() if not isinstance(value, str))


def write_rows(folder: Path, values: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> None:
    """The events of a trial that another study trained, from its rows."""
    with Events(folder) as events:
        events.hparams(values)
        for row in rows:
            events.row(row)


def write_mean(folder: Path, runs: Sequence[Sequence[Mapping[str, Any]]]) -> None:
    """The mean over seeds of every metric, at the epochs that all of them have."""
    by_epoch = [{row["epoch"]: row for row in rows} for rows in runs]
    shared = sorted(set.intersection(*(set(rows) for rows in by_epoch)))
    with Events(folder) as events:
        for epoch in shared:
            rows = [run[epoch] for run in by_epoch]
            names = set.intersection(*(set(_numbers(row)) for row in rows)) - HIDDEN
            means = {name: float(np.mean([row[name] for row in rows])) for name in sorted(names)}
            events.row(means | {"epoch": epoch})
