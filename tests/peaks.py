"""Measures peak memory of training and measuring trials: `python -m tests.peaks`, JSON in and out.

It is a separate process, because a peak belongs to a process. It needs Linux, where the peak can be
reset between trials.
"""

import ctypes
import gc
import json
import sys
from pathlib import Path

import numpy as np


def read(name):
    """Returns `VmHWM` or `VmRSS` of this process in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def peak(trial):
    """Returns the bytes before a run of two batches and its measurement, and their peak."""
    from scaling.data.datasets import Dataset
    from scaling.models.layers import images_of_trial
    from scaling.runs.execute import Job, make_run

    row = images_of_trial(trial)
    draw = np.random.default_rng(0).integers
    train, test = (
        draw(0, row.levels, (n, row.channels, row.side, row.side), dtype=np.uint8)
        for n in (trial.train_size, 512)
    )
    none = np.zeros(0, int)
    data = Dataset("made up", train, test, none, none, row.levels, official_test=True)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = read("VmRSS")
    for _ in make_run(trial, data, Job(1, 1), lambda index: train):
        pass
    return before, read("VmHWM")


if __name__ == "__main__":
    import torch

    from scaling.trial import from_dict

    torch.set_num_threads(1)

    print(json.dumps([peak(from_dict(values)) for values in json.load(sys.stdin)]))
