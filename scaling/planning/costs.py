"""What a trial costs on a machine: bytes at its peak, seconds from the work that it is made of."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scaling.planning.layers import (
    Layer,
    Work,
    components,
    half_asleep_flops,
    halves,
    layers,
    row_of,
    training_flops,
)
from scaling.trial import NORMAL, DiffusionTrial, Trial, TwoSampleTrial, VaeTrial
from scaling.trial.schedule import Wanted

BYTES = 4
OPTIMIZER_COPIES = {  # of the weights: themselves, gradients, moments, an average, updates
    "vae": 4.4,
    "diffusion": 5.4,
    "two_sample": 3.4,
}
# What a step keeps of each layer's outputs (its own, normalized, activated, ...) and of the
# likelihood's parameters (in float32, their gradients); measured as the peaks of processes.
HIDDEN_COPIES = {"vae": 3.0, "diffusion": 4.1, "two_sample": 3.0}
HEAD_COPIES = 3.0
BF16_SAVES = 0.73  # statistics and sums stay in float32
DATA_COPIES = 3  # of D_train: resident, in the epoch's order, in the object store
RUN_BYTES, COMPILER_BYTES = 30 << 20, 70 << 20
EVAL_IMAGES = {"vae": 512, "diffusion": 250, "two_sample": 512}  # that are measured together
EVAL_COPIES = {"vae": 1.5, "diffusion": 9.0, "two_sample": 1.5}  # of the largest layer's outputs
COMPILE_FROM = 5_000  # components, as scaling.models.logistics has it
COMPILED_SHARE = 0.4  # of the likelihood's time, where it is compiled
BF16_FROM_SIDE = 32  # as scaling.models.precision has it
NFE = 35  # evaluations of a denoiser for a sample: 18 steps of Heun, the last of Euler
SAMPLE_BATCH = {"cpu": 32, "cuda": 256}  # as scaling.models.edm has it
MEASURED = 2000  # images that a diffusion model's loss is measured on
TEST_IMAGES = {"mnist": 10_000, "fashion_mnist": 10_000, "cifar10": 10_000}
AMORTIZATION = {"n_images": 1000, "steps": 300, "mc_eval": 64}  # as its Settings
ROBUSTNESS = {  # Table 2, by whether images are RGB
    False: {"n_ref": 50, "n_attack": 10, "n_steps": 50},
    True: {"n_ref": 20, "n_attack": 10, "n_steps": 100},
}
WEIGHT = 0.25  # of a value: a weight is updated without leaving memory's order
TOGETHER = 64  # images in a batch of those, on a CPU about
AT_ONCE = {"cpu": 1 << 16, "cuda": 1 << 20}  # values of images that q* is optimized of together
ATTACKED = 512  # images that are attacked together
TRAIN_SHARE = 0.8  # of a two-sample test's images (Appendix D.3)


@dataclass(frozen=True)
class Machine:
    """How fast and how large what a trial runs on is; seconds for one of each kind of work."""

    name: str
    device: str  # cpu or cuda
    launch: float  # of a linear map forward, with its share of a step
    flop: float
    value: float
    component: float
    bf16: float  # seconds of a network in bf16 for one in float32; 1: there is none
    base_bytes: int  # process and libraries; on a GPU its context
    bytes: int
    basis: str = "typical speeds"  # what the seconds rest on

    def seconds(self, trial: Trial, work: Work) -> float:
        """Of so much work of the trial."""
        bf16 = self.bf16 if in_bf16(trial) else 1
        network = bf16 * (self.flop * work.flops + self.value * work.values)
        compiled = COMPILED_SHARE if is_compiled(trial) else 1
        return self.launch * work.launches + network + compiled * self.component * work.components


CPU_CORE = Machine("one CPU core", "cpu", 8e-5, 3.5e-12, 4.5e-9, 2e-8, 1.0, 870 << 20, 8 << 30)
GPU = Machine(
    "an 11 GB GPU (RTX 2080 Ti class)", "cuda", 7e-5, 1e-13, 3e-11, 3e-11, 1.0, 900 << 20,
    11 * 10**9,
)  # fmt: skip


def in_bf16(trial: Trial) -> bool:
    """Whether the networks train in bf16 where the processor has it."""
    if not isinstance(trial, VaeTrial):
        return getattr(trial, "precision", "float32") == "bf16"
    large = trial.network == "residual" and row_of(trial).side >= BF16_FROM_SIDE
    return trial.precision == "bf16" or (trial.precision == "auto" and large)


def is_compiled(trial: Trial) -> bool:
    """Whether torch.compile translates the likelihood."""
    return components(trial) >= COMPILE_FROM


def parameters(trial: Trial) -> dict[str, int]:
    """|Theta_z|, |Theta_not-z| and their sum; a normalization never belongs to Theta_z."""
    every = layers(trial)
    total, z = sum(x.parameters for x in every), sum(x.weights for x in every if x.z)
    return {"parameters": total, "parameters_z": z, "parameters_rest": total - z}


def train_images(trial: Trial) -> int:
    """|D_train|."""
    return trial.train_size or row_of(trial).train_images


def epoch_images(trial: Trial) -> int:
    """Images of one epoch: |D_train|, a share of it; the training part of a two-sample test's."""
    if isinstance(trial, TwoSampleTrial):
        return int(2 * TRAIN_SHARE * (trial.images or train_images(trial)))
    share = getattr(trial, "share", 1.0) if getattr(trial, "budget", "") == "epochs" else 1.0
    return max(1, round(share * train_images(trial)))


