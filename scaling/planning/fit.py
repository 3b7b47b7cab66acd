"""What share of a GPU holds a trial, in which micro-batches, and what to change where none does."""

from collections.abc import Sequence
from dataclasses import replace

from scaling.planning.costs import Machine, memory
from scaling.trial import Trial

PARTS = (16, 12, 8, 6, 5, 4, 3, 2, 1)  # that a GPU is shared in
MARGIN = 1.1  # of memory over what is estimated


def gpu_share(
    trial: Trial,
    machine: Machine,
    metrics: Sequence[str] = (),
    micro_batch: int | None = None,
) -> float:
    """The share of a GPU whose memory holds the trial with a tenth to spare; 0 without one."""
    if machine.device == "cpu":
        return 0.0
    need = MARGIN * memory(trial, machine, metrics, micro_batch) / machine.bytes
    return next((1 / parts for parts in PARTS if need <= 1 / parts), 1.0)


def micro_batch(trial: Trial, machine: Machine, asked: int | None = None) -> int | None:
    """The images of a step that go through the network at a time; None for the whole batch.

    `asked` where it was given. Else the whole batch where the machine's memory holds it with a
    tenth to spare, or the largest of its halves that fits; None too where not even one image does.
    """
    if not trial.accumulates:
        return None
    if asked is not None:
        return asked if asked < trial.step_images else None
    return None if _fits(trial, machine, None) else _fitting(trial, machine)


def _fits(trial: Trial, machine: Machine, size: int | None) -> bool:
    return MARGIN * memory(trial, machine, micro_batch=size) <= machine.bytes


def _fitting(trial: Trial, machine: Machine) -> int | None:
    """The largest half of a half ... of the batch that fits, if any."""
    size = trial.step_images // 2
    while size and not _fits(trial, machine, size):
        size //= 2
    return size or None


def advice(trial: Trial, machine: Machine, size: int | None = None) -> str | None:
    """What to change where the machine's memory does not hold the trial in micro-batches of `size`.

    A smaller micro-batch where the kind of trial can be trained so, which changes no result; else
    a smaller batch, which makes it another trial; or a larger device.
    """
    need = memory(trial, machine, micro_batch=size)
    if need <= machine.bytes:
        return None
    text = f"needs {need / 1e9:.0f} GB, and {machine.name} has {machine.bytes / 1e9:.0f}"
    larger = f"a device of {MARGIN * need / 1e9:.0f} GB"
    if trial.accumulates:
        smaller = _fitting(trial, machine)
        words = f"--micro-batch {smaller}"
    else:
        smaller = trial.batch // 2
        while smaller and memory(replace(trial, batch=smaller), machine) > machine.bytes:
            smaller //= 2
        words = f"--set batch={smaller}"
    return f"{text}: {words} fits, or {larger}" if smaller else f"{text}: {larger} would"


def taken_in_parts(trial: Trial, machine: Machine, size: int | None) -> str | None:
    """What the plan says of a trial that trains in micro-batches."""
    if size is None:
        return None
    whole = memory(trial, machine) / 1e9
    return (
        f"takes the {trial.step_images} images of a step {size} at a time (--micro-batch {size}), "
        f"as all of them would take {whole:.0f} GB; the result is the same"
    )
