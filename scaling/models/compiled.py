"""Functions of tensors that torch.compile translates where it can."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import torch


class Compiled:
    """A function, compiled at its first call; where that fails, as it is.

    The first failure is told on stderr and ends all attempts of the process.
    """

    failed = False

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.translated: Callable[..., Any] | None = None  # torch.compile takes a second to import

    def __call__(self, *arguments: Any) -> Any:
        if Compiled.failed:
            return self.function(*arguments)
        try:
            if self.translated is None:
                self.translated = _translate(self.function)
            return self.translated(*arguments)
        except (RuntimeError, OSError, ImportError) as error:  # an error of the function recurs
            result = self.function(*arguments)
            Compiled.failed = True
            print(_notice(error), file=sys.stderr, flush=True)
            return result


def _translate(function: Callable[..., Any]) -> Callable[..., Any]:
    # PyTorch for CUDA on a machine without a GPU would say so in each process that compiles.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    return torch.compile(function)


def _notice(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"The likelihood runs uncompiled, several times slower: {lines[0]}"
