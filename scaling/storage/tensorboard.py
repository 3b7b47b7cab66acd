"""Writes TensorBoard event files: scalars by epoch, hyperparameters, texts, pictures of one run.

Records are written directly, without TensorBoard's writer thread, so that a disk error is raised
where it happens. `study_events` decides which runs a study has.
"""

import errno
import io
import itertools
import os
import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import summary_v2
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from scaling.storage.rows import Row
from scaling.storage.run_names import Hparam

HOME = "tensorboard"  # first part of the names of a study's TensorBoard folders

HIDDEN = {"epoch", "parameters", "parameters_z", "parameters_rest", "d_z", "seconds",
          "train_images", "validation_images", "test_images", "drawn_from"}  # fmt: skip
GROUPS = {  # group of a tag -> prefixes, or suffixes from "_", of its columns; first match wins
    "kl": ("train_kl", "test_kl", "symmetric_kl"),
    "gap": ("generalization_gap", "amortization_gap", "robustness_gap"),
    "elbo": ("_elbo", "iwae_", "test_bits_per_dim", "_reconstruction"),
    "robustness": ("ms_ssim_", "robustness_"),
    "representation": ("accuracy_",),
    "quality": ("fid", "inception_score", "psnr_", "roughness", "interpolation_"),
    "speed": ("images_per_s", "images_seen", "training_flops"),
}
SIDE = 32  # minimum size of a picture on the screen, in pixels
GAP = 2  # white pixels between pictures
NUMBERS = itertools.count()


@dataclass(frozen=True)
class EventsPlace:
    """Holds the folder of one trial's events, its values in the HParams tab, and its kind."""

    folder: Path
    hparams: Mapping[str, Hparam] = field(default_factory=dict)
    kind: str = "vae"


def tag_of(name: str, kind: str = "vae") -> str:
    """Returns the tag of a column: its group and its name, as in `elbo/test_elbo`.

    Trials other than VAEs have a group for each kind, since their epochs would stretch the VAEs'
    axes. TensorBoard sorts groups by name and opens the first: `model_...` comes after `elbo`.
    """
    if kind != "vae":
        return f"model_{kind}/{name}"
    fits = (g for g, parts in GROUPS.items() if any(_fits(name, part) for part in parts))
    return f"{next(fits, 'other')}/{name}"


def _fits(name: str, part: str) -> bool:
    return name.endswith(part) if part.startswith("_") else name.startswith(part)


