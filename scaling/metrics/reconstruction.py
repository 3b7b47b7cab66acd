"""Reconstructs test images (Fig 9) by the mean of p(x|z) at the mean of q(z|x)."""

import numpy as np
import torch

from scaling.metrics.subject import Subject
from scaling.models.likelihoods import quantize

SHOWN = 16


@torch.no_grad()
def measure(subject: Subject) -> dict[str, np.ndarray]:
    """Returns the first test images and their reconstructions, uint8 levels (16, C, H, W)."""
    x = subject.test[:SHOWN]
    vae = subject.vae.eval()
    reconstruction = quantize(vae.decode(vae.encode(x).mean).mean, vae.levels)
    return {"test_images": x.cpu().numpy(), "reconstructions": reconstruction.cpu().numpy()}
