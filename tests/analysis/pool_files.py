"""Writes a diffusion trial and its pool, as a study leaves them."""

import json

import numpy as np

QUALITY = {
    **{"images": 300, "near_copies_samples": 0.002, "near_copies_test": 0.001},
    **{"nearest_samples_train": 0.16, "nearest_test_train": 0.15},
    **{"frechet_samples_test": 0.3, "frechet_train_test": 0.25},
    **{"mean_samples_test": 0.031, "mean_train_test": 0.02},
    **{"histogram_samples_test": 0.04, "histogram_train_test": 0.015},
}


def grey(count=20, levels=17, side=8, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, levels, (count, channels, side, side), dtype=np.uint8)


def add_pool(results, share, images, levels=17, per_chunk=5, seed=0, quality=QUALITY, **change):
    """Writes a diffusion trial and its pool, and returns the pool's folder."""
    fields = {"kind": "diffusion", "dataset": "digits", "share": share, "seed": seed}
    key = f"digits-share{share:g}-s{seed}"
    row = {"epoch": 120, "loss": 0.5, "train_loss": 0.4, "test_loss": 0.45}
    results.add(fields | {"multipliers": [1, 2]}, [row], key=key)
    folder = results.root / "pools" / f"pool-{key}"
    folder.mkdir(parents=True)
    chunks = []
    for at in range(len(images) // per_chunk):
        np.save(folder / f"chunk-{at:05d}.npy", images[at * per_chunk : (at + 1) * per_chunk])
        chunks.append({"file": f"chunk-{at:05d}.npy", "sha256": "0" * 64, "first_seed": 0})
    record = {"format": 1, "name": folder.name, "dataset": "digits", "levels": levels}
    record |= {"shape": list(images.shape[1:]), "images_per_chunk": per_chunk, "model": key}
    record |= {"epochs": 120, "sampler": {"steps": 18}, "source": "", "chunks": chunks}
    (folder / "pool.json").write_text(json.dumps(record | change))
    if quality:
        (folder / "quality.json").write_text(json.dumps(quality))
    return folder
