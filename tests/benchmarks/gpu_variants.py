"""Defines forms of a VAE's training step, to be compared on a GPU.

`plain` is VaeRun's own: autocast to bf16, steps replayed as a CUDA graph. The others change it by
parts, which are combined as in `cast+compiled`:

| part | change |
|---|---|
| cast | weights are copied to bf16 once a step; autocast, which casts layer by layer, is off |
| compiled | torch.compile of encoder and decoder, each on its own |
| whole | torch.compile of the objective: encoder, draw, decoder, likelihood, KL |
| benchmark | cuDNN measures its convolutions and takes the fastest |
| contiguous | PyTorch's default layout instead of channels_last |
| tf32 | float32 products of fully-connected layers rounded to TF32 |
"""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from scaling.data.datasets import Dataset
from scaling.models.cuda_graph import Step, graphed
from scaling.models.vae import VAE, elbo
from scaling.runs.vae import VaeRun
from scaling.trial import VaeTrial

BATCHES = 64  # in an epoch
Objective = Callable[[VAE, Tensor], Tensor]
PARTS = ("plain", "cast", "compiled", "whole", "benchmark", "contiguous", "tf32")


def epoch_of(trial: VaeTrial, form: str) -> Callable[[], int]:
    """Returns a function that trains one epoch of made-up images; it returns their number."""
    parts = set(form.split("+"))
    assert parts <= set(PARTS), f"{form}: known parts are {', '.join(PARTS)}"
    torch.backends.cudnn.benchmark = "benchmark" in parts
    torch.backends.cuda.matmul.allow_tf32 = "tf32" in parts
    run = VaeRun(trial, _images(trial), epochs=1, device="cuda")
    if "contiguous" in parts:
        run.vae.to(memory_format=torch.contiguous_format)
    cast = Cast(run) if "cast" in parts else None
    step: Step = cast.step if cast else run._step
    trained = run.trained
    if "compiled" in parts:
        trained.encoder.compile()
        trained.decoder.compile()
    if "whole" in parts:
        step = _whole(run, cast, torch.compile(_objective))
    run.step = graphed(step, trial.batch)

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


def _objective(vae: VAE, x: Tensor) -> Tensor:
    return elbo(vae, vae.as_levels(x), vae.encode(x)).mean()


def _whole(run: VaeRun, cast: "Cast | None", objective: Objective) -> Step:
    def step(x: Tensor) -> Tensor:
        run.optimizer.zero_grad(set_to_none=True)
        value = objective(run.trained, x)
        (-value).backward()
        run.optimizer.step()
        return value.detach()

    return step if cast is None else lambda x: cast.step(x, objective)


class Half(nn.Module):
    """Computes a network whose weights are in bf16, and returns float32 if `cast`."""

    def __init__(self, network: nn.Module, cast: bool) -> None:
        super().__init__()
        self.network, self.cast = network, cast

    def forward(self, x: Tensor) -> Tensor:
        y = self.network(x.to(torch.bfloat16))
        return y.float() if self.cast else y


class Cast:
    """Trains through a copy of the VAE in bf16, whose weights are refreshed before each step.

    Normalizations stay in float32 and belong to both.
    """

    def __init__(self, run: VaeRun) -> None:
        self.run, vae = run, run.vae
        norms = [m for m in vae.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        kept = {id(p) for m in norms for p in m.parameters()}
        self.masters: list[Tensor] = [p for p in vae.parameters() if id(p) not in kept]
        memo: dict[int, object] = {id(m): m for m in norms}
        encoder, decoder = copy.deepcopy((vae.encoder, vae.decoder), memo)
        self.copies: list[Tensor] = []
        for master in self.masters:
            twin = memo[id(master)]
            assert isinstance(twin, nn.Parameter)
            twin.data = twin.data.to(torch.bfloat16)
            self.copies.append(twin)
        for master in self.masters:
            master.grad = torch.zeros_like(master)
        self.norms = [p for m in norms for p in m.parameters()]
        self.vae = VAE(Half(encoder, True), Half(decoder, False), vae.likelihood, vae.levels)
        run.trained = self.vae

    def step(self, x: Tensor, objective: Objective = _objective) -> Tensor:
        """Performs one gradient step; returns the mean ELBO."""
        for parameter in (*self.copies, *self.norms):
            parameter.grad = None
        with torch.no_grad():
            torch._foreach_copy_(self.copies, self.masters)
        value = objective(self.vae, x)
        (-value).backward()
        with torch.no_grad():
            torch._foreach_copy_(_gradients(self.masters), _gradients(self.copies))
        self.run.optimizer.step()
        return value.detach()


def _gradients(parameters: list[Tensor]) -> list[Tensor]:
    return [p.grad for p in parameters if p.grad is not None]
