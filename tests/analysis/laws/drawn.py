"""Makes up results whose losses follow a known law of the parameters."""

import numpy as np
import pandas as pd

WIDTHS = (2, 4, 8, 16, 32)


def parameters(n_c, m_z):
    return 120 * n_c**2 + 174 * n_c + 3 * n_c * m_z + 2 * m_z + 15


def frame(seeds=5, turned=False, **columns):
    """Makes results: normal training falls, or turns; samples fall as 95 + 300 parameters^-0.4."""
    rng = np.random.default_rng(0)
    records = []
    for source in ("normal", "dmaapx"):
        for n_c in WIDTHS:
            for seed in range(seeds):
                y = 95 + 300 * parameters(n_c, 1) ** -0.4 + rng.normal(0, 0.1)
                y += 6 * (turned and source == "normal" and n_c >= 16)
                for epoch, more in ((50, 20.0), (95, 0.01), (100, -0.01)):
                    records.append({
                        "key": f"{source}-{n_c}-{seed}", "kind": "vae", "state": "done",
                        "dataset": "digits", "source": source, "m_z": 1, "n_c": n_c, "seed": seed,
                        "epoch": epoch, "test_elbo": -y - more, "train_elbo": 2 * more - y,
                        "parameters": parameters(n_c, 1), "train_size": 300,
                        "training_flops": 6 * parameters(n_c, 1) * 300 * epoch,
                        "generalization_gap": 1.0, "images_seen": 300 * epoch,
                    } | columns)  # fmt: skip
    return pd.DataFrame(records)
