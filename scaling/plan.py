"""What trials cost, before any runs: parameters, FLOPs, memory, GPU share, hours (section 4.2).

Arithmetic only: neither torch nor data are needed. A test holds the counts against the networks.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scaling.shapes import DATASETS, FC_LATENTS, DatasetRow
from scaling.trial import VaeTrial, key

BYTES = 4
OPTIMIZER_COPIES = 4  # weights, gradients, Adam's two moments
ACTIVATION_COPIES = 3  # a convolution's output, its normalization, its ReLU
LIKELIHOOD_COPIES = 24  # tensors of one mixture component per pixel that autograd keeps


@dataclass(frozen=True)
class Machine:
    """How fast and how large what a trial runs on is; measured with eager float32 training."""

    name: str
    flops_per_s: float
    step_seconds: float  # launches and Python, whatever the width
    element_seconds: float  # likelihood, per component and pixel
    base_bytes: int  # process, libraries, CUDA context
    bytes: int
    gpus: int


CPU_CORE = Machine("one CPU core", 6e10, 5e-3, 2.5e-8, 500 << 20, 8 << 30, 0)
GPU = Machine("an 11 GB GPU (RTX 2080 Ti class)", 1e13, 3.3e-3, 1e-10, 900 << 20, 11 << 30, 1)


@dataclass(frozen=True)
class Layer:
    """A linear map applied at `positions` places; `z` tells Theta_z from the rest."""

    inputs: int
    outputs: int
    positions: int
    area: int = 1  # of the kernel
    bias: bool = False
    norm: bool = False
    z: bool = False
    kept: int = 1  # output positions per position: 4 where a transposed convolution doubles

    @property
    def parameters(self) -> int:
        return self.weights + 2 * self.outputs * self.norm

    @property
    def weights(self) -> int:
        return self.inputs * self.outputs * self.area + self.outputs * self.bias

    @property
    def multiplications(self) -> int:
        return self.inputs * self.outputs * self.area * self.positions


def row_of(trial: VaeTrial) -> DatasetRow:
    """Shape and levels of the trial's images; an own file is planned as CIFAR-10-like."""
    return DATASETS.get(trial.dataset, DATASETS["cifar10"])


def likelihood_width(trial: VaeTrial, channels: int) -> int:
    """Decoder outputs per pixel."""
    if trial.likelihood != "mixture":
        return channels
    return trial.mixtures * (10 if channels == 3 else 1 + 2 * channels)


