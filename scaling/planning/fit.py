"""What share of a GPU holds a trial, and what to change where no device does."""

from collections.abc import Sequence
from dataclasses import replace

from scaling.errors import to_type
from scaling.planning.costs import Machine, memory
from scaling.trial import Trial

PARTS = (16, 12, 8, 6, 5, 4, 3, 2, 1)  # that a GPU is shared in
MARGIN = 1.1  # of memory over what is estimated


def gpu_share(trial: Trial, machine: Machine, metrics: Sequence[str] = ()) -> float:
    """The share of a GPU whose memory holds the trial with a tenth to spare; 0 without one."""
    if machine.device == "cpu":
        return 0.0
    need = MARGIN * memory(trial, machine, metrics) / machine.bytes
    return next((1 / parts for parts in PARTS if need <= 1 / parts), 1.0)


def advice(trial: Trial, machine: Machine) -> str | None:
    """What to change where the machine's memory does not hold the trial."""
    need = memory(trial, machine)
    if need <= machine.bytes:
        return None
    text = f"needs {need / 1e9:.0f} GB, and {machine.name} has {machine.bytes / 1e9:.0f}"
    batch = trial.batch // 2
    while batch and memory(replace(trial, batch=batch), machine) > machine.bytes:
        batch //= 2
    larger = f"a device of {MARGIN * need / 1e9:.0f} GB"
    if not batch:
        return f"{text}: {larger} would"
    words = f"--set batch={batch}"
    if trial.makes_pools:
        words = to_type("study", "diffusion", *words.split())
    return f"{text}: {words} fits, or {larger}"
