"""What trials cost, before any runs: parameters, FLOPs, memory, GPU share, hours (section 4.2)."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scaling.layers import layers, row_of
from scaling.trial import Trial, TwoSampleTrial, VaeTrial
from scaling.wanted import Wanted, chunks_of, pool_of

BYTES = 4
OBJECT_STORE_SHARE = 0.3  # of a node's memory, Ray's default
OPTIMIZER_COPIES = 4  # weights, gradients, Adam's two moments
ACTIVATION_COPIES = 3  # a convolution's output, its normalization, its ReLU
STEP_LAYERS = 15  # linear maps of the network that `Machine.step_seconds` was measured with
TRAIN_SHARE = 0.8  # of a two-sample test's images (Appendix D.3)
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


def parameters(trial: Trial) -> dict[str, int]:
    """|Theta_z|, |Theta_not-z| and their sum; a normalization never belongs to Theta_z."""
    every = layers(trial)
    total, z = sum(x.parameters for x in every), sum(x.weights for x in every if x.z)
    return {"parameters": total, "parameters_z": z, "parameters_rest": total - z}


def flops(trial: Trial) -> int:
    """Of one image forward, two per multiplication; a training step costs three times that."""
    return 2 * sum(layer.multiplications for layer in layers(trial))


def memory(trial: Trial, machine: Machine) -> int:
    """Bytes of a training process at its peak: base, optimizer, activations of a batch, images."""
    row = row_of(trial)
    outputs = sum(layer.outputs * layer.positions * layer.kept for layer in layers(trial))
    per_image = ACTIVATION_COPIES * outputs + LIKELIHOOD_COPIES * _elements(trial)
    images = (trial.train_size or row.train_images) * row.channels * row.side**2
    weights = OPTIMIZER_COPIES * parameters(trial)["parameters"]
    return machine.base_bytes + BYTES * (weights + trial.batch * per_image) + images


def hours(trial: Trial, epochs: int, machine: Machine) -> float:
    """Of training for so many epochs alone on the machine."""
    images = epochs * epoch_images(trial)
    steps = math.ceil(images / trial.batch)
    arithmetic = 3 * flops(trial) * images / machine.flops_per_s
    likelihood = _elements(trial) * images * machine.element_seconds
    launches = steps * machine.step_seconds * len(layers(trial)) / STEP_LAYERS
    return (launches + arithmetic + likelihood) / 3600


def epoch_images(trial: Trial) -> int:
    """Images of one epoch: |D_train|; for a two-sample test the training part of both classes."""
    images = trial.train_size or row_of(trial).train_images
    if isinstance(trial, TwoSampleTrial):
        return int(2 * TRAIN_SHARE * (trial.images or images))
    return images


def _elements(trial: Trial) -> int:
    row = row_of(trial)
    if not isinstance(trial, VaeTrial):
        return row.channels * row.side**2
    components = trial.mixtures if trial.likelihood == "mixture" else 1
    return components * row.channels * row.side**2


def gpu_share(trial: Trial, machine: Machine) -> float:
    """The share of a GPU whose memory holds the trial with a tenth to spare; 0 without one."""
    if not machine.gpus:
        return 0.0
    need = 1.1 * memory(trial, machine) / machine.bytes
    return next((1 / parts for parts in (8, 6, 5, 4, 3, 2, 1) if need <= 1 / parts), 1.0)


def trial_row(wanted: Wanted, machine: Machine, state: str) -> dict[str, Any]:
    """One line of the plan; m_z, n_c and source are null for a diffusion trial."""
    trial, epochs = wanted.trial, wanted.epochs
    vae = trial if isinstance(trial, VaeTrial) else None
    share = None if isinstance(trial, VaeTrial) else trial.share
    return {
        "key": wanted.key,
        "kind": trial.kind,
        "dataset": trial.dataset,
        "m_z": vae.m_z if vae else None,
        "n_c": vae.n_c if vae else None,
        "source": vae.source.name if vae else None,
        "share": share,
        "seed": trial.seed,
        "epochs": epochs,
        **parameters(trial),
        "flops": 3 * flops(trial) * epochs * epoch_images(trial),
        "memory_bytes": memory(trial, machine),
        "gpus": gpu_share(trial, machine),
        "hours": hours(trial, epochs, machine),
        "disk_bytes": 2 * 3 * BYTES * parameters(trial)["parameters"] + 400 * epochs,
        "state": state,
    }


def pool_rows(every: Sequence[Wanted]) -> list[dict[str, Any]]:
    """The pools that the trials read, in bytes, beside this machine's object store."""
    chunks: dict[str, tuple[int, int]] = {}
    for trial in (wanted.trial for wanted in every):
        if name := pool_of(trial):
            row = row_of(trial)
            size = (trial.train_size or row.train_images) * row.channels * row.side**2
            k = max(chunks_of(trial), chunks.get(name, (0, 0))[0])
            chunks[name] = (k, size)
    store = OBJECT_STORE_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    total = sum(k * size for k, size in chunks.values())
    return [
        {"pool": name, "k": k, "bytes": k * size, "store_bytes": int(store), "fits": total < store}
        for name, (k, size) in chunks.items()
    ]


def make(every: Sequence[Wanted], machine: Machine, states: Mapping[str, str]) -> dict[str, Any]:
    """The plan: a row a trial, the pools, and the totals over what is left to run.

    `hours` add up the trials; `gpu_hours` weigh them with their share.
    """
    rows = [trial_row(w, machine, states.get(w.key, "new")) for w in every]
    pools = pool_rows(every)
    left = [row for row in rows if row["state"] in ("new", "partial")]
    disk = sum(row["disk_bytes"] for row in rows) + sum(pool["bytes"] for pool in pools)
    return {
        "machine": machine.name,
        "trials": rows,
        "pools": pools,
        "total": {
            "trials": len(rows),
            "to_run": len(left),
            "hours": sum(row["hours"] for row in left),
            "gpu_hours": sum(row["hours"] * row["gpus"] for row in left),
            "flops": sum(row["flops"] for row in left),
            "disk_bytes": disk,
            "largest_memory_bytes": max((row["memory_bytes"] for row in rows), default=0),
        },
    }
