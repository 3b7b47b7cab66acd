"""Makes frames for tests of the rules of claims."""

import math

import numpy as np
import pandas as pd

from analysis.claims.rules.judging import judge
from analysis.claims.rules.regions import Margin
from analysis.claims.trials.cells import cells

SEEDS = np.array([-1.0, 0.0, 1.0])
HALF = 4.302653 / math.sqrt(3)  # half width of the 95 % t interval of SEEDS, 2 df
TWO = Margin(number=2.0)


def frame(values, kind="vae", **fields):
    """Makes a frame of {(m_z, n_c): test ELBO by seed}, with generalization gap 20 everywhere."""
    rows = [
        {"key": f"{fields}-{m_z}-{n_c}-{seed}", "kind": kind, "state": "done", "epoch": 10}
        | {"dataset": "digits", "m_z": m_z, "n_c": n_c, "seed": seed, "source": "normal"}
        | {"test_elbo": y, "generalization_gap": 20.0, "parameters": n_c**2 + m_z}
        | {f"source_{name}": value for name, value in fields.items()}
        for (m_z, n_c), each in values.items()
        for seed, y in enumerate(each)
    ]
    return pd.DataFrame(rows)


def verdict(rule, *frames):
    (cell,) = cells(pd.concat(frames))
    found = rule.comparisons(cell)
    return judge(found).verdict if found else None
