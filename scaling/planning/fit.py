"""Finds the share of a GPU and the micro-batch that a trial needs, and advice if none fits."""

from collections.abc import Sequence
from dataclasses import replace

from scaling.planning.costs import GPU, Machine, memory
from scaling.trial import Trial
from scaling.trial.schedule import Planned

PARTS = (16, 12, 8, 6, 5, 4, 3, 2, 1)  # numbers of equal parts of a GPU
MARGIN = 1.1  # reserved memory over its estimate


def gpu_share(
    trial: Trial,
    machine: Machine,
    metrics: Sequence[str] = (),
    micro_batch: int | None = None,
) -> float:
    """Returns the share of a GPU whose memory holds the trial with a tenth to spare; 0 on a CPU."""
    if machine.device == "cpu":
        return 0.0
    need = MARGIN * memory(trial, machine, metrics, micro_batch) / machine.bytes
    return next((1 / parts for parts in PARTS if need <= 1 / parts), 1.0)


def micro_batch(trial: Trial, machine: Machine, requested: int | None = None) -> int | None:
    """Returns the images of a step that are computed at a time, or None for the whole batch.

    That is `requested`, if given. Otherwise it is the whole batch if the machine's memory holds it
    with a tenth to spare, else the largest of batch / 2, / 4, ... that fits. It is None, too, if
    not even one image fits.
    """
    if not trial.accumulates:
        return None
    if requested is not None:
        return requested if requested < trial.step_images else None
    return None if _fits(trial, machine, None) else _fitting(trial, machine)


def _fits(trial: Trial, machine: Machine, size: int | None) -> bool:
    return MARGIN * memory(trial, machine, micro_batch=size) <= machine.bytes


def _fitting(trial: Trial, machine: Machine) -> int | None:
    """Returns the largest of batch / 2, / 4, ... that fits, if any."""
    size = trial.step_images // 2
    while size and not _fits(trial, machine, size):
        size //= 2
    return size or None


def advice(trial: Trial, machine: Machine, size: int | None = None) -> str | None:
    """Returns what to change if the machine's memory does not hold the trial; None if it does.

    `size` is its micro-batch. The advice is a smaller micro-batch, which changes no result, if the
    kind of trial supports that, else a smaller batch, which makes it another trial; or a larger
    device.
    """
    need = memory(trial, machine, micro_batch=size)
    if need <= machine.bytes:
        return None
    text = f"needs {need / 1e9:.0f} GB, and {machine.name} has {machine.bytes / 1e9:.0f}"
    larger = f"a device of {MARGIN * need / 1e9:.0f} GB"
    if trial.accumulates:
        smaller = _fitting(trial, machine)
        flag = f"--micro-batch {smaller}"
    else:
        smaller = trial.batch // 2
        while smaller and memory(replace(trial, batch=smaller), machine) > machine.bytes:
            smaller //= 2
        flag = f"--set batch={smaller}"
    return f"{text}: {flag} fits, or {larger}" if smaller else f"{text}: {larger} would fit"


def taken_in_parts(trial: Trial, machine: Machine, size: int | None) -> str | None:
    """Returns a note on a trial that is trained in micro-batches; None for others."""
    if size is None:
        return None
    whole = memory(trial, machine) / 1e9
    return (
        f"computes the {trial.step_images} images of a step {size} at a time (--micro-batch "
        f"{size}), because all of them would need {whole:.0f} GB; the result is the same"
    )


def refitted(planned: Planned, name: str, size: int) -> Planned:
    """Returns a trial planned for a GPU with share and micro-batch for a GPU of `size` bytes.

    A micro-batch becomes smaller, if necessary, and never larger: the user may have set it.
    """
    if not planned.gpus:
        return planned
    machine = replace(GPU, name=name, bytes=size)
    sizes = [planned.micro_batch, micro_batch(planned.trial, machine)]
    smallest = min((size for size in sizes if size), default=None)
    share = gpu_share(planned.trial, machine, planned.scheduled.metrics, smallest)
    return replace(planned, gpus=share, micro_batch=smallest)
