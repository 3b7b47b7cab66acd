"""Measures q* and the attack on a GPU: steps replayed as a CUDA graph against eager ones."""

import sys
import time
from unittest.mock import patch

import numpy as np
import torch

from scaling.data.datasets import Dataset
from scaling.metrics import amortization, attack, best_q, robustness
from scaling.metrics.attack import RGB
from scaling.models.cuda_graph import Step, replayed
from scaling.presets import vae
from scaling.runs.vae import VaeRun
from tests.benchmarks.results import Result

WIDTH, IMAGES, STEPS, GOAL = 32, 1000, 30, 5.0
ATTACKED = RGB.n_ref * RGB.n_attack


def measure() -> list[Result]:
    """Measures image-steps per second in about a minute; [] without a GPU."""
    if not torch.cuda.is_available():
        print("gpu_costly: not measured, there is no CUDA device", file=sys.stderr)
        return []
    results = []
    for what in ("q*", "attack"):
        rates = {}
        for name in ("eager", "replayed", "replayed, contiguous", "replayed, both benchmarked"):
            rates[name] = _run(name, what)
            print(f"{what}, {name}: {rates[name]:,.0f} image-steps/s", file=sys.stderr, flush=True)
        results += [
            Result(f"{what}, {name}", rate / rates["eager"],
                   GOAL if (what, name) == ("q*", "replayed") else 0.0,
                   rate, rates["eager"], "image-steps/s")
            for name, rate in rates.items()
        ]  # fmt: skip
    return results


def _run(form: str, what: str) -> float:
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, 3, 32, 32), np.uint8)
    labels = np.zeros(len(images), np.uint8)
    data = Dataset("cifar10", images, images, labels, labels, 256)
    run = VaeRun(vae("cifar10", n_c=WIDTH, partition="train_and_test"), data, 1, device="cuda")
    torch.backends.cudnn.benchmark = "benchmarked" in form
    if "contiguous" in form or "benchmarked" in form:
        run.vae.to(memory_format=torch.contiguous_format)
    steps = _as_it_is if form == "eager" else replayed
    settings = amortization.Settings(n_images=IMAGES, steps=STEPS, mc_eval=1)

    def work() -> int:
        if what == "q*":
            amortization.measure(run, settings)
            return IMAGES * STEPS
        robustness.measure(run, robustness.DEFAULT)
        return ATTACKED * RGB.n_steps

    with patch.object(best_q, "replayed", steps), patch.object(attack, "replayed", steps):
        work()
        torch.cuda.synchronize()
        begun, done = time.perf_counter(), 0
        for _ in range(2):
            done += work()
        torch.cuda.synchronize()
    torch.backends.cudnn.benchmark = False
    return done / (time.perf_counter() - begun)


def _as_it_is(step: Step, batch: int, device: torch.device) -> Step:
    return step
