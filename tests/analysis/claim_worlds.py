"""Makes results of a world in which every claim of the paper is true, and of its contrary."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

SEEDS = range(5)
M_Z, N_C = (1, 2, 8, 10, 16, 64), (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
CORRUPTIONS = ("fog", "snow", "overall")
CLASSIFIERS = ("logistic", "svm_rbf", "svm_linear", "knn")


@dataclass(frozen=True)
class Trained:
    """Describes a training; `share` is that of D_train behind the samples."""

    real: float = 1.0
    k: int | None = None
    share: float = 1.0
    augment: str | None = None
    mollify: int = 0
    asleep: int = 0
    m_z: int = 1
    n_c: int = 256

    @property
    def name(self) -> str:
        """Returns normal, dmaapx, tuned, naive or other."""
        if self.mollify or self.asleep or self.real not in (0.0, 1.0):
            return "other"
        if self.real == 0 and self.augment:
            return "other"
        if self.real == 0:
            return "dmaapx"
        return self.augment or "normal"


def arms() -> list[Trained]:
    """Returns every training of the paper's figures."""
    shares, ks = (0.1, 0.3, 0.5, 0.7, 0.9), (1, 2, 5, 10, 100, 1000)
    sizes = [(m_z, n_c) for m_z, n_c in product(M_Z, N_C) if m_z in (1, 2, 8, 64) or n_c == 256]
    found = [Trained(m_z=m_z, n_c=n_c) for m_z, n_c in sizes]
    found += [Trained(0.0, 1000, m_z=m_z, n_c=n_c) for m_z, n_c in sizes]
    found += [Trained(0.0, k) for k in ks] + [Trained(0.0, 1000, share) for share in shares]
    found += [Trained(augment=augment) for augment in ("tuned", "naive")]
    found += [
        Trained(real, 1000, augment=augment)
        for real in (0.2, 0.4, 0.6, 0.8)
        for augment in (None, "tuned")
    ]
    found += [Trained(0.0, 1000, augment="tuned")]
    found += [Trained(mollify=500), Trained(0.0, 1000, mollify=500)]
    found += [Trained(asleep=500), Trained(0.0, 1000, asleep=500)]
    return list(dict.fromkeys(found))


def cured(arm: Trained) -> float:
    """Returns the share of overfitting that the training distribution prevents."""
    if arm.mollify or arm.asleep:
        return {1.0: 0.0 if arm.mollify else 0.2, 0.0: 1.0}[arm.real]
    if arm.share < 1:
        return {0.1: -0.3, 0.3: 0.0, 0.5: 0.6, 0.7: 0.97, 0.9: 0.98}[arm.share]
    help_of = {None: 0.0, "tuned": 0.6, "naive": 0.62}[arm.augment]
    samples = 1.0 if arm.k is None else math.log(min(arm.k, 10)) / math.log(10)
    harm = 0.1 if arm.real == 0 and arm.augment else 0.0
    return (1 - arm.real) * samples + arm.real * help_of - harm


def true(arm: Trained) -> dict[str, float]:
    """Returns metrics of a trial for which all of the paper's claims hold."""
    wide, deep, cure = math.log2(arm.n_c), math.log2(arm.m_z), cured(arm)
    over = 40 * max(0.0, wide - 4) * max(0.0, 1 - deep / 4)
    gap = (20 + 30 * wide) * (1 - deep / 6.2)
    left = {"tuned": 0.4, "naive": 0.35}.get(arm.augment or "", 1.0) * arm.real
    left = 0.0 if arm.mollify else left if arm.k in (None, 1000) else 1 - cure
    left += 0.05 if arm.real == 0 and arm.augment else 0.0
    best = {"normal": 1, "dmaapx": 2, "tuned": 0, "naive": 0}.get(arm.name, 1)
    found = {
        "test_elbo": -1000 + 20 * wide - over * (1 - cure) + 2 * deep + cure,
        "generalization_gap": left * gap + 2 + 10 * (1 - arm.share),
        "amortization_gap": 250 - 20 * deep - 100 * cure,
        "robustness_gap": 0.5 - 0.02 * deep - 0.1 * cure,
        "roughness": 10 - cure,
        "interpolation_log_q": -100 + cure,
        "psnr_mean": 20 + 0.1 * best,
        "psnr_sample": 16 + 0.1 * best,
        "fid": 240 - 10 * best,
        "inception_score": 1.8 if arm.name == "normal" else 1.6,
        "seconds": 100.0,
    }
    found["source_elbo"] = found["test_elbo"] - 30
    for name, corruption in product(CLASSIFIERS, (None, *CORRUPTIONS)):
        column = f"accuracy_{name}" + (f"__{corruption}" if corruption else "")
        found[column] = 0.3 + 0.05 * best
    return found