def _residual(trial: VaeTrial, row: DatasetRow) -> Iterator[Layer]:
    n, half, quarter = trial.n_c, (row.side // 2) ** 2, (row.side // 4) ** 2
    m = trial.m_z if trial.latent_reading == "m_z_channels" else 64 * trial.m_z
    blocks = [
        Layer(n, n, quarter, 9, norm=True),
        Layer(n, n, quarter, trial.res_second_kernel**2, norm=True),
    ] * 2
    yield Layer(row.channels, n, half, 16, norm=True)
    yield Layer(n, n, quarter, 16, norm=True)
    yield from blocks
    yield Layer(n, 2 * m, quarter, bias=True, z=True)
    yield Layer(m, n, quarter, norm=True, z=True)
    yield from blocks
    yield Layer(n, n, quarter, 16, norm=True, kept=4)
    yield Layer(n, n, half, 16, norm=True, kept=4)
    yield Layer(n, likelihood_width(trial, row.channels), row.side**2, bias=True)


def _fully_connected(trial: VaeTrial, row: DatasetRow) -> Iterator[Layer]:
    n, latents, pixels = trial.n_c, FC_LATENTS * trial.m_z, row.side**2
    norm = trial.batch_norm
    yield Layer(row.channels * pixels, n, 1, bias=True, norm=norm)
    yield Layer(n, n, 1, bias=True, norm=norm)
    yield Layer(n, 2 * latents, 1, bias=True, z=True)
    yield Layer(latents, n, 1, bias=True, norm=norm, z=True)
    yield Layer(n, n, 1, bias=True, norm=norm)
    yield Layer(n, likelihood_width(trial, row.channels) * pixels, 1, bias=True)


LAYERS = {"residual": _residual, "fully_connected": _fully_connected}


def layers(trial: VaeTrial) -> list[Layer]:
    """Every linear map of the trial's encoder and decoder."""
    return list(LAYERS[trial.network](trial, row_of(trial)))


def parameters(trial: VaeTrial) -> dict[str, int]:
    """|Theta_z|, |Theta_not-z| and their sum; a normalization never belongs to Theta_z."""
    every = layers(trial)
    total, z = sum(x.parameters for x in every), sum(x.weights for x in every if x.z)
    return {"parameters": total, "parameters_z": z, "parameters_rest": total - z}


def flops(trial: VaeTrial) -> int:
    """Of one image forward, two per multiplication; a training step costs three times that."""
    return 2 * sum(layer.multiplications for layer in layers(trial))


def memory(trial: VaeTrial, machine: Machine) -> int:
    """Bytes of a training process at its peak: base, optimizer, activations of a batch, images."""
    row = row_of(trial)
    outputs = sum(layer.outputs * layer.positions * layer.kept for layer in layers(trial))
    per_image = ACTIVATION_COPIES * outputs + LIKELIHOOD_COPIES * _elements(trial)
    images = (trial.train_size or row.train_images) * row.channels * row.side**2
    weights = OPTIMIZER_COPIES * parameters(trial)["parameters"]
    return machine.base_bytes + BYTES * (weights + trial.batch * per_image) + images


def hours(trial: VaeTrial, epochs: int, machine: Machine) -> float:
    """Of training for so many epochs alone on the machine."""
    images = epochs * (trial.train_size or row_of(trial).train_images)
    steps = math.ceil(images / trial.batch)
    arithmetic = 3 * flops(trial) * images / machine.flops_per_s
    likelihood = _elements(trial) * images * machine.element_seconds
    return (steps * machine.step_seconds + arithmetic + likelihood) / 3600


def _elements(trial: VaeTrial) -> int:
    row = row_of(trial)
    components = trial.mixtures if trial.likelihood == "mixture" else 1
    return components * row.channels * row.side**2


def gpu_share(trial: VaeTrial, machine: Machine) -> float:
    """The share of a GPU whose memory holds the trial with a tenth to spare; 0 without one."""
    if not machine.gpus:
        return 0.0
    need = 1.1 * memory(trial, machine) / machine.bytes
    return next((1 / parts for parts in (8, 6, 5, 4, 3, 2, 1) if need <= 1 / parts), 1.0)


def trial_row(trial: VaeTrial, epochs: int, machine: Machine, state: str) -> dict[str, Any]:
    """One line of the plan."""
    return {
        "key": key(trial),
        "kind": trial.kind,
        "dataset": trial.dataset,
        "m_z": trial.m_z,
        "n_c": trial.n_c,
        "source": trial.source.name,
        "seed": trial.seed,
        **parameters(trial),
        "flops": 3 * flops(trial) * epochs * (trial.train_size or row_of(trial).train_images),
        "memory_bytes": memory(trial, machine),
        "gpus": gpu_share(trial, machine),
        "hours": hours(trial, epochs, machine),
        "disk_bytes": 2 * 3 * BYTES * parameters(trial)["parameters"] + 400 * epochs,
        "state": state,
    }


def make(
    trials: Iterable[VaeTrial], epochs: int, machine: Machine, states: Mapping[str, str]
) -> dict[str, Any]:
    """The plan: a row a trial and the totals over what is left to run.

    `hours` add up the trials; `gpu_hours` weigh them with their share.
    """
    rows = [trial_row(t, epochs, machine, states.get(key(t), "new")) for t in trials]
    left = [row for row in rows if row["state"] in ("new", "partial")]
    return {
        "machine": machine.name,
        "epochs": epochs,
        "trials": rows,
        "total": {
            "trials": len(rows),
            "to_run": len(left),
            "hours": sum(row["hours"] for row in left),
            "gpu_hours": sum(row["hours"] * row["gpus"] for row in left),
            "flops": sum(row["flops"] for row in left),
            "disk_bytes": sum(row["disk_bytes"] for row in rows),
            "largest_memory_bytes": max((row["memory_bytes"] for row in rows), default=0),
        },
    }
