"""Measures forms of the VAE's training step on a GPU, and trials that share the GPU.

Each form trains in a process of its own. All compile at the same time, and are measured one after
the other. Then processes of one form train at the same time. About 4 minutes with 16 CPU cores;
start NVIDIA's MPS first, as a launch does, or the processes take turns.
"""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import torch

from tests.benchmarks.results import Result

BATCH, SECONDS = 100, 1.0  # the paper's batch; seconds of one measurement
FORMS = ("plain", "cast", "cast+benchmark", "cast+compiled")
STEPS = {  # data set, n_c: forms
    ("cifar10", 8): (*FORMS, "cast+contiguous"),
    ("cifar10", 32): (*FORMS, "cast+contiguous", "compiled"),
    ("cifar10", 128): FORMS,
    ("cifar10", 512): FORMS,
    ("mnist", 512): ("plain", "tf32", "compiled"),
}
GOALS = {("cifar10", 8): 2.5, ("cifar10", 32): 2.5, ("cifar10", 128): 1.5, ("cifar10", 512): 1.0}
SHARED = (  # data set, n_c, form; numbers of processes; goal for the most of them
    (("cifar10", 32, "plain"), (1, 4, 8), 0.0),
    (("cifar10", 32, "cast+compiled"), (1, 4, 8), 2.5),
    (("cifar10", 128, "cast+compiled"), (1, 4), 1.5),
    (("mnist", 512, "compiled"), (1, 4, 8), 1.0),
)
Form = tuple[str, int, str]  # data set, n_c, form


class Worker:
    """Trains in a process of its own, for as long as it is asked to."""

    def __init__(self, form: Form) -> None:
        dataset, n_c, how = form
        command = [sys.executable, "-m", "tests.benchmarks.gpu_worker", dataset, str(n_c)]
        self.process = subprocess.Popen(
            [*command, str(BATCH), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ready(self) -> bool:
        """Waits until it has compiled everything; returns False if it failed."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip() == "ready"

    def rate(self) -> float:
        """Trains for SECONDS; returns images per second."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{SECONDS}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()


def measure() -> list[Result]:
    """Measures images per second; [] without a GPU."""
    if not torch.cuda.is_available():
        print("gpu_steps: not measured, there is no CUDA device", file=sys.stderr)
        return []
    rates = _one_by_one([(*cell, form) for cell, forms in STEPS.items() for form in forms])
    return [*_steps(rates), *_shared()]


def _one_by_one(forms: Sequence[Form]) -> dict[Form, float]:
    """Returns the images per second of each form that works, trained alone."""
    with ExitStack() as stack:
        rates = {}
        for form, worker in zip(forms, _started(stack, forms), strict=True):
            if worker is not None:
                rates[form] = worker.rate()
                print(*form, f"{rates[form]:,.0f} images/s", file=sys.stderr, flush=True)
        return rates


def _started(stack: ExitStack, forms: Iterable[Form]) -> list[Worker | None]:
    workers = [Worker(form) for form in forms]
    for worker in workers:
        stack.callback(worker.end)
    return [worker if worker.ready() else None for worker in workers]


def _steps(rates: dict[Form, float]) -> list[Result]:
    results = []
    for (dataset, n_c), forms in STEPS.items():
        baseline = rates.get((dataset, n_c, "plain"))
        found = {form: rates[dataset, n_c, form] for form in forms if (dataset, n_c, form) in rates}
        if baseline is None:
            continue
        best = max(found, key=lambda form: found[form])
        for form, rate in found.items():
            goal = GOALS.get((dataset, n_c), 0.0) if form == best else 0.0
            name = f"step, {dataset}, n_c {n_c}: {form}"
            results.append(Result(name, rate / baseline, goal, rate, baseline, "images/s"))
    return results


def _shared() -> list[Result]:
    forms = [form for form, counts, _ in SHARED for _ in range(max(counts))]
    results: list[Result] = []
    with ExitStack() as stack:
        started = list(zip(forms, _started(stack, forms), strict=True))
        for form, counts, goal in SHARED:
            workers = [worker for known, worker in started if known == form and worker is not None]
            there = [count for count in counts if count <= len(workers)]
            rates = {count: _together(workers[:count]) for count in there}
            for count, rate in rates.items():
                name = "{} processes, {}, n_c {}: {}".format(count, *form)
                wanted = goal if count == max(counts) else 0.0
                results.append(Result(name, rate / rates[1], wanted, rate, rates[1], "images/s"))
                print(name, f"{rate:,.0f} images/s", file=sys.stderr, flush=True)
    return results


def _together(workers: list[Worker]) -> float:
    """Returns the images per second of all workers, which train at the same time."""
    with ThreadPoolExecutor(len(workers)) as threads:
        return sum(threads.map(Worker.rate, workers))
