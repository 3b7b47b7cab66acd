"""Measures the speed of this machine by a few seconds of training, and caches it by hardware.

The speeds, none negative, solve seconds = work x speeds (`scaling.planning.costs`). The
measurement runs in a process of its own, on one thread, so that its GPU memory is freed afterwards.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from scaling.models.layers import Operations
from scaling.planning.costs import CPU_CORE, GPU, Machine, training_work
from scaling.storage.files import read_json, write_json
from scaling.trial import VaeTrial
from scaling.trial.answers import printed
from scaling.trial.hardware import hardware
from scaling.trial.machine import cpus

EPOCHS = 4  # number of timed epochs
BEFORE = {"cpu": 1, "cuda": 6}  # epochs before those, after which a GPU replays its steps
LIMIT_SECONDS = {"cpu": 60, "cuda": 180}  # cuDNN tries many ways for each convolution first
GPU_BATCHES = 32  # factor of batches on a GPU, so that not only kernel launches take time
SPEEDS = ("launch", "flop", "value", "component")


@dataclass(frozen=True)
class Workload:
    """Describes a trial whose duration depends mainly on one speed, and its number of images."""

    trial: VaeTrial
    images: int

    @property
    def work(self) -> Operations:
        """Returns the operations of an epoch."""
        return training_work(self.trial, 1, images=self.images)


PLAIN = VaeTrial("cifar10", likelihood="gaussian", precision="float32")
WIDE = Workload(replace(PLAIN, n_c=128, batch=16), 32)
WORKLOADS = (
    Workload(VaeTrial("digits", n_c=2, mixtures=1, batch=2), 40),  # launches
    WIDE,  # arithmetic
    Workload(replace(PLAIN, n_c=8, batch=256), 256),  # values
    Workload(VaeTrial("digits", n_c=2, mixtures=10, batch=256), 512),  # the likelihood
)


def cached_machine(on_gpu: bool) -> Machine:
    """Returns the machine with its cached speeds, or with typical ones; measures nothing."""
    name, size = hardware(on_gpu)
    typical = GPU if on_gpu else CPU_CORE
    entry = (read_json(_cache()) or {}).get(_entry(name)) if name else None
    if not isinstance(entry, dict) or set(entry) != {*SPEEDS, "bf16"}:
        return replace(typical, bytes=size or typical.bytes, model=name)
    known = replace(typical, bytes=size, model=name, basis="measured speeds", **entry)
    return replace(known, name=name if on_gpu else f"one core of {name}, {cpus()} here")


def measured_machine(on_gpu: bool) -> Machine:
    """Returns the machine, measured now if it never was, or with typical speeds if that fails."""
    name, _ = hardware(on_gpu)
    cached = read_json(_cache()) or {}
    if name and _entry(name) not in cached:
        device = "cuda" if on_gpu else "cpu"
        command = [sys.executable, "-m", "scaling.planning.calibrate", device]
        try:
            speeds = json.loads(printed(command, LIMIT_SECONDS[device]))
            _cache().parent.mkdir(parents=True, exist_ok=True)
            write_json(_cache(), cached | {_entry(name): speeds})
        except (OSError, ValueError, subprocess.SubprocessError):
            pass  # the plan then says that its hours are based on typical speeds
    return cached_machine(on_gpu)


def _entry(name: str) -> str:
    return f"{name}, torch {version('torch')}"


def _cache() -> Path:
    """Returns the file of measured speeds, in the user's cache or else in a temporary folder."""
    try:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # neither HOME nor an entry in passwd
        root = Path(tempfile.gettempdir(), f"scaling-vae-{os.getuid()}")
    return root / "scaling-vae" / "speeds.json"


def solve(equations: Sequence[tuple[Operations, float]]) -> dict[str, float]:
    """Fits speeds, none negative, so that the work of each workload takes its measured seconds."""
    import numpy as np
    from scipy.optimize import nnls

    work = np.array([work for work, _ in equations])
    seconds = np.array([took for _, took in equations])
    scale = work.max(0)  # amounts differ by ten orders of magnitude
    solution, _ = nnls(work / seconds[:, None] / scale, np.ones(len(seconds)))
    return dict(zip(SPEEDS, (solution / scale).tolist(), strict=True))


def calibrate(device: str) -> dict[str, float]:
    """Measures the speeds of a device, `cpu` or `cuda`."""
    import torch

    torch.set_num_threads(1)
    loads = [_enlarged(load, device) for load in WORKLOADS]
    took = [_seconds(load, device) for load in loads]
    speeds = solve([(load.work, seconds) for load, seconds in zip(loads, took, strict=True)])
    wide = loads[WORKLOADS.index(WIDE)]
    auto = replace(wide, trial=replace(wide.trial, precision="auto"))
    return speeds | {"bf16": _seconds(auto, device) / took[WORKLOADS.index(WIDE)]}


def _enlarged(load: Workload, device: str) -> Workload:
    """Returns a workload as large as a GPU needs it, except that for kernel launches."""
    if device == "cpu" or load is WORKLOADS[0]:
        return load
    batch = load.trial.batch * GPU_BATCHES
    return Workload(replace(load.trial, batch=batch), load.images * GPU_BATCHES)


def _seconds(load: Workload, device: str) -> float:
    """Measures the seconds of an epoch on random images.

    On a CPU it is the processor time of this process, which does not depend on other processes.
    """
    import numpy as np

    from scaling.data.datasets import Dataset
    from scaling.models.layers import images_of_trial
    from scaling.runs.vae import VaeRun

    trial, row = load.trial, images_of_trial(load.trial)
    draw = np.random.default_rng(0).integers
    train, test = (
        draw(0, row.levels, (count, row.channels, row.side, row.side), dtype=np.uint8)
        for count in (load.images, 2)
    )
    none = np.zeros(0, int)
    data, before = Dataset("probe", train, test, none, none, row.levels), BEFORE[device]
    run = VaeRun(trial, data, before, before + EPOCHS, device)
    clock = time.process_time if device == "cpu" else time.perf_counter
    list(run)
    run.epochs = before + EPOCHS
    start = clock()
    list(run)  # metrics are measured once, at the end, whose time is subtracted below
    trained = clock()
    run.measure()
    return max(2 * trained - start - clock(), 1e-9) / EPOCHS


if __name__ == "__main__":
    print(json.dumps(calibrate(sys.argv[1])))
