"""Makes Ray tasks that may use a share of a GPU; the process of one that does ends with it.

Ray lets a process run task after task, and ends it after a GPU task only if the decorator names
`num_gpus`. But CUDA, once begun in a process, keeps its memory and its GPU: the next task there
would compute on the same GPU, whichever Ray has assigned to it.
"""

from collections.abc import Callable
from typing import Any

import ray


class GpuTask:
    """Wraps a function as a Ray task on one CPU, tried three times if its process dies."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.on_cpu: Any = ray.remote(num_cpus=1, max_retries=2)(function)
        self.on_gpu: Any = ray.remote(num_cpus=1, max_retries=2, max_calls=1)(function)

    def options(self, num_gpus: float) -> Any:
        """Returns the task with this share of a GPU, or on CPUs alone with 0."""
        return (self.on_gpu if num_gpus else self.on_cpu).options(num_gpus=num_gpus)