def memory(trial: Trial, machine: Machine, metrics: Sequence[str] = ()) -> int:
    """Bytes of a process at its peak: libraries, weights and optimizer, data, outputs of layers.

    Or of one that measures the costly metrics, whichever is more.
    """
    row = row_of(trial)
    weights = OPTIMIZER_COPIES[trial.kind] * parameters(trial)["parameters"]
    data = DATA_COPIES * train_images(trial) * row.channels * row.side**2
    fixed = machine.base_bytes + RUN_BYTES + is_compiled(trial) * COMPILER_BYTES
    outputs = max(_outputs(trial, machine), _attended(trial, machine.device, metrics))
    return int(fixed + data + BYTES * (weights + outputs))


def _outputs(trial: Trial, machine: Machine) -> float:
    """Values kept at the peak, of training or of measuring.

    The layers of a VAE are few and large, and given back at once, but for a step that a GPU
    replays: that one keeps its own. The many small layers of the other networks leave gaps that
    larger batches do not fit in.
    """
    *hidden, head = (layer.values for layer in layers(trial))
    kept = HIDDEN_COPIES[trial.kind] * sum(hidden) + HEAD_COPIES * head
    saved = BF16_SAVES if machine.bf16 < 1 and in_bf16(trial) else 1
    training = step_images(trial) * kept * saved
    largest = max(hidden) + head
    measuring = EVAL_IMAGES[trial.kind] * EVAL_COPIES[trial.kind] * largest
    if not isinstance(trial, VaeTrial):
        return training + measuring
    if machine.device == "cpu" or trial.lr_decay_epochs:
        return max(training, measuring)
    partial = train_images(trial) % trial.batch / trial.batch
    return training + max(partial * training, measuring)


def _attended(trial: Trial, device: str, metrics: Sequence[str]) -> float:
    """Values kept by the gradients of costly metrics: through the decoder, or the encoder."""
    if not isinstance(trial, VaeTrial):
        return 0.0
    row = row_of(trial)
    encoder, decoder = (sum(x.values for x in half) for half in halves(trial))
    optimized = AT_ONCE[device] // (row.channels * row.side**2) * decoder
    kept = {"amortization": optimized, "robustness": ATTACKED * encoder}
    return HIDDEN_COPIES["vae"] * max((kept.get(name, 0) for name in metrics), default=0)


