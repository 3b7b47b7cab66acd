"""Trains one VAE without Ray so that a crash costs half a minute of work, not all of it.

    python examples/resumable.py

Stop it at any moment and run it again: it continues from its last checkpoint, and the rows are the
same as those of a run that was never stopped. The folder is an ordinary results folder, so every
command reads it: `scaling-vae reproduce KEY` trains the trial again and compares the rows.
"""

from pathlib import Path

import torch

from scaling.data.datasets import load
from scaling.runs.execute import Job, execute
from scaling.storage.rows import Row
from scaling.storage.store import Store
from scaling.trial import VaeTrial, key

TRIAL = VaeTrial("digits", m_z=4, n_c=16, mixtures=5, lr=3e-3, batch=30, train_size=300)


def show(row: Row) -> None:
    """Prints what one measured epoch found."""
    print(f"epoch {row['epoch']}: test ELBO {row['test_elbo']:.1f} nats per image")


def main(results: Path = Path("results"), epochs: int = 20) -> None:
    """Trains up to that epoch; prints the rows that were new in this call."""
    folder = Store(results).folder(key(TRIAL))
    folder.create(TRIAL)  # writes trial.json, once
    if folder.state(epochs) != "done":
        execute(folder, load("digits"), Job(epochs, measure_every=5), report=show)
    print(f"{len(folder.rows())} rows in {folder.path}")


if __name__ == "__main__":
    torch.set_num_threads(1)  # as under Ray; networks this small gain nothing from more
    main()
