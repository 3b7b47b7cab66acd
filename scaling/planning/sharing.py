"""Estimates the gain of several concurrent trials on one GPU over one after another.

A small trial occupies a GPU only part of the time, because launching its kernels takes the rest.
Under NVIDIA's MPS other trials use that rest; without MPS the processes take turns and gain
nothing. On an H200 four processes at n_c 16 and batch 100 trained 2.04 times as many images per
second under MPS as one process, and 1.01 times without MPS. Nine at n_c 8, 32 and 128 trained 2.4
times as many as one after another.
"""

from scaling.planning.costs import Machine, training_work
from scaling.trial import Trial
from scaling.trial.placement import per_gpu

MOST = 2.4  # largest gain over one process, however idle it leaves the GPU


def gain(trial: Trial, machine: Machine, share: float, mps: bool = True) -> float:
    """Returns the joint speed of trials with this share of a GPU over that of one trial alone.

    It is 1 for whole GPUs, without MPS, and on CPUs, and at most the number of trials on a GPU.
    """
    if not (mps and 0 < share < 1):
        return 1.0
    work = training_work(trial, 1)
    busy = 1 - machine.launch * work.launches / machine.seconds(trial, work)
    return min(per_gpu(share), 1 / max(busy, 1 / MOST))


def gpu_hours(hours: float, share: float, gained: float = 1.0) -> float:
    """Returns the hours that a GPU spends on work that takes `hours` alone on it.

    A share of a GPU does not multiply its speed, since the trials that share it take turns.
    """
    return hours / gained if 0 < share < 1 else hours * share
