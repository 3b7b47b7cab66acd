"""What several trials on one GPU gain over one after another.

A small trial keeps a GPU busy for a part of its time only: the rest goes into launching its steps.
Under NVIDIA's MPS other trials use that rest; without it their processes take turns and gain
nothing. On an H200 four processes at n_c 16 and batch 100 trained 2.04 times as many images per
second under MPS as one does, and 1.01 times without it.
"""

from scaling.planning.costs import Machine, training_work
from scaling.trial import Trial

MOST = 2.0  # times what one process trains, however idle it leaves the GPU


def gain(trial: Trial, machine: Machine, share: float, mps: bool = True) -> float:
    """Returns how many times as much as alone the trials of this share train together.

    1 for whole GPUs, without MPS, and on CPUs; at most 1 / share.
    """
    if not (mps and 0 < share < 1):
        return 1.0
    work = training_work(trial, 1)
    busy = 1 - machine.launch * work.launches / machine.seconds(trial, work)
    return min(1 / share, 1 / max(busy, 1 / MOST))


def gpu_hours(hours: float, share: float, gained: float = 1.0) -> float:
    """Returns the hours that a GPU spends on work that takes `hours` alone on it.

    A share of a GPU is no faster than the whole: the trials beside it take their turns.
    """
    return hours / gained if 0 < share < 1 else hours * share
