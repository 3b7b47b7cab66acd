"""Writes made-up results of the studies of data sources, with known values at their end."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from analysis.results import load

END = 1000
EPOCHS = (*range(10, 100, 10), *range(100, 901, 100), 925, 950, 975, 1000)
COSTLY = (100, 400, 700, 1000)
TRAINED = {"normal": (800.0, 840.0), "dmaapx": (300.0, 5.0)}  # loss compared with BEST, gap
TRAINED |= {"aug_tuned": (350.0, 94.0), "aug_naive": (450.0, 228.0), "mollify": (790.0, 830.0)}
BEST = -10_000.0
SEED_STEPS = (-1.0, 0.0, 1.0)  # for seeds 0, 1, 2: mean 0, standard deviation 1
STEP = 12.0  # nats between seeds


def source(name: str = "normal", **fields: Any) -> dict[str, Any]:
    """Returns the source's fields in a trial.json."""
    named: dict[str, dict[str, Any]] = {
        "normal": {},
        "dmaapx": {"real_share": 0.0, "k": 10, "pool": "p"},
        "aug_tuned": {"augment": "tuned"},
        "aug_naive": {"augment": "naive"},
        "mollify": {"mollify_epochs": 500},
    }
    plain = {"real_share": 1.0, "k": None, "diffusion_share": 1.0, "pool": None, "augment": None}
    return plain | {"mollify_epochs": 0} | named[name] | fields


def elbos(epoch: int, loss: float, gap: float) -> tuple[float, float]:
    """Returns train and test ELBO: both rise, and the gap grows linearly to `gap` at the end."""
    rising = BEST - loss - 3000.0 * np.exp(-epoch / 60)
    opened = gap * min(epoch / 900, 1.0)
    return rising + opened / 2, rising - opened / 2


def rows(
    loss: float, gap: float, seed: int = 0, costly: Iterable[int] = (), **fields: Any
) -> list[dict]:
    """Returns lines of rows.jsonl; the last tenth of the epochs has the final values."""
    made = []
    for epoch in EPOCHS:
        step = SEED_STEPS[seed % 3]
        own = gap * (1 + 0.05 * step)
        train, test = (value + STEP * step for value in elbos(epoch, loss, own))
        row = {"epoch": epoch, "train_elbo": train, "test_elbo": test, "source_elbo": train - 50}
        row |= {"generalization_gap": train - test, "parameters": 7_909_734, "d_z": 64}
        made.append(row | (_costly(epoch, test, own, seed) if epoch in costly else {}) | fields)
    return made


def _costly(epoch: int, test: float, gap: float, seed: int) -> dict:
    amortization = gap * epoch / END + 200 + seed
    robustness = 0.3 + gap / 8000 + 0.01 * seed
    row = {"encoder_elbo": test + 7, "optimal_elbo": test + 7 + amortization}
    row |= {"amortization_gap": amortization, "ms_ssim_input": 0.95, "robustness_gap": robustness}
    return row | {"ms_ssim_reconstruction": 0.95 - robustness}


class Studies:
    """Writes whole studies into a results root (`conftest.Results`)."""

    def __init__(self, results) -> None:
        self.results = results
        self.made = 0

    def frame(self) -> pd.DataFrame:
        """Returns the frame of the results."""
        return load(self.results.close())

    def vae(self, made: list[dict], seed: int = 0, done: object = "done", **fields: Any) -> None:
        """Writes one trial with its rows; `fields` replace those of trial.json."""
        base: dict[str, Any] = {"kind": "vae", "dataset": "cifar10", "train_size": None, "split": 0}
        base |= {"network": "residual", "likelihood": "mixture", "m_z": 1, "n_c": 256}
        base |= {"seed": seed, "half_asleep_from": 0, "source": source()}
        self.made += 1
        self.results.add(base | fields, made, done, key=f"trial-{self.made}")
        self.results.requested[f"trial-{self.made}"] = {"epochs": END}

    def each_seed(self, loss: float, gap: float, seeds: int = 3, **fields: Any) -> None:
        """Writes trials that differ in their seed."""
        costly = fields.pop("costly", ())
        data = {"data": fields.pop("data")} if "data" in fields else {}
        for seed in range(seeds):
            self.vae(rows(loss, gap, seed, costly, **data), seed, **fields)

    def data_sources(self, dataset: str = "cifar10", **fields: Any) -> None:
        for name in ("normal", "dmaapx", "aug_tuned", "aug_naive"):
            loss, gap = TRAINED[name]
            self.each_seed(loss, gap, source=source(name), costly=COSTLY, dataset=dataset, **fields)

    def latent_width(self) -> None:
        self.each_seed(800.0, 840.0, m_z=1, costly=COSTLY)
        self.each_seed(100.0, 90.0, m_z=10, costly=COSTLY[:-1])

    def sample_budget(self, ks: Iterable[int] = (1, 2, 5, 10, 20, 50, 100, 1000)) -> None:
        self.each_seed(*TRAINED["normal"])
        for k in ks:
            self.each_seed(300 + 500 / k, 5 + 800 / k, source=source("dmaapx", k=k))

    def reverse_half_asleep(self) -> None:
        for name, better in (("normal", 200.0), ("dmaapx", 0.0)):
            loss, gap = TRAINED[name]
            self.each_seed(loss, gap, source=source(name))
            self.each_seed(loss - better, gap - better, source=source(name), half_asleep_from=500)

    def mollification(self) -> None:
        for name in ("normal", "dmaapx", "mollify"):
            self.each_seed(*TRAINED[name], source=source(name))
        both = source("dmaapx", mollify_epochs=500)
        self.each_seed(320.0, 6.0, source=both)

    def mixtures(self) -> None:
        for real in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
            for augment in (None, "tuned"):
                less = 0.3 if augment else 1.0
                drawn: dict[str, Any] = {"k": 10, "pool": "p"} if real < 1 else {}
                made = source(real_share=real, augment=augment, **drawn)
                self.each_seed(330 + 450 * real * less, 5 + 800 * real * less, source=made)

    def diffusion_subsets(self) -> None:
        self.each_seed(*TRAINED["normal"])
        for share in (0.1, 0.3, 0.5, 0.7, 0.9, 1.0):
            made = source("dmaapx", diffusion_share=share)
            self.each_seed(300 + 100 / share, 5 + 10 / share, source=made)

    def two_sample(
        self, accuracy: Callable[[float], float] = lambda share: 0.95 - 0.3 * share, **fields
    ):
        for share in (0.3, 0.5, 0.7, 0.9, 1.0):
            for seed in range(5):
                trial = {"kind": "two_sample", "dataset": "cifar10", "share": share, "seed": seed}
                trial |= fields
                value = accuracy(share) + 0.01 * (seed - 2)
                made = [{"epoch": 1, "accuracy": 0.5}, {"epoch": 14, "accuracy": value}]
                key = f"c2st-{share}-{'-'.join(map(str, fields.values()))}{seed}"
                self.results.add(trial, made, key=key)
                self.results.requested[key] = {"epochs": 14}
