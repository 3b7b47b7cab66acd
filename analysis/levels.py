"""Decides what the n of a statement counts (its level), and how much its draws have in common.

A replicate draws everything that chance decides: D_train and test images, diffusion model, weights
and order. Seeds of one replicate differ in weights and order alone, so they say nothing about other
data. `settle` decides which of the two a frame's statements are about: its column `unit` numbers
the draws over which intervals are taken (seeds within a draw are averaged), and `level` names them.

Random splits of the same M images overlap, so they vary less than fresh data would. Let n1 of the M
images be D_train and n2 be tested on, and let an image have one effect on the result if it is
trained on and another, independent one of the same variance if it is tested on. Two splits then
have the correlation rho = 2 n1 n2 / (M (n1 + n2)), the harmonic mean of n1 and n2 over M, and the
variance of a mean over J splits is s^2 (1/J + rho / (1 - rho)) with their sample variance s^2.
Nadeau and Bengio (2003) use rho = n2 / (n1 + n2); with n1 + n2 < M and test images that hardly
matter, that is far too wide. `python -m tests.benchmarks.error_rates` compares the candidates in
simulations, and shows what happens if test images matter more than is assumed here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.trial_folder import ResultsError

FEW = 3  # with this many draws statements are about draws, however many seeds each has
OFFICIAL = {"mnist": 60_000, "fashion_mnist": 60_000, "cifar10": 50_000}  # official training images
SPLITS, DRAWS, WHOLE, SEEDS = "random splits", "disjoint sets", "one set", "seeds"
WORDS = {  # level: plural, singular
    SPLITS: ("random splits of these images", "random split of these images"),
    DRAWS: ("data draws", "data draw"),
    WHOLE: ("replicates", "replicate"),
    SEEDS: ("seeds on one data set", "seed on one data set"),
}
UNKNOWN = 1.0  # rho / (1 - rho) assumed for splits of unknown sizes: that of halves
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
    named = frame["dataset"] if "dataset" in frame else pd.Series("", frame.index)
    found = [_settled(part) for _, part in frame.groupby(named, sort=False, dropna=False)]
    if not found:
        return frame.assign(unit=pd.Series(dtype=int), level="", overlap=0.0)
    kept = pd.concat(found)
    settled = frame.loc[frame.index.isin(kept.index)] if len(kept) < len(frame) else frame
    return settled.assign(unit=kept["unit"], level=kept["level"], overlap=kept["overlap"])


def _settled(part: pd.DataFrame) -> pd.DataFrame:
    """Returns the columns unit, level and overlap of the rows of one data set that are kept."""
    seed = part["seed"].astype(int)
    replicate = part["replicate"] if "replicate" in part else pd.Series(pd.NA, part.index)
    known = replicate.notna()
    if known.any() and not known.all():
        raise ResultsError(
            "Some of these trials have a replicate and others do not, and no interval may join "
            "them. Choose: --where replicate!=none, or --where replicate=none"
        )
    kind = SEEDS
    if known.any():
        replicate = replicate.astype(int)
        seeds = seed.groupby(replicate).nunique()
        kind = draws_of(part) if len(seeds) >= min(FEW, seeds.max()) else SEEDS
        if kind == SEEDS:
            part = part[replicate == seeds.idxmax()]
    unit = seed.loc[part.index] if kind == SEEDS else replicate
    each = 1 if kind == SEEDS else int(seed.groupby(unit).nunique().max())
    level = _words(kind, _models(part, unit, kind), each)
    overlap = overlap_of(part) if kind == SPLITS else 0.0
    return pd.DataFrame({"unit": unit, "level": level, "overlap": overlap}, part.index)


def draws_of(part: pd.DataFrame) -> str:
    """Returns how the D_trains of replicates relate: random splits, disjoint sets, or one set.

    It is what the trials recorded; for older trials it follows from data set, size and partition.
    """
    recorded = part["draws"].dropna() if "draws" in part else pd.Series(dtype=str)
    if len(recorded):
        return str(recorded.iloc[0])
    images = OFFICIAL.get(str(_first(part, "dataset")))
    if images is None:
        return SPLITS
    if float(_first(part, "train_size") or images) >= images:
        return WHOLE
    return DRAWS if _first(part, "partition") == "disjoint" else SPLITS


def overlap_of(part: pd.DataFrame) -> float:
    """Returns rho / (1 - rho) of random splits, from the numbers of images in the trials' rows."""
    train = _first(part, "train_images") or _first(part, "train_size")
    test, images = _first(part, "test_images"), _first(part, "drawn_from")
    fixed = _first(part, "dataset") in OFFICIAL and _first(part, "partition") != "development"
    images = images or (OFFICIAL[str(_first(part, "dataset"))] if fixed else None)
    if not train or not images or not (test or fixed):
        return UNKNOWN
    return overlap(float(train), None if fixed else float(test), float(images))


