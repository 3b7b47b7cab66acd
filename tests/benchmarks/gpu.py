"""Compares training on a GPU at 3x32x32, batch 256, with the naive loop and matrix products."""

import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from scaling.data.datasets import Dataset
from scaling.models.flops import training_flops
from scaling.runs.vae import VaeRun
from scaling.trial import VaeTrial
from tests.benchmarks.naive_step import Loop, PlainVAE
from tests.benchmarks.results import Result

WIDTHS = (8, 32, 64, 128, 256, 512)
LAUNCH_BOUND = 64  # the widest network whose time is spent on launches rather than on arithmetic
TIMES_NAIVE, SHARE_OF_PEAK = 5.0, 0.35  # goals; the latter for the widest network
BATCH, BATCHES, SIDE = 256, 64, 8192


def measure() -> list[Result]:
    """Measures images per second and FLOP/s of whole epochs; [] without a GPU."""
    if not torch.cuda.is_available():
        print("gpu: not measured, there is no CUDA device", file=sys.stderr)
        return []
    rate = _matmul_rate()
    print(f"{torch.cuda.get_device_name()}, bf16 matmul {rate / 1e12:.0f} TFLOP/s", file=sys.stderr)
    return [result for n_c in WIDTHS for result in _at_width(n_c, rate)]


def _at_width(n_c: int, rate: float) -> list[Result]:
    trial = VaeTrial("cifar10", n_c=n_c, batch=BATCH)
    ours = BATCH * BATCHES / _seconds(_epochs(trial), 3)
    naive = Loop(PlainVAE(n_c), BATCH, device="cuda")
    baseline = BATCH / _seconds(naive, 20)
    achieved = ours * training_flops(trial)
    goals = (TIMES_NAIVE if n_c <= LAUNCH_BOUND else 1.0, SHARE_OF_PEAK if n_c == 512 else 0.0)
    speed = Result(f"epochs, n_c {n_c}", ours / baseline, goals[0], ours, baseline, "images/s")
    name = f"of a matmul's rate, n_c {n_c}"
    return [speed, Result(name, achieved / rate, goals[1], achieved, rate, "FLOP/s")]


def _epochs(trial: VaeTrial) -> Callable[[], object]:
    images = np.random.default_rng(0).integers(0, 256, (BATCHES * BATCH, 3, 32, 32), np.uint8)
    labels = np.zeros(len(images), np.uint8)
    data = Dataset("cifar10", images, images[:2], labels, labels[:2], 256)
    run = VaeRun(trial, data, epochs=1, device="cuda")

    def epoch() -> None:
        run.epoch += 1
        run.train_epoch()

    return epoch


def _matmul_rate() -> float:
    """Returns the FLOP/s of a large product of bf16 matrices."""
    a = torch.randn(SIDE, SIDE, device="cuda", dtype=torch.bfloat16)
    return 2 * SIDE**3 / _seconds(lambda: a @ a, 50)


def _seconds(work: Callable[[], object], times: int) -> float:
    """Returns the seconds of one call, after two calls that compile and capture."""
    for _ in range(2):
        work()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(times):
        work()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / times
