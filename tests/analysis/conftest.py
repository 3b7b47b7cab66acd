"""Writes a synthetic results folder, as a study leaves it: Figure 8's grid with known curves."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.results import load
from tests.analysis import claim_worlds
from tests.analysis.made_up import Studies

EPOCHS = 120
SPLIT = {  # columns of rows of a random split of the digits
    "draws": "random splits",
    "train_images": 300,
    "test_images": 1000,
    "drawn_from": 1600,
    "validation_images": 300,
}
NORMAL = {
    "real_share": 1.0,
    "k": None,
    "diffusion_share": 1.0,
    "pool": None,
    "augment": None,
    "mollify_epochs": 0,
}


class Results:
    """Writes trials and studies into a results root."""

    # Negative test ELBO at (m_z, n_c): down to (1, 8), up to (1, 32), down to (16, 32), up.
    TRUTH = {
        (1, 2): 108.4,
        (1, 4): 97.9,
        (1, 8): 96.2,
        (1, 16): 97.3,
        (1, 32): 99.1,
        (2, 32): 98.5,
        (4, 32): 98.3,
        (8, 32): 98.0,
        (16, 32): 95.9,
        (16, 64): 97.0,
    }
    NORMAL = NORMAL
    DMAAPX = NORMAL | {"real_share": 0.0, "k": 10, "pool": "digits-1-abc-e300"}

    def __init__(self, root: Path) -> None:
        self.root = root
        self.study = root / "double_descent"
        self.requested: dict[str, dict[str, int]] = {}

    @staticmethod
    def vae(m_z: int, n_c: int, seed: int, source: dict = NORMAL, **fields: object) -> dict:
        """Returns a VAE's trial.json."""
        trial = {"kind": "vae", "dataset": "digits", "train_size": 300, "split": 0}
        trial |= {"source": source, "network": "residual", "likelihood": "mixture"}
        trial |= {"m_z": m_z, "n_c": n_c, "seed": seed, "lr": 0.003, "batch": 30}
        return trial | fields

    @staticmethod
    def row(trial: dict, epoch: int, negative: float, gap: float = 20.0) -> dict:
        """Returns a line of rows.jsonl."""
        m_z, n_c = trial["m_z"], trial["n_c"]
        row = {"epoch": epoch, "train_elbo": gap - negative, "test_elbo": -negative}
        row |= {"generalization_gap": gap, "d_z": 4 * m_z, "seconds": 3.1}
        return row | {"parameters": 120 * n_c**2 + 174 * n_c + 3 * n_c * m_z + 2 * m_z + 15}

    def add(self, trial: dict, rows: Iterable[dict], done: object = "done", key: str = "") -> Path:
        """Writes a trial's folder; `done` is a state, a whole done.json, or False for none."""
        share = trial["source"]["real_share"] if "source" in trial else ""
        place = f"{trial.get('m_z')}-{trial.get('n_c')}-s{trial['seed']}"
        key = key or f"{trial['kind']}-{share}-{place}"
        rows = list(rows)
        folder = self.root / "trials" / key
        folder.mkdir(parents=True)
        (folder / "trial.json").write_text(json.dumps(trial))
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        if done:
            last = rows[-1]["epoch"] if rows else 0
            state = {"state": done, "epoch": last} if isinstance(done, str) else done
            (folder / "done.json").write_text(json.dumps(state))
        self.requested[key] = {"epochs": EPOCHS}
        return folder

    def close(self) -> Path:
        """Writes study.json and returns the study's folder."""
        launch: dict[str, Any] = {
            "started": "2026-03-04T05:06:07",
            "git_commit": "0123456789ab",
            "argv": [],
        }
        launch |= {"git_dirty": False, "versions": {}, "hardware": {}}
        study = {"study": "double_descent", "preset": "digits", "trials": self.requested}
        self.study.mkdir(exist_ok=True, parents=True)
        (self.study / "study.json").write_text(json.dumps(study | {"launches": [launch]}))
        return self.study

    def fill(
        self,
        truth: Mapping[tuple[int, int], float] = TRUTH,
        seeds: Iterable[int] = range(3),
        source: dict = NORMAL,
        noise: float = 0.5,
        gap: Callable[[int, int], float] = lambda m_z, n_c: 20.0,
    ) -> None:
        """Writes trials at every point of `truth`, measured at three epochs, with noise per seed.

        The last 10 % of the epochs contain two rows, 0.25 above and below the final value.
        """
        rng = np.random.default_rng(0)
        for seed in seeds:
            for (m_z, n_c), negative in truth.items():
                trial = self.vae(m_z, n_c, seed, source)
                y = negative + noise * rng.standard_normal()
                measured = [(40, y + 30), (EPOCHS - 5, y - 0.25), (EPOCHS, y + 0.25)]
                self.add(trial, [self.row(trial, e, v, gap(m_z, n_c)) for e, v in measured])


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "results")


@pytest.fixture
def study(results: Results) -> Path:
    """Provides Figure 8's path and two more rows of the grid, three seeds, normal training."""
    results.fill(results.TRUTH | {(2, 8): 96.6, (2, 16): 97.0, (16, 8): 97.1, (16, 16): 96.4})
    return results.close()


@pytest.fixture
def frame(study: Path) -> pd.DataFrame:
    return load(study)


Make = Callable[..., pd.DataFrame]


@pytest.fixture
def make() -> Make:
    """Makes a frame of {(m_z, n_c): [negative test ELBO of seed 0, 1, ...]}; None: not finished."""

    def frame(values: dict[tuple[int, int], list], source: str = "normal") -> pd.DataFrame:
        records = [
            {
                "key": f"{source}-{m_z}-{n_c}-{seed}",
                "kind": "vae",
                "state": "partial" if y is None else "done",
                "source": source,
                "m_z": m_z,
                "n_c": n_c,
                "seed": seed,
                "epoch": 10,
                "test_elbo": np.nan if y is None else -float(y),
                "generalization_gap": float(n_c) / m_z + 0.5 * seed,
                "parameters": n_c**2 + m_z,
            }
            for (m_z, n_c), each in values.items()
            for seed, y in enumerate(each)
        ]
        return pd.DataFrame(records)

    return frame


@pytest.fixture
def studies(results: Results) -> Studies:
    """Provides the studies of data sources, which tests write into the results root."""
    return Studies(results)


@pytest.fixture(scope="session")
def world():
    """Makes results in which every claim is true; tests only change copies of them."""
    return claim_worlds.frame(claim_worlds.true)


@pytest.fixture(scope="session")
def figure_2(world):
    """Writes the default model's trials on the four training distributions."""
    default = (world["m_z"] == 1) & (world["n_c"] == 256) & (world["source"] != "other")
    return world[default & (world["source_diffusion_share"] == 1)]