def overlap(train: float, test: float | None, images: float) -> float:
    """Returns rho / (1 - rho) for `train` and `test` images drawn from `images`.

    `test` is None if the test set is fixed.
    """
    rho = (train if test is None else 2 * train * test / (train + test)) / images
    return rho / (1 - rho) if rho < 1 else float("inf")


def _first(part: pd.DataFrame, name: str) -> Any:
    """Returns the first known value of a column, None if there is none."""
    values = part[name].dropna() if name in part else ()
    return values.iloc[0] if len(values) else None  # type: ignore[union-attr]


def _models(part: pd.DataFrame, unit: pd.Series, kind: str) -> str:
    """Returns own, shared or one: whose diffusion model the units use; "" without samples."""
    pool = next((part[n] for n in ("source_pool", "pool") if n in part and part[n].any()), None)
    if pool is None:
        return ""
    if kind == SEEDS:
        return "one"
    return "own" if unit.groupby(pool).nunique().max() == 1 else "shared"


def _words(kind: str, models: str, each: int) -> str:
    """Spells the level of several units, in words that follow their number."""
    text = WORDS[kind][0]
    if kind == WHOLE:
        text += ": seeds and diffusion models" if models == "own" else ": seeds"
        text += "; the full data set has no draw"
        text += ", all on one diffusion model" if models == "shared" else ""
    else:
        more = {"own": ", each with its own diffusion model", "one": ", one diffusion model"}
        text += (more | {"shared": ", all on one diffusion model"}).get(models, "")
    return text + (f", means of {each} seeds" if each > 1 else "")


def counted(n: int | str, level: str) -> str:
    """Spells a number of units: "5 seeds on one data set", "1 data draw", "3 to 5 data draws"."""
    level = level or WORDS[SEEDS][0]
    if str(n) == "1":
        many, one = next(each for each in WORDS.values() if level.startswith(each[0]))
        level = one + level[len(many) :].replace(", each with", ", with")
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
    longest = [each for each in levels if not any(o.startswith(f"{each}, ") for o in levels)]
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
        """Spells both; "" if no draw has two seeds, because then they cannot be separated."""
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
    found = []
    for units in _together(present):
        columns = list(wide.columns[present.loc[list(units)].all(axis=0)])
        if columns and fits(columns):
            found.append((-len(units), -len(columns), sorted(units), columns))
    if not found:
        return wide.iloc[:0]
    _, _, kept, names = min(found, key=lambda each: each[:3])
    return wide.loc[kept, names]


def _together(present: pd.DataFrame) -> list[frozenset]:
    """Returns the sets of units that share columns: those of one column and their intersections."""
    first = {frozenset(present.index[present[name]]) for name in present}
    found, new = set(first), set(first)
    while new and len(found) < MANY:
        new = {a & b for a in new for b in first} - found
        found |= new
    return sorted(filter(None, found), key=lambda each: (-len(each), sorted(each)))


def leftout(wide: pd.DataFrame, kept: pd.DataFrame) -> list[Any]:
    """Returns the columns with values that `complete` left out."""
    return [name for name in wide if name not in kept and wide[name].notna().any()]
