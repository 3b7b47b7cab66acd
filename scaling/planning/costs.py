"""Estimates what a trial costs on a machine: its peak memory, and its seconds by its operations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scaling.models import Parameters
from scaling.models.counted import Counted
from scaling.models.flops import half_asleep_flops, training_flops
from scaling.models.layers import (
    Layer,
    Operations,
    halves,
    images_of_trial,
    layers,
    likelihood_terms,
)
from scaling.trial import Trial, VaeTrial
from scaling.trial.partition import sizes
from scaling.trial.schedule import MetricSettings, Scheduled

BYTES = 4
HEAD_COPIES = 3.0  # copies of the decoder's outputs that a step keeps; measured
BF16_SAVES = 0.73  # memory in bf16 over that in float32, in which statistics and sums stay
DATA_COPIES = 3  # copies of D_train: resident, in the epoch's order, in the object store
RUN_BYTES, COMPILER_BYTES = 30 << 20, 70 << 20
COMPILE_FROM = 5_000  # components, the same as in scaling.models.logistics
COMPILED_SHARE = 0.4  # time of a compiled likelihood over that of an uncompiled one
NFE = 35  # evaluations of a denoiser per sample: 18 steps of Heun, the last of Euler
SAMPLE_BATCH = {"cpu": 32, "cuda": 256}  # the same as in scaling.models.edm
AMORTIZATION = {"n_images": 1000, "steps": 300, "mc_eval": 64}  # the same as in its Settings
IWAE = {"n_images": 1000, "draws": 1000}  # the same as in its Settings
ROBUSTNESS = {  # Table 2, by whether images are RGB
    False: {"n_ref": 50, "n_attack": 10, "n_steps": 50},
    True: {"n_ref": 20, "n_attack": 10, "n_steps": 100},
}
WEIGHT = 0.25  # time of a weight over that of a value, since weights are read in memory's order
TOGETHER = 64  # images in a batch of a costly metric, approximately, on a CPU
AT_ONCE = {"cpu": 1 << 16, "cuda": 1 << 20}  # values of images whose q* is optimized together
ATTACKED = 512  # images attacked at a time


@dataclass(frozen=True)
class Copies:
    """Counts the copies of values in memory at a process's peak, measured per kind of trial."""

    optimizer: float  # copies of the weights: themselves, gradients, moments, an average, updates
    hidden: float  # copies of a layer's outputs that a step keeps: raw, normalized, activated
    measured_together: int  # images measured at a time
    measuring: float  # copies of the largest layer's outputs during measurements
    gaps: bool  # True if many small layers leave gaps, so that measuring adds to training


COPIES = {
    "vae": Copies(4.4, 3.0, 512, 2.2, gaps=False),
    "diffusion": Copies(5.4, 4.1, 250, 9.0, gaps=True),
    "two_sample": Copies(3.4, 3.0, 512, 1.5, gaps=True),
}


@dataclass(frozen=True)
class Machine:
    """Describes a device: seconds for one operation of each sort, and its memory in bytes."""

    name: str
    device: str  # cpu or cuda
    launch: float  # seconds to launch a linear map's forward pass, with its share of a step
    flop: float
    value: float
    component: float
    bf16: float  # time of a network in bf16 over that in float32; 1: no bf16
    base_bytes: int  # memory of process and libraries; on a GPU of its context
    bytes: int
    basis: str = "typical speeds"  # the origin of the seconds
    model: str = ""  # the GPU or processor as it names itself, "" if unknown

    def seconds(self, trial: Trial, work: Operations) -> float:
        """Returns the seconds that these operations of the trial take."""
        bf16 = self.bf16 if trial.trains_in_bf16(images_of_trial(trial).side) else 1
        network = bf16 * (self.flop * work.flops + self.value * work.values)
        compiled = COMPILED_SHARE if is_compiled(trial) else 1
        return self.launch * work.launches + network + compiled * self.component * work.components


CPU_CORE = Machine("one CPU core", "cpu", 8e-5, 3.5e-12, 4.5e-9, 2e-8, 1.0, 870 << 20, 8 << 30)
GPU = Machine(
    "an 11 GB GPU (RTX 2080 Ti class)", "cuda", 7e-5, 1e-13, 3e-11, 3e-11, 1.0, 900 << 20,
    11 * 10**9,
)  # fmt: skip


def is_compiled(trial: Trial) -> bool:
    """Returns True if the trial's likelihood is compiled."""
    return likelihood_terms(trial) >= COMPILE_FROM


def parameters(trial: Trial) -> Parameters:
    """Returns |Theta_z|, |Theta_not-z| and their sum; normalizations never belong to Theta_z."""
    every = layers(trial)
    total, z = sum(x.parameters for x in every), sum(x.weights for x in every if x.z)
    return {"parameters": total, "parameters_z": z, "parameters_rest": total - z}


def train_images(trial: Trial) -> int:
    """Returns |D_train|."""
    return sizes(trial.part, images_of_trial(trial), trial.dataset).train


def test_images(trial: Trial) -> int:
    """Returns the number of images of the validation and the test set."""
    counts = sizes(trial.part, images_of_trial(trial), trial.dataset)
    return counts.validation + counts.test


def image_bytes(trial: Trial) -> int:
    """Returns the bytes of one image as levels."""
    return images_of_trial(trial).image_bytes


def memory(
    trial: Trial,
    machine: Machine,
    metrics: Sequence[str] = (),
    micro_batch: int | None = None,
) -> int:
    """Estimates the peak bytes of a process: libraries, weights, optimizer, data, layer outputs.

    It is the larger peak of training and of measuring the costly `metrics`. With `micro_batch`,
    the outputs of that many images are kept at a time, and the dropout masks of the whole batch.
    """
    weights = COPIES[trial.kind].optimizer * parameters(trial)["parameters"]
    data = DATA_COPIES * train_images(trial) * image_bytes(trial)
    fixed = machine.base_bytes + RUN_BYTES + is_compiled(trial) * COMPILER_BYTES
    outputs = max(_outputs(trial, machine, micro_batch), _attended(trial, machine.device, metrics))
    return int(fixed + data + BYTES * (weights + outputs))


