"""How fast this machine is: a few seconds of training, kept by hardware in the user's cache.

What is measured solves seconds = work x speeds (`scaling.planning.costs`), no speed negative. It
runs in a process of its own, on one thread, whose GPU memory is free again afterwards.
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
from scaling.planning.hardware import hardware
from scaling.storage.files import read_json, write_json
from scaling.trial import VaeTrial
from scaling.trial.machine import cpus

EPOCHS = 4  # timed
BEFORE = {"cpu": 1, "cuda": 6}  # epochs that are not: until a GPU replays its steps
LIMIT_SECONDS = 60
GPU_BATCHES = 32  # times larger than on a CPU, so that arithmetic is seen beside launches
SPEEDS = ("launch", "flop", "value", "component")


@dataclass(frozen=True)
class Workload:
    """A trial that shows one speed, and how many images it trains on."""

    trial: VaeTrial
    images: int

    @property
    def work(self) -> Operations:
        """Of an epoch."""
        return training_work(replace(self.trial, train_size=self.images), 1)


PLAIN = VaeTrial("cifar10", likelihood="gaussian", precision="float32")
WIDE = Workload(replace(PLAIN, n_c=128, batch=16), 32)
WORKLOADS = (
    Workload(VaeTrial("digits", n_c=2, mixtures=1, batch=2), 40),  # launches
    WIDE,  # arithmetic
    Workload(replace(PLAIN, n_c=8, batch=256), 256),  # values
    Workload(VaeTrial("digits", n_c=2, mixtures=10, batch=256), 512),  # the likelihood
)


def cached_machine(on_gpu: bool) -> Machine:
    """The machine as it was measured before, else typical speeds; nothing is run."""
    name, size = hardware(on_gpu)
    typical = GPU if on_gpu else CPU_CORE
    entry = (read_json(_cache()) or {}).get(_entry(name)) if name else None
    if not isinstance(entry, dict) or set(entry) != {*SPEEDS, "bf16"}:
        return replace(typical, bytes=size or typical.bytes)
    name = name if on_gpu else f"one core of {name}, {cpus()} here"
    return replace(typical, name=name, bytes=size, basis="measured speeds", **entry)


def measured_machine(on_gpu: bool) -> Machine:
    """The machine, measured now if it never was; typical speeds where that fails."""
    name, _ = hardware(on_gpu)
    there = read_json(_cache()) or {}
    if name and _entry(name) not in there:
        command = [sys.executable, "-m", "scaling.planning.calibrate", "cuda" if on_gpu else "cpu"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=True
            )
            _cache().parent.mkdir(parents=True, exist_ok=True)
            write_json(_cache(), there | {_entry(name): json.loads(done.stdout)})
        except (OSError, ValueError, subprocess.SubprocessError):
            pass  # the plan says on what its hours rest
    return cached_machine(on_gpu)


def _entry(name: str) -> str:
    return f"{name}, torch {version('torch')}"


def _cache() -> Path:
    """Where measured speeds are kept: in the cache of the user, or in a temporary one."""
    try:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # neither HOME nor an entry in passwd
        root = Path(tempfile.gettempdir(), f"scaling-vae-{os.getuid()}")
    return root / "scaling-vae" / "speeds.json"


def solve(equations: Sequence[tuple[Operations, float]]) -> dict[str, float]:
    """The speeds of which the work of each probe takes its seconds, none negative."""
    import numpy as np
    from scipy.optimize import nnls

    work = np.array([work for work, _ in equations])
    seconds = np.array([took for _, took in equations])
    scale = work.max(0)  # amounts differ by ten orders of magnitude
    found, _ = nnls(work / seconds[:, None] / scale, np.ones(len(seconds)))
    return dict(zip(SPEEDS, (found / scale).tolist(), strict=True))


def calibrate(device: str) -> dict[str, float]:
    """The speeds of a device, `cpu` or `cuda`."""
    import torch

    torch.set_num_threads(1)
    probes = [_enlarged(probe, device) for probe in WORKLOADS]
    took = [_seconds(probe, device) for probe in probes]
    found = solve([(probe.work, seconds) for probe, seconds in zip(probes, took, strict=True)])
    wide = probes[WORKLOADS.index(WIDE)]
    auto = replace(wide, trial=replace(wide.trial, precision="auto"))
    return found | {"bf16": _seconds(auto, device) / took[WORKLOADS.index(WIDE)]}


def _enlarged(probe: Workload, device: str) -> Workload:
    """The probe as it is on a GPU; the one of launches stays small."""
    if device == "cpu" or probe is WORKLOADS[0]:
        return probe
    batch = probe.trial.batch * GPU_BATCHES
    return Workload(replace(probe.trial, batch=batch), probe.images * GPU_BATCHES)


def _seconds(probe: Workload, device: str) -> float:
    """Of an epoch on made-up images; on a CPU of the process alone, whatever else runs there."""
    import numpy as np

    from scaling.data.datasets import Dataset
    from scaling.models.layers import row_of
    from scaling.runs.vae import VaeRun

    trial, row = probe.trial, row_of(probe.trial)
    draw = np.random.default_rng(0).integers
    train, test = (
        draw(0, row.levels, (count, row.channels, row.side, row.side), dtype=np.uint8)
        for count in (probe.images, 2)
    )
    none = np.zeros(0, int)
    data, before = Dataset("probe", train, test, none, none, row.levels), BEFORE[device]
    run = VaeRun(trial, data, before, before + EPOCHS, device)
    clock = time.process_time if device == "cpu" else time.perf_counter
    list(run)
    run.epochs = before + EPOCHS
    begun = clock()
    list(run)  # measured once, at its end
    trained = clock()
    run.measure()
    return max(2 * trained - begun - clock(), 1e-9) / EPOCHS


if __name__ == "__main__":
    print(json.dumps(calibrate(sys.argv[1])))
