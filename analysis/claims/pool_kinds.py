"""Kinds of pools: what samples of diffusion models have in common that chance does not explain.

Each replicate has a diffusion model of its own, so the names of pools differ between draws. What
may not differ in a comparison is how the samples were made: by a model of this project of one
architecture, recipe and length of training, or by somebody else's.
"""

import re

import pandas as pd

NAMED = ("source_pool", "pool")  # columns that hold a pool's name
MADE_HERE = re.compile(  # DATA-SHARE-KEY-eEPOCHS, the key being READABLE[-rR]-sS-HASH
    r"^.+?-[0-9.]+-(?P<key>(?P<model>.+?)(?:-r\d+)?-s\d+-[0-9a-f]{12})-e(?P<epochs>\d+)$"
)
SHARE = re.compile(r"-share[0-9.]+")  # which claims compare, so it is no kind of its own
RECIPE = {"recipe": "mean_loss", "precision": "auto"}  # fields that no readable key shows


def kinds(frame: pd.DataFrame) -> dict[str, str]:
    """The kind of every pool that the frame's trials name, in words."""
    made = frame[frame["kind"] == "diffusion"].drop_duplicates("key").set_index("key")
    names = {str(n) for at in NAMED if at in frame for n in frame[at].dropna().unique()}
    return {name: _kind(name, made) for name in names}


def _kind(name: str, made: pd.DataFrame) -> str:
    found = MADE_HERE.match(name)
    if not found:
        return "imported"
    words = [SHARE.sub("", found["model"]), f"{found['epochs']} epochs"]
    if found["key"] in made.index:
        row = made.loc[found["key"]]
        known = {n: row[n] for n in RECIPE if n in row and pd.notna(row[n])}
        words += [f"{n}={value}" for n, value in known.items() if value != RECIPE[n]]
    return ", ".join(words)


def of_trials(trials: pd.DataFrame, known: dict[str, str]) -> pd.Series:
    """The kind of each trial's pool, "" where it was trained without samples."""
    name = pd.Series(pd.NA, trials.index, dtype=object)
    for at in NAMED:
        if at in trials:
            name = name.fillna(trials[at].astype(object))
    return name.map(known).astype(object).fillna("")
