"""Defines forms of a VAE's training step, to be compared on a GPU.

`plain` is a step in autocast to bf16, replayed as a CUDA graph. The others change it by parts, and
parts are combined as in `cast+compiled`. Trials use `cast+benchmark`; long ones compile too.

| part | change |
|---|---|
| cast | a copy of the weights in bf16 (`Bf16Copy`) instead of autocast |
| compiled | torch.compile of encoder and decoder, each on its own |
| benchmark | cuDNN measures its convolutions and takes the fastest |
| contiguous | PyTorch's default layout instead of channels_last |
| tf32 | float32 products of fully-connected layers rounded to TF32 |
"""

from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import torch

from scaling.data.datasets import Dataset
from scaling.models.compiled import CompiledAt
from scaling.models.cuda_graph import graphed
from scaling.models.precision import trained_in
from scaling.models.vae import VAE
from scaling.runs import vae as runs
from scaling.trial import VaeTrial

BATCHES = 64  # in an epoch
PARTS = ("plain", "cast", "compiled", "benchmark", "contiguous", "tf32")


def epoch_of(trial: VaeTrial, form: str) -> Callable[[], int]:
    """Returns a function that trains one epoch of made-up images; it returns their number.

    The form applies to the whole process.
    """
    parts = set(form.split("+"))
    assert parts <= set(PARTS), f"{form}: known parts are {', '.join(PARTS)}"
    torch.backends.cuda.matmul.allow_tf32 = "tf32" in parts
    if "tf32" in parts:
        runs.full_float32 = lambda wanted: nullcontext()  # type: ignore
    if "benchmark" not in parts:
        runs.fastest_convolutions = lambda wanted: nullcontext()  # type: ignore
    run = runs.VaeRun(trial, _images(trial), epochs=1, device="cuda")
    if "contiguous" in parts:
        run.vae.to(memory_format=torch.contiguous_format)
        run._set_networks()
    if "cast" not in parts:
        run.bf16_copy, run.trained = None, trained_in(run.precision, run.vae)
    if "compiled" in parts:
        encoder, decoder = run.trained.encoder, run.trained.decoder
        networks = (CompiledAt(encoder, trial.batch), CompiledAt(decoder, trial.batch))
        run.trained = VAE(*networks, run.vae.likelihood, run.vae.levels)
    run.step = graphed(run._step, trial.batch)

    def epoch() -> int:
        run.epoch += 1
        run.train_epoch()
        return len(run.train)

    return epoch


def _images(trial: VaeTrial) -> Dataset:
    grey = trial.dataset == "mnist"
    shape, levels = ((1, 28, 28), 2) if grey else ((3, 32, 32), 256)
    draw = np.random.default_rng(0).integers
    images = draw(0, levels, (BATCHES * trial.batch, *shape), np.uint8)
    labels = np.zeros(len(images), np.uint8)
    return Dataset(trial.dataset, images, images[:2], labels, labels[:2], levels)
