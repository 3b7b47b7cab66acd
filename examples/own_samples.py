"""Trains a VAE on the samples of a generator of your own, and compares it with real images.

    python examples/own_samples.py

The generator here is a Gaussian with the mean and the covariance of the training images: a poor
one, in ten lines. Any other works: what counts is an array of images, or a folder of PNG files.

Studies read the same samples. The name of a pool ends in a hash of its images; its beginning is
enough as long as only one pool has it:

    scaling-vae pool import results/samples.npy --name gaussian --train-size 300
    scaling-vae study data_sources --source normal dmaapx --set source.pool=gaussian
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from scaling.data.datasets import Dataset, load
from scaling.data.partition import divided
from scaling.pools.importing import import_samples
from scaling.pools.pool import Pool
from scaling.runs.vae import VaeRun
from scaling.trial import DMAAPX, VaeTrial

TRIAL = VaeTrial("digits", n_c=8, mixtures=5, lr=3e-3, batch=30, train_size=300)
CHUNKS = 5  # samples, in units of |D_train|: epoch 1 trains on chunk 0, epoch 6 on it again


def samples(train: np.ndarray, levels: int, count: int, seed: int = 0) -> np.ndarray:
    """Returns images drawn from a Gaussian fitted to `train`: uint8 levels (count, C, H, W)."""
    flat = train.reshape(len(train), -1).astype(float)
    covariance = np.cov(flat, rowvar=False) + 1e-6 * np.eye(flat.shape[1])
    drawn = np.random.default_rng(seed).multivariate_normal(flat.mean(0), covariance, count)
    return drawn.round().clip(0, levels - 1).astype(np.uint8).reshape(count, *train.shape[1:])


def imported(data: Dataset, results: Path) -> Pool:
    """Returns the pool of the samples, which the import checks and copies to `results/pools`."""
    results.mkdir(parents=True, exist_ok=True)
    file = results / "samples.npy"
    np.save(file, samples(data.train, data.levels, CHUNKS * len(data.train)))
    report = import_samples(
        file,
        results / "pools",
        "gaussian",
        dataset=data.name,
        levels=data.levels,
        train=data.train,
    )
    print("\n".join(report.lines()))
    return Pool.open(report.path, results / "pools")


def main(results: Path = Path("results"), epochs: int = 20) -> dict[str, float]:
    """Returns the test ELBO after training on real images and after training on samples."""
    data = divided(load("digits"), TRIAL.part)
    pool = imported(data, results)
    on_samples = replace(TRIAL, source=replace(DMAAPX, pool=pool.name, k=pool.k))
    runs = {
        "real images": VaeRun(TRIAL, data, epochs),
        "samples": VaeRun(on_samples, data, epochs, read_chunk=pool.read),
    }
    elbos = {name: list(run)[-1]["test_elbo"] for name, run in runs.items()}
    for name, test_elbo in elbos.items():
        print(f"trained on {name}: test ELBO {test_elbo:.1f} nats per image")
    return elbos


if __name__ == "__main__":
    torch.set_num_threads(1)  # as under Ray; networks this small gain nothing from more
    main()
