"""Compiles functions of tensors, and networks, with torch.compile, where that works."""

import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class Compiled:
    """Wraps a function that is compiled at its first call, or runs uncompiled if that fails.

    The first failure prints a notice on stderr, and the process then compiles no other function.
    """

    failed = False

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.compiled: Callable[..., Any] | None = None  # importing torch.compile takes a second

    def __call__(self, *arguments: Any) -> Any:
        if Compiled.failed:
            return self.function(*arguments)
        try:
            if self.compiled is None:
                self.compiled = _compile(self.function)
            return self.compiled(*arguments)
        except torch.OutOfMemoryError:
            raise  # the caller retries the trial with more memory
        except (RuntimeError, OSError, ImportError, subprocess.SubprocessError) as error:
            result = self.function(*arguments)  # raises again if the function itself is at fault
            Compiled.failed = True
            print(_notice(error), file=sys.stderr, flush=True)
            return result


class CompiledAt(nn.Module):
    """Computes a network, compiled for inputs of `batch` images; other inputs run uncompiled.

    An epoch's last batch would otherwise compile the network a second time.
    """

    def __init__(self, network: nn.Module, batch: int) -> None:
        super().__init__()
        self.network, self.batch = network, batch
        self.compiled = Compiled(network)

    def forward(self, x: Tensor) -> Tensor:
        result = self.compiled(x) if len(x) == self.batch else self.network(x)
        assert isinstance(result, Tensor)
        return result


def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    # Without a GPU, PyTorch for CUDA would print a warning in each process that compiles.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    return torch.compile(function)


def _notice(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"Networks and likelihoods run uncompiled, up to several times slower: {lines[0]}"