def _outputs(trial: Trial, machine: Machine, micro_batch: int | None) -> float:
    """Returns the number of values kept at the peak of training or of measuring.

    The layers of a VAE are few and large, and their memory is freed at once, except for a step
    that a GPU replays, which keeps its memory. The many small layers of the other networks leave
    gaps that are too small for larger batches.
    """
    *hidden, head = (layer.values for layer in layers(trial))
    copies = COPIES[trial.kind]
    per_image = copies.hidden * sum(hidden) + HEAD_COPIES * head
    in_bf16 = machine.bf16 < 1 and trial.trains_in_bf16(images_of_trial(trial).side)
    saved = BF16_SAVES if in_bf16 else 1
    training = min(micro_batch or trial.step_images, trial.step_images) * per_image * saved
    if micro_batch and micro_batch < trial.step_images:
        training += trial.step_images * _dropped(trial) / BYTES
    largest = max(hidden) + head
    measuring = copies.measured_together * copies.measuring * largest
    if copies.gaps:
        return training + measuring
    if machine.device == "cpu" or not trial.replays_steps:
        return max(training, measuring)
    partial = train_images(trial) % trial.batch / trial.batch
    return training + max(partial * training, measuring)


def _dropped(trial: Trial) -> int:
    """Counts the values of one image that dropout may set to 0; their mask takes a byte each."""
    if not getattr(trial, "dropout", 0.0):
        return 0
    return sum(layer.values for layer in layers(trial) if isinstance(layer, Layer) and layer.norm)


def _attended(trial: Trial, device: str, metrics: Sequence[str]) -> float:
    """Counts the values that gradients of costly metrics keep, through decoder or encoder."""
    if not trial.has_metrics:
        return 0.0
    encoder, decoder = (sum(x.values for x in half) for half in halves(trial))
    optimized = AT_ONCE[device] // image_bytes(trial) * decoder
    values = {"amortization": optimized, "robustness": ATTACKED * encoder}
    return COPIES[trial.kind].hidden * max((values.get(name, 0) for name in metrics), default=0)


def training_work(
    trial: Trial, epochs: int, micro_batch: int | None = None, images: int | None = None
) -> Operations:
    """Returns the operations of all gradient steps, in micro-batches of `micro_batch` if given.

    `images` is the number of images of an epoch, by default that of the trial's data set.
    """
    images = images or trial.epoch_images(train_images(trial))
    epoch = _pass(trial, images, math.ceil(images / (micro_batch or trial.batch))) * 3
    epoch = epoch._replace(flops=images * training_flops(trial))
    if not isinstance(trial, VaeTrial) or not 0 < trial.half_asleep_from < epochs:
        return epoch * epochs
    longer = half_asleep_flops(trial) / training_flops(trial)
    return epoch * (trial.half_asleep_from + longer * (epochs - trial.half_asleep_from))


def _pass(trial: Trial, images: float, batches: float) -> Operations:
    """Returns the operations of a forward pass through the networks and the likelihood."""
    every = layers(trial)
    flops, values = sum(x.flops for x in every), sum(x.values for x in every)
    weights = parameters(trial)["parameters"]
    return Operations(
        batches * len(every),
        images * flops,
        images * values + batches * weights * WEIGHT,
        images * likelihood_terms(trial),
    )


def sampling_work(trial: Trial, images: int, device: str) -> Operations:
    """Returns the operations of drawing `images` samples of a diffusion model."""
    return _pass(trial, images, math.ceil(images / SAMPLE_BATCH[device])) * NFE


def measuring_work(scheduled: Scheduled) -> Operations:
    """Returns the operations of measuring all rows."""
    trial = scheduled.trial
    images = trial.measured_images(train_images(trial), test_images(trial))
    batches = math.ceil(images / COPIES[trial.kind].measured_together)
    return _pass(trial, images, batches) * scheduled.measurements


def metrics_work(scheduled: Scheduled, settings: MetricSettings) -> Operations:
    """Returns the operations of the costly metrics with known costs, in all their epochs."""
    work, trial = Operations(0, 0, 0, 0), scheduled.trial
    if not trial.has_metrics:
        return work
    encoder, decoder = halves(trial)
    if "amortization" in scheduled.metrics:
        options = AMORTIZATION | dict(settings.get("amortization", {}))
        passes = options["n_images"] * (2 * options["steps"] + 2 * options["mc_eval"])
        work += _through(decoder, passes) + Operations(0, 0, 0, passes * likelihood_terms(trial))
    if "iwae" in scheduled.metrics:
        options = IWAE | dict(settings.get("iwae", {}))
        passes = options["n_images"] * options["draws"]
        work += _through(decoder, passes) + Operations(0, 0, 0, passes * likelihood_terms(trial))
    if "robustness" in scheduled.metrics:
        options = ROBUSTNESS[images_of_trial(trial).channels == 3] | dict(
            settings.get("robustness", {})
        )
        work += _through(encoder, 2 * options["n_ref"] * options["n_attack"] * options["n_steps"])
    return work * len(scheduled.kept_epochs)


def _through(half: list[Layer | Counted], images: float) -> Operations:
    """Returns the operations of forward passes through a half of the network.

    A gradient by its inputs costs as much again.
    """
    flops, values = sum(x.flops for x in half), sum(x.values for x in half)
    return Operations(images * len(half) / TOGETHER, images * flops, images * values, 0)
