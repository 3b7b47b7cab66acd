"""Trains in a process of its own and answers on standard output, for measurements on a GPU.

    python -m tests.benchmarks.gpu_worker cifar10 32 100 cast+compiled

trains once, so that all is compiled and captured, prints `ready`, and for each line with a number
of seconds that it reads, trains so long and prints the images per second.
"""

import sys
import time
from collections.abc import Callable

import torch

from scaling.presets import vae
from scaling.trial import VaeTrial
from tests.benchmarks.gpu_variants import epoch_of


def main() -> None:
    """Reads data set, n_c, batch and form from the command line; ends with standard input."""
    dataset, n_c, batch, form = sys.argv[1:]
    epoch = epoch_of(_trial(dataset, int(n_c), int(batch)), form)
    for _ in range(2):
        epoch()
    torch.cuda.synchronize()
    print("ready", flush=True)
    for line in sys.stdin:
        print(_rate(epoch, float(line)), flush=True)


def _trial(dataset: str, n_c: int, batch: int) -> VaeTrial:
    return vae(dataset, n_c=n_c, batch=batch, partition="train_and_test")


def _rate(epoch: Callable[[], int], seconds: float) -> float:
    epoch()
    torch.cuda.synchronize()
    begun, images = time.perf_counter(), 0
    while time.perf_counter() < begun + seconds:
        images += epoch()
    torch.cuda.synchronize()
    return images / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
