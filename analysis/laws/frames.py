"""Makes curves, to which laws are fitted, from a frame of results."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis import curves
from analysis.columns import ROW_COLUMNS, TEXT, UP
from analysis.errors import ResultsError, did_you_mean
from analysis.laws.law import Curve
from analysis.retype import retyped
from analysis.statistics import levels
from analysis.statistics.measured import check_measured_alike

AXES = {  # values of --x: the column, and the fields that determine it
    "parameters": ("parameters", ("n_c",)),
    "n_c": ("n_c", ("n_c",)),
    "flops": ("training_flops", ("n_c",)),
    "train_size": ("train_size", ("train_size",)),
    "k": ("source_k", ("source_k",)),
}
FIELDS = ("m_z", "n_c", "train_size", "source_k")  # each combination of values is a curve
LONGER = ("flops", "train_size")  # along these, epochs may differ: of equal images, or compute
Y = "test_elbo"


@dataclass(frozen=True)
class Variables:
    """Names the columns x and y of a law, and the unit that is repeated."""

    x: str  # as typed: parameters, n_c, flops, train_size or k
    y: str  # a numeric column
    unit: str  # replicate or seed

    @property
    def loss(self) -> str:
        """Returns the name of the loss: y, or "-y" if a higher y is better."""
        return f"-{self.y}" if ROW_COLUMNS[self.y][1] == UP else self.y


def variables(frame: pd.DataFrame, x: str, y: str) -> Variables:
    """Returns the variables that --x and --y name.

    Raises ResultsError for an unknown name, if the frame has no values of it, and if those of y
    were measured with different options.
    """
    if x not in AXES:
        near = did_you_mean(x, list(AXES))
        raise ResultsError(f"No law is fitted over {x!r}. {near}Choose one of: {', '.join(AXES)}.")
    metrics = [name for name, (unit, better, _) in ROW_COLUMNS.items() if better and unit != TEXT]
    if y not in metrics:
        near = did_you_mean(y, metrics)
        raise ResultsError(
            f"{y!r} is not a number with a better direction. {near}Choose a column of the "
            f"results, for example: --y {Y}"
        )
    column = AXES[x][0]
    for name in (column, y):
        if name not in frame or frame.loc[frame["kind"] == "vae", name].isna().all():
            raise ResultsError(
                f"No VAE of these results has {name}. Choose another --x or --y, or results of a "
                "version that measures it."
            )
    vaes = frame[frame["kind"] == "vae"]
    check_measured_alike(vaes, y)
    return Variables(x, y, _unit(vaes))


def _unit(vaes: pd.DataFrame) -> str:
    """Returns replicate if the trials have several, otherwise seed."""
    replicates = vaes["replicate"] if "replicate" in vaes else pd.Series(dtype=float)
    return "replicate" if replicates.notna().all() and replicates.nunique() > 1 else "seed"


def curves_of(frame: pd.DataFrame, what: Variables) -> list[Curve]:
    """Returns a curve per source and value of the other fields, normal training first.

    Trials that stopped early or failed are gaps. Raises ResultsError if trials differ in another
    setting or in their epochs.
    """
    column, tied = AXES[what.x]
    fields = [name for name in FIELDS if name in frame]
    seeds = [name for name in ("replicate", "seed") if name in frame]
    last = curves.last_values(frame[frame["kind"] == "vae"])
    curves.check_one_trial_each(last, ["source", *fields, *seeds])
    last = retyped(last[last[column].notna()], float, {column, what.y})
    varied = [name for name in fields if name not in tied and last[name].nunique() > 1]
    along = fields if what.x in LONGER else varied  # what may have epochs of its own
    curves.check_same_epochs(last[last["state"] == "done"], ["source", *along])
    result = []
    for source in curves.sources(last.assign(kind="vae")):
        part = last[last["source"] == source]
        groups = part.groupby(varied, dropna=False) if varied else [((), part)]
        for _, trials in groups:
            values = trials[varied].iloc[0].dropna()
            texts = [f"{n}={float(str(v)):g}" for n, v in values.items()]
            result.append(_curve(trials, ", ".join([source, *texts]), source, what))
    return result


def _curve(part: pd.DataFrame, name: str, source: str, what: Variables) -> Curve:
    """Makes a curve of losses by replicate and size, averaged over the seeds of a replicate.

    A replicate has no value at a size if one of its trials there has no final value.
    """
    column, (tied,) = AXES[what.x]
    sign = -1.0 if what.loss.startswith("-") else 1.0
    done = part["state"] == "done"
    values = part.assign(loss=(sign * part[what.y]).where(done), at=part[column].where(done))
    by = values.groupby([what.unit, tied])["loss"]
    wide = by.mean().where(by.count() == by.size()).unstack(tied)
    ended = values.groupby(tied)
    sizes = ended["at"].median().fillna(ended[column].max()).reindex(wide.columns)
    wide = wide[sizes.sort_values().index]
    units = tuple(int(unit) for unit in wide.index)
    ended_at = part.loc[part["state"] == "censored", tied].map(sizes)
    stopped = tuple(float(size) for size in ended_at)
    ordered = np.sort(sizes.to_numpy(dtype=float))
    overlaps = tuple(_overlap(part[part[tied] == value], what) for value in wide.columns)
    return Curve(name, source, ordered, wide.to_numpy(dtype=float), units, stopped, overlaps)


def _overlap(part: pd.DataFrame, what: Variables) -> float:
    """Returns rho / (1 - rho) of the random splits of one size; 0 for seeds and disjoint sets."""
    return levels.overlap_at(part) if what.unit == "replicate" and "seed" in part else 0.0


def over_compute(frame: pd.DataFrame, what: Variables) -> pd.DataFrame:
    """Returns the losses of all measured epochs with the compute until then, by curve.

    The columns are source, those of FIELDS that rows have, epoch, training_flops and loss, averaged
    over seeds and replicates. The result is empty if rows have no FLOPs.
    """
    by = ["source", *(name for name in FIELDS if name in frame), "epoch"]
    has_flops = {"training_flops", what.y} <= set(frame)
    if not has_flops:
        return pd.DataFrame(columns=[*by, "training_flops", "loss"])
    rows = curves.finished(frame)
    sign = -1.0 if what.loss.startswith("-") else 1.0
    rows = rows.dropna(subset=["training_flops", what.y])
    flops = rows["training_flops"].astype(float)
    rows = rows.assign(loss=sign * rows[what.y].astype(float), training_flops=flops)
    return rows.groupby(by, dropna=False)[["training_flops", "loss"]].mean().reset_index()


def frontier(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of `over_compute` with the least loss of a source up to their compute."""
    ordered = table.sort_values(["source", "training_flops"], ignore_index=True)
    best = ordered.groupby("source")["loss"].cummin()
    return ordered[ordered["loss"] == best]