def step_images(trial: Trial) -> int:
    """Images of one step: the batch, and in reverse half asleep as many samples."""
    if isinstance(trial, VaeTrial) and trial.half_asleep_from:
        return trial.batch * (2 if trial.half_asleep_mix == "half" else 1)
    return trial.batch


def training_work(trial: Trial, epochs: int) -> Work:
    """The gradient steps of so many epochs."""
    images = epoch_images(trial)
    epoch = _pass(trial, images, math.ceil(images / trial.batch)) * 3
    epoch = epoch._replace(flops=images * training_flops(trial))
    if not isinstance(trial, VaeTrial) or not 0 < trial.half_asleep_from < epochs:
        return epoch * epochs
    longer = half_asleep_flops(trial) / training_flops(trial)
    return epoch * (trial.half_asleep_from + longer * (epochs - trial.half_asleep_from))


def _pass(trial: Trial, images: float, batches: float) -> Work:
    """Forward through the networks and the likelihood."""
    every = layers(trial)
    flops, values = sum(x.flops for x in every), sum(x.values for x in every)
    weights = parameters(trial)["parameters"]
    return Work(
        batches * len(every),
        images * flops,
        images * values + batches * weights * WEIGHT,
        images * components(trial),
    )


def sampling_work(trial: DiffusionTrial, images: int, device: str) -> Work:
    """Samples of the model."""
    return _pass(trial, images, math.ceil(images / SAMPLE_BATCH[device])) * NFE


def measuring_work(wanted: Wanted) -> Work:
    """What the rows are measured with, in all epochs."""
    images = measured_images(wanted.trial)
    batches = math.ceil(images / EVAL_IMAGES[wanted.trial.kind])
    return _pass(wanted.trial, images, batches) * measurements(wanted)


def measured_images(trial: Trial) -> int:
    """Images that a row is measured on: D_train, the test set, an epoch's own images."""
    train = train_images(trial)
    whole = row_of(trial).train_images
    test = TEST_IMAGES.get(trial.dataset, whole // 4 + whole - train)
    if isinstance(trial, DiffusionTrial):
        return min(train, MEASURED) + min(test, MEASURED)
    if isinstance(trial, TwoSampleTrial):
        return 2 * (trial.images or train)
    return train * (1 if trial.source == NORMAL else 2) + test


def measurements(wanted: Wanted) -> int:
    """How many epochs are measured: of a VAE four times as many in the last tenth."""
    epochs, every = wanted.epochs, wanted.measure_every
    if wanted.trial.kind != "vae":
        return math.ceil(epochs / every)
    often = max(1, every // 4)
    return sum(
        e == epochs or e in wanted.metric_epochs or e % (often if e > 0.9 * epochs else every) == 0
        for e in range(1, epochs + 1)
    )


def metrics_work(wanted: Wanted, settings: Mapping[str, Mapping[str, Any]]) -> Work:
    """The costly metrics whose steps can be counted, in all their epochs."""
    work, trial = Work(0, 0, 0, 0), wanted.trial
    if not isinstance(trial, VaeTrial):
        return work
    encoder, decoder = halves(trial)
    if "amortization" in wanted.metrics:
        given = AMORTIZATION | dict(settings.get("amortization", {}))
        passes = given["n_images"] * (2 * given["steps"] + 2 * given["mc_eval"])
        work += _through(decoder, passes) + Work(0, 0, 0, passes * components(trial))
    if "robustness" in wanted.metrics:
        given = ROBUSTNESS[row_of(trial).channels == 3] | dict(settings.get("robustness", {}))
        work += _through(encoder, 2 * given["n_ref"] * given["n_attack"] * given["n_steps"])
    return work * len(wanted.metric_epochs)


def _through(half: list[Layer], images: float) -> Work:
    """Forward through a half of the network; a gradient by its inputs costs as much again."""
    flops, values = sum(x.flops for x in half), sum(x.values for x in half)
    return Work(images * len(half) / TOGETHER, images * flops, images * values, 0)
