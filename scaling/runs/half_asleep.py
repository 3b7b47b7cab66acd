"""Trains the encoder alone, also on samples: reverse half asleep (section 5.2; Zhang et al. 2022).

The decoder is frozen. Each step adds to the M images x of the batch M samples x^ ~ p(x|z), with z ~
q(z|x) of the encoder in eval mode (or z from the prior), and maximizes the ELBO of both.
"""

import torch
from torch import Tensor

from scaling.models.likelihoods import quantize
from scaling.models.vae import VAE, prior
from scaling.trial import VaeTrial


def with_samples(vae: VAE, trial: VaeTrial, x: Tensor) -> Tensor:
    """Returns the batch (M, C, H, W) followed by M samples of the decoder, or the samples alone."""
    samples = _samples(vae, trial, x)
    if trial.half_asleep_mix == "only_samples":
        return samples
    if samples.dtype != x.dtype:
        x = x / (vae.levels - 1) if x.dtype == torch.uint8 else x
        samples = samples / (vae.levels - 1) if samples.dtype == torch.uint8 else samples
    return torch.cat([x, samples])


@torch.no_grad()
def _samples(vae: VAE, trial: VaeTrial, x: Tensor) -> Tensor:
    """Samples images as levels; a Gaussian likelihood, a density, gives floats in [0, 1]."""
    vae.encoder.eval()
    q = vae.encode(x)
    vae.encoder.train()
    z = q.sample() if trial.half_asleep_source == "qz" else prior(q).sample()
    sample = vae.decode(z).sample()
    real = trial.likelihood_entry.floats == "always"
    return sample if real else quantize(sample, vae.levels)
