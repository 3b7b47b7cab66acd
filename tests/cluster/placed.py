"""Runs trials with different GPU shares on two logical GPUs: `python -m tests.cluster.placed DIR`.

One trial is so wide that it always runs out of memory. Prints each trial's share as JSON.
"""

import json
import sys
from pathlib import Path

import ray

from scaling.cluster import connect
from scaling.cluster.limits import Caps, Limits
from scaling.cluster.session import Session
from scaling.cluster.tuner import Launcher, Placement, TrialsToRun
from scaling.data.datasets import load
from scaling.runs.execute import Job
from scaling.storage.store import Store
from scaling.trial import VaeTrial, data_of, grid, key
from scaling.trial.placement import check_placement

SHARES = (0.6, 0.3, 0.3, 0.5, 0.2, 0.6, 0.3, 0.5)
TRIAL = VaeTrial("digits", n_c=2, mixtures=2, lr=3e-3, batch=30, train_size=60)
TOO_WIDE = 1_000_000  # channels: memory of petabytes


def main(root):
    store = Store(root)
    trials = [*grid(TRIAL, seed=range(len(SHARES))), *grid(TRIAL, n_c=[TOO_WIDE])]
    keys = [key(trial) for trial in trials]
    for name, trial in zip(keys, trials, strict=True):
        store.folder(name).create(trial)
    shares = dict(zip(keys, (*SHARES, 0.3), strict=True))
    ray.init(address="local", num_cpus=8, num_gpus=2, include_dashboard=False, log_to_driver=False)
    try:
        cluster = connect.resources()
        check_placement(cluster, 1, max(shares.values()))
        jobs = {name: Job(300, 100) for name in keys}
        work = TrialsToRun(
            dict.fromkeys(keys, 0.001), jobs, {data_of(TRIAL): ray.put(load("digits"))}
        )
        placement = Placement(1, dict(shares))
        session = Session(cluster, Limits(Caps()), 0.0)
        Launcher(session, store, work, placement, root / "staging").run(keys, {})
    finally:
        ray.shutdown()
    print(json.dumps(shares))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
