"""Training steps as a CUDA graph: one launch for a step's hundreds of small kernels."""

import sys
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3  # eager steps on a stream of their own before a capture, as PyTorch's notes ask
UNCAPTURED = "This instance was constructed with capturable"  # Adam warns of steps before a capture

Step = Callable[[Tensor], Tensor]
Beside = Callable[[Step, Tensor], Tensor]
Capture = Callable[[Step, Tensor], Step]


class Graphed:
    """A step that trains: at first as it is, then replayed for every further batch like the first.

    Batches of another size, such as an epoch's last one, are trained as they are; batches of
    another type are captured anew. A capture trains nothing. Where it fails, that is told once and
    steps go on as they are. A result holds until the next call.
    """

    def __init__(self, step: Step, batch: int, beside: Beside, capture: Capture) -> None:
        self.step, self.batch = step, batch
        self.beside, self.capture = beside, capture
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
            return self.beside(self.step, x)
        if self.replay is None:
            self.replay = self._captured(x)
        return self.replay(x)

    def _captured(self, x: Tensor) -> Step:
        try:
            return self.capture(self.step, x)
        except torch.OutOfMemoryError:
            raise  # the trial gets more room, as at any other place
        except RuntimeError as error:
            self.failed = True
            reason = _cause(error)
            print(f"Steps run without a CUDA graph, slower: {reason}", file=sys.stderr, flush=True)
            return self.step


def _cause(error: BaseException) -> str:
    """What went wrong first: ending a broken capture raises an error of its own."""
    while error.__context__ is not None:
        error = error.__context__
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def graphed(step: Step, batch: int) -> Graphed:
    """The step of a CUDA device; its optimizer is `capturable`, its learning rate constant."""
    return Graphed(step, batch, _beside, _capture)


def _beside(step: Step, x: Tensor) -> Tensor:
    """A step on another stream, after all that was launched before and before all that comes."""
    stream, main = torch.cuda.Stream(), torch.cuda.current_stream()
    stream.wait_stream(main)
    with torch.cuda.stream(stream), warnings.catch_warnings():
        warnings.filterwarnings("ignore", UNCAPTURED)
        result = step(x)
    main.wait_stream(stream)
    return result


def _capture(step: Step, x: Tensor) -> Step:
    """The recorded step; random numbers go on from the generator's state at each replay."""
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
    """After a capture that broke, PyTorch's generator may still be capturing; its copy is not."""
    generator = torch.cuda.default_generators[torch.cuda.current_device()]
    generator.graphsafe_set_state(generator.clone_state())
