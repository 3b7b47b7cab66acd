"""Performs the gradient steps of a diffusion model, in micro-batches or as a CUDA graph."""

from dataclasses import dataclass

import torch
from torch import Tensor

from scaling.models import edm
from scaling.models.arithmetic import networks_in
from scaling.models.cuda_graph import Step, graphed, set_rate
from scaling.models.edm import Denoiser
from scaling.runs.gradients import DropoutMasks, Gradients
from scaling.runs.run import Run
from scaling.storage.checkpoints import State
from scaling.trial import DiffusionTrial

TINIEST_RAMP = 1e-5  # images: with a ramp of 0, EDM's code gives only its first step lr 0


@dataclass(frozen=True)
class Recipe:
    """Holds what distinguishes the recipes of a DiffusionTrial, apart from the initial weights."""

    summed: bool  # True: Adam minimizes the sum of the loss over pixels; False: its mean
    infinite: float  # the value that replaces an infinite gradient
    ramps_before: bool  # True: the lr depends on the images before the step; False: after it


RECIPES = {
    "mean_loss": Recipe(summed=False, infinite=0.0, ramps_before=False),
    "published": Recipe(summed=True, infinite=1e5, ramps_before=True),
}


def learning_rate(trial: DiffusionTrial, seen: int, batch: int) -> float:
    """Returns the learning rate of the step on `batch` images after `seen` images.

    It is lr * min(1, images / ramp_images), where the images are those before the step
    (`published`: the first step has rate 0) or include the step's own (`mean_loss`).
    """
    if RECIPES[trial.recipe].ramps_before:
        return trial.lr * min(1.0, seen / max(trial.ramp_images, TINIEST_RAMP))
    ramp = trial.ramp_images
    return trial.lr * (min(1.0, (seen + batch) / ramp) if ramp else 1.0)


class DiffusionSteps(Run):
    """Performs the gradient steps of a DiffusionRun, and averages its weights.

    With `micro_batch`, a step's images pass through the network in groups of that size, and the
    gradients add up to those of the batch: noise, noise levels and dropout masks are drawn for the
    whole batch at once. The result is the same up to rounding, with less memory and more kernel
    launches.
    """

    trial: DiffusionTrial
    levels: int
    epoch_images: int
    model: Denoiser
    denoiser: Denoiser
    micro_batch: int | None

    def _prepare_steps(self) -> None:
        self.recipe = RECIPES[self.trial.recipe]
        self.gradients = Gradients(self.model)
        # Listed once: listing 128 parameters walks through all modules, in each step.
        self.averaged = [*self.denoiser.parameters()]
        self.weights = [*self.model.parameters()]
        self.masks: DropoutMasks | None = None
        self.optimizer = torch.optim.Adam(
            self.model.parameters(),
            lr=self._rate(self.trial.lr),
            betas=(0.9, 0.999),
            eps=1e-8,
            fused=True,
            capturable=self.replays,
        )
        self._prepare_replays()

    def _prepare_replays(self) -> None:
        batch = self.trial.batch
        whole = graphed(self._descend, batch) if self.replays else self._descend
        self.descend: Step = whole

    @property
    def replays(self) -> bool:
        """Is True if whole batches are trained by a CUDA graph: on a GPU."""
        return self.device.type == "cuda" and self.epoch_images >= self.trial.batch

    def _rate(self, value: float) -> float | Tensor:
        """Returns a learning rate for the optimizer: a CUDA graph reads it from the device."""
        return torch.tensor(value, device=self.device) if self.replays else value

    def load_state_dict(self, state: State) -> None:
        """Restores the state that `state_dict` returned, on any device."""
        super().load_state_dict(state)
        for group in self.optimizer.param_groups:
            group["capturable"], group["lr"] = self.replays, self._rate(self.trial.lr)
        self._prepare_replays()

    def _step(self, images: Tensor, seen: int) -> Tensor:
        """Performs a gradient step after `seen` images; returns the batch's mean loss per pixel."""
        batch = len(images)
        rate = learning_rate(self.trial, seen, batch)
        for group in self.optimizer.param_groups:
            set_rate(group, rate)
        loss = self.descend(images)
        half_life = edm.ema_half_life(self.trial.ema_images, seen)
        edm.update_average(self.averaged, self.weights, batch, half_life)
        return loss

    def _descend(self, images: Tensor) -> Tensor:
        """Performs one step of Adam on the images; returns their mean loss per pixel."""
        self.gradients.clear()
        x = edm.from_levels(images, self.levels)
        losses = self._backward(x, *edm.with_noise(x))
        self.gradients.replace_nonfinite(self.recipe.infinite)
        self.optimizer.step()
        return losses.mean()

    def _backward(self, x: Tensor, noisy: Tensor, sigma: Tensor) -> Tensor:
        """Adds the gradients of the batch's loss; returns the losses per pixel, (B,)."""
        batch, size = len(x), self.micro_batch or len(x)
        weight = (x[0].numel() if self.recipe.summed else 1) / batch
        if size >= batch:
            losses = self._losses(x, noisy, sigma)
            (weight * losses.sum()).backward()
            return losses.detach()
        masks = self._masks(noisy, sigma)
        drawn, all_losses = masks.draw(batch, x.device), []
        for start in range(0, batch, size):
            part = slice(start, start + size)
            with masks.given(drawn, part):
                losses = self._losses(x[part], noisy[part], sigma[part])
                (weight * losses.sum()).backward()
            all_losses.append(losses.detach())
        return torch.cat(all_losses)

    def _losses(self, x: Tensor, noisy: Tensor, sigma: Tensor) -> Tensor:
        with networks_in(self.trial.precision, self.device):
            return edm.loss_at(self.model, x, noisy, sigma)

    def _masks(self, noisy: Tensor, sigma: Tensor) -> DropoutMasks:
        if self.masks is None:
            with networks_in(self.trial.precision, self.device):
                self.masks = DropoutMasks(self.model, noisy[:1], sigma[:1])
        return self.masks
