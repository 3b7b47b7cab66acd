"""What a trial costs on a machine: bytes at its peak, seconds from the work that it is made of."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scaling.models.counted import Counted
from scaling.models.flops import half_asleep_flops, training_flops
from scaling.models.layers import Layer, Operations, halves, layers, likelihood_terms, row_of
from scaling.trial import Trial, VaeTrial
from scaling.trial.partition import sizes
from scaling.trial.schedule import Scheduled

BYTES = 4
HEAD_COPIES = 3.0
BF16_SAVES = 0.73  # statistics and sums stay in float32
DATA_COPIES = 3  # of D_train: resident, in the epoch's order, in the object store
RUN_BYTES, COMPILER_BYTES = 30 << 20, 70 << 20
COMPILE_FROM = 5_000  # components, as scaling.models.logistics has it
COMPILED_SHARE = 0.4  # of the likelihood's time, where it is compiled
NFE = 35  # evaluations of a denoiser for a sample: 18 steps of Heun, the last of Euler
SAMPLE_BATCH = {"cpu": 32, "cuda": 256}  # as scaling.models.edm has it
AMORTIZATION = {"n_images": 1000, "steps": 300, "mc_eval": 64}  # as its Settings
IWAE = {"n_images": 1000, "draws": 1000}
ROBUSTNESS = {  # Table 2, by whether images are RGB
    False: {"n_ref": 50, "n_attack": 10, "n_steps": 50},
    True: {"n_ref": 20, "n_attack": 10, "n_steps": 100},
}
WEIGHT = 0.25  # of a value: a weight is updated without leaving memory's order
TOGETHER = 64  # images in a batch of those, on a CPU about
AT_ONCE = {"cpu": 1 << 16, "cuda": 1 << 20}  # values of images that q* is optimized of together
ATTACKED = 512  # images that are attacked together


@dataclass(frozen=True)
class Copies:
    """How often values are in memory at the peak of a process, by kind of trial; measured."""

    optimizer: float  # of the weights: themselves, gradients, moments, an average, updates
    hidden: float  # of each layer's outputs that a step keeps: its own, normalized, activated
    measured_together: int  # images
    measuring: float  # of the largest layer's outputs, while measuring
    gaps: bool  # whether many small layers leave gaps, so that measuring adds to training


COPIES = {
    "vae": Copies(4.4, 3.0, 512, 1.5, gaps=False),
    "diffusion": Copies(5.4, 4.1, 250, 9.0, gaps=True),
    "two_sample": Copies(3.4, 3.0, 512, 1.5, gaps=True),
}


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

    def seconds(self, trial: Trial, work: Operations) -> float:
        """Of so much work of the trial."""
        bf16 = self.bf16 if trial.trains_in_bf16(row_of(trial).side) else 1
        network = bf16 * (self.flop * work.flops + self.value * work.values)
        compiled = COMPILED_SHARE if is_compiled(trial) else 1
        return self.launch * work.launches + network + compiled * self.component * work.components


CPU_CORE = Machine("one CPU core", "cpu", 8e-5, 3.5e-12, 4.5e-9, 2e-8, 1.0, 870 << 20, 8 << 30)
GPU = Machine(
    "an 11 GB GPU (RTX 2080 Ti class)", "cuda", 7e-5, 1e-13, 3e-11, 3e-11, 1.0, 900 << 20,
    11 * 10**9,
)  # fmt: skip


def is_compiled(trial: Trial) -> bool:
    """Whether torch.compile translates the likelihood."""
    return likelihood_terms(trial) >= COMPILE_FROM


def parameters(trial: Trial) -> dict[str, int]:
    """|Theta_z|, |Theta_not-z| and their sum; a normalization never belongs to Theta_z."""
    every = layers(trial)
    total, z = sum(x.parameters for x in every), sum(x.weights for x in every if x.z)
    return {"parameters": total, "parameters_z": z, "parameters_rest": total - z}


def train_images(trial: Trial) -> int:
    """|D_train|."""
    return sizes(trial.part, row_of(trial), trial.dataset).train


def test_images(trial: Trial) -> int:
    """Images of the validation and the test set."""
    found = sizes(trial.part, row_of(trial), trial.dataset)
    return found.validation + found.test


def image_bytes(trial: Trial) -> int:
    """Bytes of one image as levels."""
    return row_of(trial).image_bytes


def memory(
    trial: Trial,
    machine: Machine,
    metrics: Sequence[str] = (),
    micro_batch: int | None = None,
) -> int:
    """Bytes of a process at its peak: libraries, weights and optimizer, data, outputs of layers.

    Or of one that measures the costly metrics, whichever is more. With `micro_batch` the outputs
    of so many images are kept at a time, and the dropout masks of the whole batch.
    """
    weights = COPIES[trial.kind].optimizer * parameters(trial)["parameters"]
    data = DATA_COPIES * train_images(trial) * image_bytes(trial)
    fixed = machine.base_bytes + RUN_BYTES + is_compiled(trial) * COMPILER_BYTES
    outputs = max(_outputs(trial, machine, micro_batch), _attended(trial, machine.device, metrics))
    return int(fixed + data + BYTES * (weights + outputs))


def _outputs(trial: Trial, machine: Machine, micro_batch: int | None) -> float:
    """Values kept at the peak, of training or of measuring.

    The layers of a VAE are few and large, and given back at once, but for a step that a GPU
    replays: that one keeps its own. The many small layers of the other networks leave gaps that
    larger batches do not fit in.
    """
    *hidden, head = (layer.values for layer in layers(trial))
    copies = COPIES[trial.kind]
    kept = copies.hidden * sum(hidden) + HEAD_COPIES * head
    saved = BF16_SAVES if machine.bf16 < 1 and trial.trains_in_bf16(row_of(trial).side) else 1
    training = min(micro_batch or trial.step_images, trial.step_images) * kept * saved
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
    """Values of one image that dropout may set to 0: a mask of them takes a byte each."""
    if not getattr(trial, "dropout", 0.0):
        return 0
    return sum(layer.values for layer in layers(trial) if isinstance(layer, Layer) and layer.norm)


def _attended(trial: Trial, device: str, metrics: Sequence[str]) -> float:
    """Values kept by the gradients of costly metrics: through the decoder, or the encoder."""
    if not trial.has_metrics:
        return 0.0
    encoder, decoder = (sum(x.values for x in half) for half in halves(trial))
    optimized = AT_ONCE[device] // image_bytes(trial) * decoder
    kept = {"amortization": optimized, "robustness": ATTACKED * encoder}
    return COPIES[trial.kind].hidden * max((kept.get(name, 0) for name in metrics), default=0)


def training_work(trial: Trial, epochs: int, micro_batch: int | None = None) -> Operations:
    """The gradient steps of so many epochs, each in micro-batches where those are given."""
    images = trial.epoch_images(train_images(trial))
    epoch = _pass(trial, images, math.ceil(images / (micro_batch or trial.batch))) * 3
    epoch = epoch._replace(flops=images * training_flops(trial))
    if not isinstance(trial, VaeTrial) or not 0 < trial.half_asleep_from < epochs:
        return epoch * epochs
    longer = half_asleep_flops(trial) / training_flops(trial)
    return epoch * (trial.half_asleep_from + longer * (epochs - trial.half_asleep_from))


def _pass(trial: Trial, images: float, batches: float) -> Operations:
    """Forward through the networks and the likelihood."""
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
    """Samples of the model."""
    return _pass(trial, images, math.ceil(images / SAMPLE_BATCH[device])) * NFE


def measuring_work(scheduled: Scheduled) -> Operations:
    """What the rows are measured with, in all epochs."""
    trial = scheduled.trial
    images = trial.measured_images(train_images(trial), test_images(trial))
    batches = math.ceil(images / COPIES[trial.kind].measured_together)
    return _pass(trial, images, batches) * scheduled.measurements


def metrics_work(scheduled: Scheduled, settings: Mapping[str, Mapping[str, Any]]) -> Operations:
    """The costly metrics whose steps can be counted, in all their epochs."""
    work, trial = Operations(0, 0, 0, 0), scheduled.trial
    if not trial.has_metrics:
        return work
    encoder, decoder = halves(trial)
    if "amortization" in scheduled.metrics:
        given = AMORTIZATION | dict(settings.get("amortization", {}))
        passes = given["n_images"] * (2 * given["steps"] + 2 * given["mc_eval"])
        work += _through(decoder, passes) + Operations(0, 0, 0, passes * likelihood_terms(trial))
    if "iwae" in scheduled.metrics:
        given = IWAE | dict(settings.get("iwae", {}))
        passes = given["n_images"] * given["draws"]
        work += _through(decoder, passes) + Operations(0, 0, 0, passes * likelihood_terms(trial))
    if "robustness" in scheduled.metrics:
        given = ROBUSTNESS[row_of(trial).channels == 3] | dict(settings.get("robustness", {}))
        work += _through(encoder, 2 * given["n_ref"] * given["n_attack"] * given["n_steps"])
    return work * len(scheduled.kept_epochs)


def _through(half: list[Layer | Counted], images: float) -> Operations:
    """Forward through a half of the network; a gradient by its inputs costs as much again."""
    flops, values = sum(x.flops for x in half), sum(x.values for x in half)
    return Operations(images * len(half) / TOGETHER, images * flops, images * values, 0)
