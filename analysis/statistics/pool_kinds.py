"""Names the kind of a pool: how its samples were made, apart from chance.

Each replicate has its own diffusion model, and each seed may have one, so the names of pools differ
between draws. A comparison or a mean may only join samples of one kind: from a model of this
project with the same architecture, recipe and length of training, or imported.
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
    models = frame[frame["kind"] == "diffusion"].drop_duplicates("key").set_index("key")
    names = {str(n) for column in NAMED if column in frame for n in frame[column].dropna().unique()}
    return {name: _kind(name, models) for name in names}


def mixed(trials: pd.DataFrame, column: str) -> list[object]:
    """Returns the first pools of a column that are of different kinds, [] if there are none."""
    first: dict[str, object] = {}
    for name in trials[column].dropna().unique():
        match = MADE_HERE.match(str(name))
        first.setdefault(f"{match['model']}, {match['epochs']}" if match else str(name), name)
    return list(first.values()) if len(first) > 1 else []


def _kind(name: str, models: pd.DataFrame) -> str:
    match = MADE_HERE.match(name)
    if not match:
        return "imported"
    parts = [SHARE.sub("", match["model"]), f"{match['epochs']} epochs"]
    if match["key"] in models.index:
        row = models.loc[match["key"]]
        fields = {n: row[n] for n in RECIPE if n in row and pd.notna(row[n])}
        parts += [f"{n}={value}" for n, value in fields.items() if value != RECIPE[n]]
    return ", ".join(parts)


def of_trials(trials: pd.DataFrame, kind_of: dict[str, str]) -> pd.Series:
    """Returns the kind of each trial's pool, "" if it was trained without samples."""
    name = pd.Series(pd.NA, trials.index, dtype=object)
    for column in NAMED:
        if column in trials:
            name = name.fillna(trials[column].astype(object))
    return name.map(kind_of).astype(object).fillna("")