def contrary(arm: Trained) -> dict[str, float]:
    """Returns metrics of a trial for which none of the paper's claims holds."""
    found = {name: -value for name, value in true(arm).items()}
    far = {
        "once": arm.k == 1,
        "full": arm.k == 1000 and arm.share == 1 and arm.real == 0,
        "seventy": arm.share == 0.7,
        "third": arm.share == 0.3,
    }
    elbo = 1000.0 * far["once"] - 1000 * far["full"] - 3000 * far["seventy"] + 1000 * far["third"]
    elbo -= 1000 * (arm.m_z == 64 and arm.n_c >= 256) + 2000 * (arm.augment == "tuned")
    elbo -= 500 * (arm.augment == "naive")
    elbo -= {1: 500, 2: 300, 4: 200, 32: 300}.get(arm.n_c, 0) * (arm.m_z == 8)  # double descent
    elbo += 2000 * bool(arm.mollify) * (2 - arm.real) + 4000 * bool(arm.asleep) * (1 - arm.real)
    elbo -= 500 * bool(arm.asleep) * arm.real
    found["test_elbo"] += elbo
    found["generalization_gap"] += 1000 * far["full"] - 1000 * bool(arm.mollify)
    found["source_elbo"] = found["test_elbo"] + 30
    found["psnr_mean"] -= 10 * far["full"]
    found["psnr_sample"] += 10 * bool(arm.augment)
    found["fid"] += 100 * far["full"]
    found["seconds"] += 1000 * far["full"]
    return found


def frame(
    world: Callable[[Trained], dict[str, float]],
    noise: float = 0.0,
    seeds: range = SEEDS,
    dataset: str = "cifar10",
) -> pd.DataFrame:
    """Makes results in a world: a VAE per arm and seed, a classifier per share and seed.

    The noise has mean 0 over the seeds in each arm, and is never exactly 0.
    """
    rng = np.random.default_rng(0)
    signs = np.array([1.0, -1.0, 1.0, -1.0, 0.0])[: len(seeds)]
    records = []
    for number, arm in enumerate(arms()):
        values, size = world(arm), (1e-4 + noise) * rng.uniform(0.2, 1, 100)
        for seed in seeds:
            noisy = {n: v + signs[seed] * size[at] for at, (n, v) in enumerate(values.items())}
            records.append(_vae(arm, number, seed) | noisy)
    sign = 1 if world is true else -1
    for number, share in enumerate((0.3, 0.5, 0.7, 0.9, 1.0)):
        accuracy = 0.95 - 0.3 * share if sign > 0 else 0.3 * share
        spread = (1e-4 + noise) * rng.uniform(0.2, 1)
        records += [
            {"key": f"c{number}-{seed}", "kind": "two_sample", "state": "done", "share": share}
            | {"seed": seed, "epoch": 14, "lr": 1e-3, "real": "test"}
            | {"accuracy": accuracy + signs[seed] * spread}
            for seed in seeds
        ]
    return pd.DataFrame(records).assign(dataset=dataset)


def _vae(arm: Trained, number: int, seed: int) -> dict[str, object]:
    return {
        "key": f"v{number}-{seed}",
        "kind": "vae",
        "state": "done",
        "train_size": 60000,
        "network": "residual",
        "likelihood": "mixture",
        "source": arm.name,
        "source_real_share": arm.real,
        "source_k": arm.k,
        "source_diffusion_share": arm.share,
        "source_augment": arm.augment,
        "source_mollify_epochs": arm.mollify,
        "half_asleep_from": arm.asleep,
        "m_z": arm.m_z,
        "n_c": arm.n_c,
        "seed": seed,
        "lr": 1e-4,
        "epoch": 1000,
        "parameters": arm.n_c**2 + arm.m_z,
    }
