"""Decides what the n of a statement counts (its level), and how much its draws have in common.

A replicate draws everything that chance decides: D_train and test images, diffusion model, weights
and order. Seeds of one replicate differ in weights and order alone, so they say nothing about other
data. `settle` decides which of the two a frame's statements are about: its column `unit` numbers
the draws over which intervals are taken (seeds within a draw are averaged), and `level` names them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import ResultsError
from analysis.statistics.overlap import DRAWS, SPLITS, WHOLE, draws_of, overlap_of

FEW = 3  # with this many draws statements are about draws, however many seeds each has
SEEDS = "seeds"
WORDS = {  # level: plural, singular
    SPLITS: ("random splits of these images", "random split of these images"),
    DRAWS: ("data draws", "data draw"),
    WHOLE: ("replicates", "replicate"),
    SEEDS: ("seeds on one data set", "seed on one data set"),
}
MANY = 4096  # most sets of units that `complete` considers


def settle(frame: pd.DataFrame) -> pd.DataFrame:
    """Keeps the rows that statements are about and adds the columns unit, level and overlap.

    `unit` is the replicate if there are at least three, or at least as many as any of them has
    seeds. Otherwise it is the seed, and only the replicate with the most seeds is kept: two draws
    say less than five seeds of one, three draws say more. `overlap` is rho / (1 - rho). Each data
    set is decided by itself. Raises ResultsError if some trials have a replicate and others do not.
    """
    if "unit" in frame:
        return frame
    datasets = frame["dataset"] if "dataset" in frame else pd.Series("", frame.index)
    parts = [_settled(part) for _, part in frame.groupby(datasets, sort=False, dropna=False)]
    if not parts:
        return frame.assign(unit=pd.Series(dtype=int), level="", overlap=0.0)
    units = pd.concat(parts)
    settled = frame.loc[frame.index.isin(units.index)] if len(units) < len(frame) else frame
    return settled.assign(unit=units["unit"], level=units["level"], overlap=units["overlap"])


def _settled(part: pd.DataFrame) -> pd.DataFrame:
    """Returns the columns unit, level and overlap of the rows of one data set that are kept."""
    seed = part["seed"].astype(int)
    replicate = part["replicate"] if "replicate" in part else pd.Series(pd.NA, part.index)
    has_replicate = replicate.notna()
    if has_replicate.any() and not has_replicate.all():
        raise ResultsError(
            "Some of these trials have a replicate and others do not, and no interval may join "
            "them. Choose: --where replicate!=none, or --where replicate=none"
        )
    kind = SEEDS
    if has_replicate.any():
        replicate = replicate.astype(int)
        seeds = seed.groupby(replicate).nunique()
        kind = draws_of(part) if len(seeds) >= min(FEW, seeds.max()) else SEEDS
        if kind == SEEDS:
            part = part[replicate == seeds.idxmax()]
    unit = seed.loc[part.index] if kind == SEEDS else replicate
    seeds_each = pd.Series([1]) if kind == SEEDS else seed.groupby(unit).nunique()
    level = _words(kind, _models(part, unit, kind), seeds_each)
    overlap = overlap_of(part) if kind == SPLITS else 0.0
    return pd.DataFrame({"unit": unit, "level": level, "overlap": overlap}, part.index)


def _models(part: pd.DataFrame, unit: pd.Series, kind: str) -> str:
    """Returns whose diffusion models the units use: own, several, shared, one; "" without samples.

    "several": each seed of a unit has a model of its own. Where only some units have samples, of a
    model of their own, it says how many: "3 of them".
    """
    pool = next((part[n] for n in ("source_pool", "pool") if n in part and part[n].any()), None)
    if pool is None:
        return ""
    with_samples = unit[pool.notna()].nunique()
    if unit.groupby(pool).nunique().max() > 1 or (kind == SEEDS and with_samples == 1):
        return "one" if kind == SEEDS else "shared"
    if with_samples < unit.nunique():
        return f"{with_samples} of them"
    seeds = part["seed"].groupby(unit).nunique().max()
    per_seed = kind != SEEDS and seeds > 1 and part["seed"].groupby(pool).nunique().max() == 1
    return "several" if per_seed else "own"


def _words(kind: str, models: str, seeds: pd.Series) -> str:
    """Returns the level of several units, in words that follow their number.

    `seeds` counts the seeds of each unit.
    """
    text = WORDS[kind][0]
    if kind == WHOLE:
        shared = models in ("", "shared")
        text += ": seeds" if shared else ": seeds and diffusion models"
        text += "; the full data set has no draw"
        text += ", all on one diffusion model" if models == "shared" else ""
    else:
        more = {"own": ", each with its own diffusion model", "one": ", one diffusion model"}
        more |= {"shared": ", all on one diffusion model"}
        more |= {"several": ", each with diffusion models of its own"}
        text += more.get(
            models, f", {models} with a diffusion model of their own" if models else ""
        )
    few, most = int(seeds.min()), int(seeds.max())
    count = f"{few} to {most}" if few < most else f"{most}"
    return text + (f", means of {count} seeds" if most > 1 else "")


def counted(n: int | str, level: str) -> str:
    """Names a number of units: "5 seeds on one data set", "1 data draw", "3 to 5 data draws"."""
    level = level or WORDS[SEEDS][0]
    if str(n) == "1":
        plural, singular = next(pair for pair in WORDS.values() if level.startswith(pair[0]))
        level = singular + level[len(plural) :].replace(", each with", ", with")
    return f"{n} {level}"


def overlap_at(frame: pd.DataFrame) -> float:
    """Returns rho / (1 - rho) of trials of one data set, settled or not."""
    return float(settle(frame)["overlap"].iloc[0]) if len(frame) else 0.0


def level_of(frame: pd.DataFrame) -> str:
    """Returns the level of a settled frame or of its table; those of several data sets are joined.

    A level is omitted if another one states it more exactly, as "seeds on one data set, one
    diffusion model" does for "seeds on one data set".
    """
    levels = list(map(str, frame["level"].dropna().unique())) if "level" in frame else []
    longest = [level for level in levels if not any(o.startswith(f"{level}, ") for o in levels)]
    return " or ".join(filter(None, longest))


def unit_of(level: str) -> str:
    """Returns what the units of a level are called: seed or replicate."""
    return "seed" if not level or level.startswith(WORDS[SEEDS][0]) else "replicate"


def averaged(frame: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    """Returns means over seeds of a settled frame's values: a row per group, a column per unit."""
    values = frame[[*by, "unit"]].assign(value=frame[value].astype(float))
    return values.groupby([*by, "unit"], sort=True, dropna=False)["value"].mean().unstack("unit")


