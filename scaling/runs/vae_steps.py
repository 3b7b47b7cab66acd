"""Performs the gradient steps of a VAE: networks, optimizer, precision, phase, learning rate."""

import math

import torch
from torch import Tensor

from scaling.data.datasets import Dataset
from scaling.models.bf16_copy import Bf16Copy, can_copy
from scaling.models.compiled import CompiledAt
from scaling.models.cuda_graph import Step, graphed
from scaling.models.precision import Precision, trained_in
from scaling.models.vae import VAE, elbo
from scaling.runs.half_asleep import with_samples
from scaling.runs.run import Run
from scaling.trial import VaeTrial

# Compiling takes a process a minute. On an H200 at batch 100 it saves 0.5 ms a step at n_c = 8,
# 0.3 ms at 32 and 128, 0.07 ms with fully-connected networks.
COMPILED_STEPS = 250_000


class VaeSteps(Run):
    """Performs the gradient steps of a VaeRun: optimizer, precision, phase, learning rate."""

    trial: VaeTrial
    data: Dataset
    vae: VAE
    precision: Precision

    def _step(self, x: Tensor) -> Tensor:
        """Performs one gradient step on the batch's mean ELBO; returns that ELBO in nats."""
        self.optimizer.zero_grad(set_to_none=True)
        if self.half_asleep:
            x = with_samples(self.vae, self.trial, x)
        if self.bf16_copy:
            self.bf16_copy.renew()
        objective = elbo(self.trained, self.vae.as_levels(x), self.trained.encode(x)).mean()
        (-objective).backward()
        if self.bf16_copy:
            self.bf16_copy.collect()
        if self.trial.grad_clip is not None:
            torch.nn.utils.clip_grad_norm_(self.vae.parameters(), self.trial.grad_clip)
        self.optimizer.step()
        return objective.detach()

    def _set_networks(self) -> None:
        """Prepares the networks in which steps compute, which share the VAE's weights.

        Steps that are replayed on a GPU use a copy in bf16, and many steps use compiled networks.
        """
        copied = self.replays and self.precision == "bf16" and can_copy(self.vae)
        self.bf16_copy = Bf16Copy(self.vae) if copied else None
        self.trained = (
            self.bf16_copy.vae if self.bf16_copy else trained_in(self.precision, self.vae)
        )
        if self.replays and self.steps >= COMPILED_STEPS:
            encoder, decoder = self.trained.encoder, self.trained.decoder
            self.trained = VAE(
                CompiledAt(encoder, self.trial.batch),
                CompiledAt(decoder, self.trial.batch),
                self.vae.likelihood,
                self.vae.levels,
            )

    @property
    def steps(self) -> int:
        """Returns the number of steps of the whole training."""
        return self.epochs * math.ceil(len(self.data.train) / self.trial.batch)

    def _set_phase(self, epoch: int) -> None:
        """Creates the epoch's optimizer: after `half_asleep_from`, for the encoder alone."""
        self.half_asleep = 0 < self.trial.half_asleep_from < epoch
        # Old gradients of a frozen decoder would enter the clipped norm.
        self.vae.zero_grad(set_to_none=True)
        self.vae.decoder.requires_grad_(not self.half_asleep)
        self.optimizer = self._adam(self.vae.encoder if self.half_asleep else self.vae)
        self._set_networks()
        self.step: Step = graphed(self._step, self.trial.batch) if self.replays else self._step

    @property
    def replays(self) -> bool:
        """Is True if steps run as a CUDA graph: on a GPU, if nothing changes between them."""
        whole = len(self.data.train) >= self.trial.batch
        same = self.trial.replays_steps and not self.half_asleep
        return self.device.type == "cuda" and whole and same

    def _adam(self, module: torch.nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(
            module.parameters(),
            lr=self.trial.lr,
            weight_decay=self.trial.weight_decay,
            fused=True,
            capturable=self.replays,
        )

    def _set_lr(self) -> None:
        if not self.trial.lr_decay_epochs:
            return
        start = self.trial.half_asleep_from if self.half_asleep else 0
        done = min(1.0, (self.epoch - 1 - start) / self.trial.lr_decay_epochs)
        for group in self.optimizer.param_groups:
            group["lr"] = self.trial.lr * 0.5 * (1 + math.cos(math.pi * done))
