"""Names the kind of a pool: how its samples were made, apart from chance.

Each replicate has its own diffusion model, so the names of pools differ between draws. A comparison
may only join samples of one kind: from a model of this project with the same architecture, recipe
and length of training, or imported.
"""

import re

import pandas as pd

NAMED = ("source_pool", "pool")  # columns with a pool's name
MADE_HERE = re.compile(  # DATA-SHARE-KEY-eEPOCHS with KEY = READABLE[-rR]-sS-HASH
    r"^.+?-[0-9.]+-(?P<key>(?P<model>.+?)(?:-r\d+)?-s\d+-[0-9a-f]{12})-e(?P<epochs>\d+)$"
)
SHARE = re.compile(r"-share[0-9.]+")  # claims compare shares, so they are not part of the kind
RECIPE = {"recipe": "mean_loss", "precision": "auto"}  # fields that no readable key shows


def kinds(frame: pd.DataFrame) -> dict[str, str]:
    """Returns the kind, in words, of every pool that the frame's trials name."""
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
    """Returns the kind of each trial's pool, "" if it was trained without samples."""
    name = pd.Series(pd.NA, trials.index, dtype=object)
    for at in NAMED:
        if at in trials:
            name = name.fillna(trials[at].astype(object))
    return name.map(known).astype(object).fillna("")
