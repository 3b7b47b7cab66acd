"""Replays training steps as a CUDA graph: one launch in place of hundreds of small kernels."""

import gc
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor

WARM_UP = 3  # eager steps on a side stream before a capture, as PyTorch's notes require
UNCAPTURED = "This instance was constructed with capturable"  # Adam's warning before a capture

Step = Callable[[Tensor], Tensor]
Eager = Callable[[Step, Tensor], Tensor]
Capture = Callable[[Step, Tensor], Step]


class Graphed:
    """Runs the first training steps eagerly, then replays a graph for batches like the first.

    Batches of another size, such as an epoch's last one, are trained eagerly; for batches of
    another dtype a new graph is captured. Capturing performs no training step. If it fails, a
    warning is printed once and training continues without a graph. A result is valid until the next
    call.
    """

    def __init__(self, step: Step, batch: int, eager: Eager, capture: Capture) -> None:
        self.step, self.batch = step, batch
        self.eager, self.capture = eager, capture
        self.dtype: torch.dtype | None = None
        self.replay: Step | None = None
        self.warmed = 0
        self.failed = False

    def __call__(self, x: Tensor) -> Tensor:
        if self.failed or len(x) != self.batch:
            return self.step(x)
        if x.dtype != self.dtype:
            self.dtype, self.replay, self.warmed = x.dtype, None, 0
        if self.replay is None and self.warmed < WARM_UP:
            self.warmed += 1
            return self.eager(self.step, x)
        if self.replay is None:
            self.replay = self._captured(x)
        return self.replay(x)

    def _captured(self, x: Tensor) -> Step:
        try:
            return self.capture(self.step, x)
        except RuntimeError as error:
            errors = list(_chain(error))
            for lack in errors:
                if isinstance(lack, torch.OutOfMemoryError):
                    raise lack from None  # the caller retries the trial with more memory
            self.failed = True
            reason = (str(errors[-1]).strip().splitlines() or [type(errors[-1]).__name__])[0]
            print(f"Steps run without a CUDA graph, slower: {reason}", file=sys.stderr, flush=True)
            return self.step


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields the error and those before it: ending a broken capture raises another one."""
    while error is not None:
        yield error
        error = error.__context__


def graphed(step: Step, batch: int) -> Graphed:
    """Wraps a step on a CUDA device, with a `capturable` optimizer and a constant learning rate.

    A step and the object that it belongs to often refer to each other. So the memory of earlier
    graphs, which no one uses any more, is freed by a collection first.
    """
    gc.collect()
    return Graphed(step, batch, _eager, _capture)


def replayed(step: Step, batch: int, device: torch.device) -> Step:
    """Returns the step, wrapped by `graphed` if the device is a GPU.

    Everything that the step changes must be changed in place.
    """
    return graphed(step, batch) if device.type == "cuda" else step


def set_rate(group: dict[str, Any], rate: float) -> None:
    """Sets the learning rate of an optimizer's group, in place if it is a tensor of a graph."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


@cache
def _side_stream(device: int) -> torch.cuda.Stream:
    """Returns the one side stream of a device: memory that a stream has freed stays with it."""
    return torch.cuda.Stream(device)


def _eager(step: Step, x: Tensor) -> Tensor:
    """Runs a step on a side stream, ordered after all earlier and before all later work."""
    stream, main = _side_stream(torch.cuda.current_device()), torch.cuda.current_stream()
    stream.wait_stream(main)
    with torch.cuda.stream(stream), warnings.catch_warnings():
        warnings.filterwarnings("ignore", UNCAPTURED)
        result = step(x)
    main.wait_stream(stream)
    return result


def _capture(step: Step, x: Tensor) -> Step:
    """Captures a step; at each replay random numbers continue from the generator's state."""
    static = x.clone()
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.stream(torch.cuda.current_stream()), torch.cuda.graph(graph):
            result = step(static)
    except RuntimeError:
        _release_generator()
        raise

    def replay(x: Tensor) -> Tensor:
        static.copy_(x)
        graph.replay()
        return result

    return replay


def _release_generator() -> None:
    """Replaces the generator's state by a copy, as a failed capture may have left it capturing."""
    generator = torch.cuda.default_generators[torch.cuda.current_device()]
    generator.graphsafe_set_state(generator.clone_state())