@dataclass(frozen=True)
class Components:
    """Holds standard deviations: between draws (beyond that of seeds), and of seeds in a draw."""

    between: float
    within: float

    @property
    def text(self) -> str:
        """Describes both; "" if no draw has two seeds, because then they cannot be separated."""
        if np.isnan(self.within) or np.isnan(self.between):
            return ""
        return f"sd between draws {self.between:.3g}, between seeds of a draw {self.within:.3g}"


def components(values: pd.Series) -> Components:
    """Estimates variance components of values indexed by (unit, seed), with one-way random effects.

    `within` is the pooled sd of the seeds; `between` is sqrt(max(0, (MSB - MSW) / n0)) with n0 the
    number of seeds per draw (if unequal, its usual mean). Both are NaN for fewer than two draws or
    if no draw has two seeds.
    """
    groups = values.dropna().groupby(level=0)
    sizes, means = groups.size(), groups.mean()
    n, draws = int(sizes.sum()), len(sizes)
    if draws < 2 or n == draws:
        return Components(float("nan"), float("nan"))
    inside = float(((groups.size() - 1) * groups.var(ddof=1).fillna(0.0)).sum()) / (n - draws)
    middle = float((sizes * means).sum() / n)
    outside = float((sizes * (means - middle) ** 2).sum()) / (draws - 1)
    usual = (n - float((sizes**2).sum()) / n) / (draws - 1)
    return Components(float(np.sqrt(max(0.0, outside - inside) / usual)), float(np.sqrt(inside)))


def complete(
    wide: pd.DataFrame, fits: Callable[[list[Any]], bool] = lambda columns: True
) -> pd.DataFrame:
    """Selects units x columns without gaps: as many units as possible, then as many columns.

    Columns that fewer units have are left out rather than units, so that more rows never cost a
    unit. `fits` decides whether a list of columns suffices; if none does, the result has no row.
    """
    present = wide.notna()
    candidates = []
    for units in _together(present):
        columns = list(wide.columns[present.loc[list(units)].all(axis=0)])
        if columns and fits(columns):
            candidates.append((-len(units), -len(columns), sorted(units), columns))
    if not candidates:
        return wide.iloc[:0]
    _, _, selected, names = min(candidates, key=lambda candidate: candidate[:3])
    return wide.loc[selected, names]


def _together(present: pd.DataFrame) -> list[frozenset]:
    """Returns the sets of units that share columns: those of one column and their intersections."""
    first = {frozenset(present.index[present[name]]) for name in present}
    sets, new = set(first), set(first)
    while new and len(sets) < MANY:
        new = {a & b for a in new for b in first} - sets
        sets |= new
    return sorted(filter(None, sets), key=lambda units: (-len(units), sorted(units)))


def leftout(wide: pd.DataFrame, selection: pd.DataFrame) -> list[Any]:
    """Returns the columns with values that `complete` left out."""
    return [name for name in wide if name not in selection and wide[name].notna().any()]
