"""Measures EDM on a GPU: images/s of training and sampling by precision and layout, and memory.

The baseline is the paper's network (55.7 M parameters, 32x32x3), trained eagerly in float32 with
gradients and averages of one parameter at a time, and sampled in float32.
"""

import gc
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from scaling.data.datasets import Dataset
from scaling.models import edm
from scaling.models.arithmetic import Arithmetic
from scaling.presets import ONE_GPU_EDM, PAPER_EDM
from scaling.runs.diffusion import DiffusionRun
from scaling.trial import DiffusionTrial
from tests.benchmarks.results import Result

TRAINING_GOAL, SAMPLING_GOAL = 10.0, 10.0  # times 228 images/s of an H200, times float32 samples
SECONDS = 12.0  # of one measurement, approximately
SAMPLES = 256
MICRO_BATCH = 16  # the planner's choice for the paper's model on a card of 11 GB
CARD = 11e9  # bytes


def measure() -> list[Result]:
    """Measures images per second in about 6 minutes; [] without a GPU."""
    if not torch.cuda.is_available():
        print("gpu_edm: not measured, there is no CUDA device", file=sys.stderr)
        return []
    print(torch.cuda.get_device_name(), file=sys.stderr)
    # no partition: the made-up images are used as they are
    paper, small = (
        replace(trial, partition="train_and_test", precision="float32")
        for trial in (PAPER_EDM, ONE_GPU_EDM)
    )
    results: list[Result] = []
    for part, arguments in (
        (_training, (paper, "paper")), (_training, (small, "one_gpu")), (_sampling, (paper,)),
        (_parts, ()),
    ):  # fmt: skip
        try:
            results += part(*arguments)
        except torch.OutOfMemoryError:
            print(f"{part.__name__[1:]} does not fit this GPU", file=sys.stderr, flush=True)
        gc.collect()  # a run and its steps refer to each other
        torch.cuda.empty_cache()
    return results


def _training(trial: DiffusionTrial, name: str) -> list[Result]:
    """Measures each precision, replayed, and bf16 in PyTorch's default layout and compiled."""
    baseline = _rate(_run(trial, eager=True))
    made = []
    for precision in ("float32", "tf32", "bf16"):
        run = _run(replace(trial, precision=precision))
        made.append((f"{precision}, replayed", _rate(run)))
    half = replace(trial, precision="bf16")
    made.append(("bf16, replayed, default layout", _rate(_run(half, channels_last=False))))
    made.append(("bf16, compiled and replayed", _rate(_run(half, compiled=True))))
    goals = {"bf16, replayed": TRAINING_GOAL if name == "paper" else 1.0}
    return [
        Result(f"{name}: {what}", rate / baseline, goals.get(what, 0.0), rate, baseline, "images/s")
        for what, rate in made
    ]


def _run(
    trial: DiffusionTrial,
    eager: bool = False,
    channels_last: bool = True,
    compiled: bool = False,
    micro_batch: int | None = None,
) -> DiffusionRun:
    images = np.random.default_rng(0).integers(0, 256, (trial.batch, 3, 32, 32), np.uint8)
    labels = np.zeros(len(images), np.uint8)
    data = Dataset("cifar10", images, images[:2], labels, labels[:2], 256)
    run = DiffusionRun(trial, data, epochs=1, device="cuda", micro_batch=micro_batch)
    if eager:
        run.descend = run._descend
    if not channels_last:
        run.model.to(memory_format=torch.contiguous_format)
        run._prepare_steps()  # gradients in the layout of their weights
    if compiled:
        run.model.network.compile()
    return run


def _rate(run: DiffusionRun) -> float:
    """Returns images per second of whole epochs of one batch each."""

    def epoch() -> None:
        run.epoch += 1
        run.train_epoch()

    return run.trial.batch / _seconds(epoch, before=6)


def _seconds(work: Callable[[], object], before: int = 1) -> float:
    """Returns the seconds of one call, after some calls that compile and capture."""
    for _ in range(before):
        work()
    torch.cuda.synchronize()
    begun, times = time.perf_counter(), 0
    while time.perf_counter() < begun + SECONDS:
        work()
        torch.cuda.synchronize()
        times += 1
    return (time.perf_counter() - begun) / times


def _sampling(trial: DiffusionTrial) -> list[Result]:
    """Measures samples per second by the network's precision; the state is always float64."""
    with torch.device("cuda"):
        denoiser = edm.build(trial, 3, 32).eval().requires_grad_(False)
    denoiser.to(memory_format=torch.channels_last)

    def rate(arithmetic: Arithmetic) -> float:
        fixed = ((3, 32, 32), 256, SAMPLES, "cuda", arithmetic)
        return SAMPLES / _seconds(lambda: edm.sample(denoiser, range(SAMPLES), *fixed))

    baseline = rate("float32")
    goals = {"tf32": 0.0, "bf16": SAMPLING_GOAL}
    return [
        Result(f"samples, {name}", found / baseline, goal, found, baseline, "images/s")
        for name, goal in goals.items()
        for found in [rate(name)]  # type: ignore[arg-type]
    ]


def _parts() -> list[Result]:
    """Compares the memory of an 11 GB card with the peak of the paper's model in micro-batches."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    run = _run(replace(PAPER_EDM, partition="train_and_test"), micro_batch=MICRO_BATCH)
    rate = _rate(run)
    run.sample(range(SAMPLES))
    taken = torch.cuda.max_memory_reserved()
    print(f"in micro-batches of {MICRO_BATCH}: {rate:.0f} images/s", file=sys.stderr)
    return [Result("memory of the paper's model", CARD / taken, 1.0, taken, CARD, "bytes")]
