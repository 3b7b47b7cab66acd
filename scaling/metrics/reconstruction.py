"""Reconstructions of test images (Fig 9): levels of the mean of p(x|z) at the mean of q(z|x)."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from scaling.models.likelihoods import quantize

if TYPE_CHECKING:
    from scaling.runs.vae import VaeRun

SHOWN = 16


@torch.no_grad()
def measure(run: "VaeRun") -> dict[str, np.ndarray]:
    """The first test images and their reconstructions, uint8 levels (16, C, H, W)."""
    x = run.test[:SHOWN]
    run.vae.eval()
    reconstruction = quantize(run.vae.decode(run.vae.encode(x).mean).mean, run.vae.levels)
    return {"test_images": x.cpu().numpy(), "reconstructions": reconstruction.cpu().numpy()}
