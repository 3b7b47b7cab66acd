"""Judges claims on made-up frames, for the tests of claims."""

from pathlib import Path

import pandas as pd

from analysis.claims import CLAIMS, ledger
from analysis.claims.rules.judging import NOT_RUN

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "analysis" / "published" / "digits" / "double_descent.parquet"
DECIDABLE = [claim for claim in CLAIMS if claim.terms]
NAMES = [claim.name for claim in DECIDABLE]


def verdicts(frame, claims=DECIDABLE):
    """Returns verdicts by claim, as if the frame were of each claim's own data set."""
    parts = [
        ledger(frame.assign(dataset=name), [c for c in claims if name == _home(c)])
        for name in ("cifar10", "mnist", "fashion_mnist")
    ]
    return pd.concat([each for each in parts if len(each)]).set_index("claim")["verdict"]


def _home(claim):
    return "cifar10" if "cifar10" in claim.datasets else claim.datasets[0]


def judge(frame, name):
    """Returns the row of one claim, or a frame by data set if it has several rows.

    If the claim is measured on other data only, the row that says that it is not run is left out.
    """
    found = ledger(frame, [claim for claim in CLAIMS if claim.name == name])
    measured = found[found["verdict"] != NOT_RUN]
    found = measured if len(measured) else found
    return found.iloc[0] if len(found) == 1 else found.set_index("dataset")