class Events:
    """Writes one run into a new event file in its folder.

    Steps beyond `epoch` in the folder's other files are discarded: a killed process left them. With
    `replace`, all their steps are. `meanings` are descriptions of columns, `kind` is the trial's.
    """

    def __init__(
        self,
        folder: Path,
        epoch: int = 0,
        replace: bool = False,
        meanings: Mapping[str, str] | None = None,
        kind: str = "vae",
    ) -> None:
        _make(folder)
        self.path = folder / _file_name()
        self.stream = open(self.path, "xb")
        self.records = RecordWriter(self.stream)
        self.meanings, self.kind = meanings or {}, kind
        self.described: set[str] = set()
        self._write(file_version="brain.Event:2")
        if epoch or replace:
            self.take_back(0 if replace else epoch + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stream.close()

    def _write(self, **content: Any) -> None:
        event = event_pb2.Event(wall_time=time.time(), **content)
        self.records.write(event.SerializeToString())

    def _summary(self, step: int, *values: Any) -> None:
        self._write(step=step, summary=summary_pb2.Summary(value=values))

    def take_back(self, step: int) -> None:
        """Discards everything that was written for this step and later ones."""
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._write(step=step, session_log=start)

    def hparams(self, values: Mapping[str, object], group: str | None = None) -> None:
        """Writes the run's values in the HParams tab.

        Runs of one `group`, by default those with equal values, form one line there.
        """
        self._write(summary=summary_v2.hparams_pb(_plain(values), trial_id=group))

    def add(self, value: Any) -> None:
        """Adds a description of a tab that `scaling.storage.dashboards` has made."""
        self._summary(0, value)

    def scalar(self, tag: str, number: float, step: int, meaning: str = "") -> None:
        """Writes one number; `meaning` appears beside its chart."""
        value = summary_pb2.Summary.Value(tag=tag, simple_value=number)
        if meaning and tag not in self.described:
            value.metadata.summary_description = meaning
            value.metadata.plugin_data.plugin_name = "scalars"
            value.metadata.data_class = summary_pb2.DATA_CLASS_SCALAR
            self.described.add(tag)
        self._summary(step, value)

    def row(self, row: Row) -> None:
        """Writes the row's numbers at its epoch, under the tags of `tag_of`."""
        for name, value in row.items():
            if name not in HIDDEN and isinstance(value, int | float):
                meaning = self.meanings.get(name, "")
                self.scalar(tag_of(name, self.kind), value, row["epoch"], meaning)
        self.flush()

    def text(self, tag: str, markdown: str, step: int = 0) -> None:
        """Writes a text, shown as Markdown."""
        self._write(step=step, summary=text_pb(tag, markdown))

    def png(self, tag: str, content: bytes, step: int) -> None:
        """Writes a picture, given as the content of a PNG file."""
        width, height = struct.unpack(">II", content[16:24])
        image = summary_pb2.Summary.Image(
            width=width, height=height, colorspace=4, encoded_image_string=content
        )
        self._summary(step, summary_pb2.Summary.Value(tag=tag, image=image))

    def images(self, arrays: Mapping[str, np.ndarray], levels: int, epoch: int) -> None:
        """Writes each array of levels (N, C, H, W) as one strip of pictures with its own tag."""
        for name, array in arrays.items():
            self.png(f"images/{name}", strip(array, levels), epoch)
        self.flush()

    def flush(self) -> None:
        """Flushes the file, so that a running TensorBoard sees what was written."""
        self.stream.flush()


def _make(folder: Path) -> None:
    """Makes a run's folder, but no study's folder: results that have vanished may come back.

    Raises FileNotFoundError if the folder above `tensorboard`, `tensorboard-means` or
    `tensorboard-replicates` does not exist.
    """
    homes = [p for p in (folder, *folder.parents) if p.name.partition("-")[0] == HOME]
    if homes and not homes[0].parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(homes[0].parent))
    folder.mkdir(parents=True, exist_ok=True)


def _file_name() -> str:
    """Returns a new file's name that sorts after the existing ones, as TensorBoard requires."""
    return f"events.out.tfevents.{time.time():.6f}.{os.getpid()}.{next(NUMBERS)}"


def _plain(values: Mapping[str, object]) -> dict[str, Hparam]:
    return {n: v if isinstance(v, str | int | float | bool) else str(v) for n, v in values.items()}


def strip(images: np.ndarray, levels: int) -> bytes:
    """Returns a PNG of images, levels (N, C, H, W), enlarged, side by side with white gaps."""
    from PIL import Image

    scaled = np.round(images.astype(np.float32) * (255 / (levels - 1))).astype(np.uint8)
    factor = max(1, SIDE // images.shape[-1])
    large = scaled.repeat(factor, axis=2).repeat(factor, axis=3)
    margin = [(0, 0), (0, 0), (GAP, GAP), (GAP, GAP)]
    row = np.concatenate(list(np.pad(large, margin, constant_values=255)), axis=2)
    pixels = row.transpose(1, 2, 0)
    stream = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(stream, "png")
    return stream.getvalue()


def write_rows(place: EventsPlace, rows: Iterable[Row]) -> None:
    """Writes the events of a trial that another study trained, from its rows."""
    with Events(place.folder, kind=place.kind) as events:
        events.hparams(place.hparams)
        for row in rows:
            events.row(row)
