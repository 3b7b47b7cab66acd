"""Turns a frame of results into the curves that laws are fitted to."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis import curves
from analysis.columns import ROW_COLUMNS, TEXT, UP
from analysis.laws.law import Curve
from analysis.suggest import did_you_mean
from analysis.trial_folder import ResultsError

AXES = {  # what --x names: the column, and the fields that move with it
    "parameters": ("parameters", ("n_c",)),
    "n_c": ("n_c", ("n_c",)),
    "flops": ("training_flops", ("n_c",)),
    "train_size": ("train_size", ("train_size",)),
    "k": ("source_k", ("source_k",)),
}
FIELDS = ("m_z", "n_c", "train_size", "source_k")  # whose values have a curve each
Y = "test_elbo"


@dataclass(frozen=True)
class Asked:
    """What is fitted against what: the columns, and how y becomes a loss."""

    x: str  # as typed: parameters, n_c, flops, train_size or k
    y: str  # a column of numbers
    unit: str  # of what the replicates are: replicate or seed

    @property
    def loss(self) -> str:
        """The name of what falls: y, or its negative where higher is better."""
        return f"-{self.y}" if ROW_COLUMNS[self.y][1] == UP else self.y


def asked(frame: pd.DataFrame, x: str, y: str) -> Asked:
    """Returns what these words mean for a frame; raises ResultsError where they mean nothing."""
    if x not in AXES:
        near = did_you_mean(x, list(AXES))
        raise ResultsError(f"No law is fitted over {x!r}. {near}Choose one of: {', '.join(AXES)}.")
    known = [name for name, (unit, better, _) in ROW_COLUMNS.items() if better and unit != TEXT]
    if y not in known:
        near = did_you_mean(y, known)
        raise ResultsError(
            f"{y!r} is no number that is better higher or lower. {near}Choose a column of the "
            f"results, for example: --y {Y}"
        )
    column = AXES[x][0]
    for name in (column, y):
        if name not in frame or frame.loc[frame["kind"] == "vae", name].isna().all():
            raise ResultsError(
                f"No VAE of these results has {name}. Choose another --x or --y, or results of a "
                "version that measures it."
            )
    return Asked(x, y, _unit(frame[frame["kind"] == "vae"]))


def _unit(vaes: pd.DataFrame) -> str:
    """Replicates where the trials have several, else seeds."""
    drawn = vaes["replicate"] if "replicate" in vaes else pd.Series(dtype=float)
    return "replicate" if drawn.notna().all() and drawn.nunique() > 1 else "seed"


def curves_of(frame: pd.DataFrame, what: Asked) -> list[Curve]:
    """Returns a curve per source and value of the other axes, normal training first.

    Trials that stopped early or failed are no values; they stay as gaps. Raises ResultsError where
    trials differ in something else.
    """
    column, tied = AXES[what.x]
    fields = [name for name in FIELDS if name in frame]
    seeds = [name for name in ("replicate", "seed") if name in frame]
    last = curves.last_values(frame[frame["kind"] == "vae"])
    curves.check_one_trial_each(last, ["source", *fields, *seeds])
    last = last[last[column].notna()].astype({column: float, what.y: float})
    apart = [name for name in fields if name not in tied and last[name].nunique() > 1]
    made = []
    for source in curves.sources(last.assign(kind="vae")):
        part = last[last["source"] == source]
        groups = part.groupby(apart, dropna=False) if apart else [((), part)]
        for values, one in groups:
            known = {n: float(str(v)) for n, v in zip(apart, values, strict=True) if v == v}
            words = [f"{n}={v:g}" for n, v in known.items()]
            made.append(_curve(one, ", ".join([source, *words]), source, what))
    return made


def _curve(part: pd.DataFrame, name: str, source: str, what: Asked) -> Curve:
    """Losses by replicate and size; several seeds of a replicate are averaged.

    A replicate with a trial that has no final value, at some size, has none there.
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
    return Curve(name, source, ordered, wide.to_numpy(dtype=float), units, stopped)


def over_compute(frame: pd.DataFrame, what: Asked) -> pd.DataFrame:
    """Returns the losses of all measured epochs over the compute until then, by curve.

    Columns source, n_c, m_z, training_flops and loss, the mean over seeds and replicates; empty
    where rows have no FLOPs.
    """
    columns = ["source", "m_z", "n_c", "epoch", "training_flops", "loss"]
    known = {"training_flops", what.y} <= set(frame)
    if not known:
        return pd.DataFrame(columns=columns)
    rows = frame[(frame["kind"] == "vae") & (frame["state"] == "done")]
    sign = -1.0 if what.loss.startswith("-") else 1.0
    rows = rows.dropna(subset=["training_flops", what.y])
    rows = rows.assign(loss=sign * rows[what.y].astype(float))
    rows = rows.astype({"training_flops": float})
    by = ["source", "m_z", "n_c", "epoch"]
    return rows.groupby(by)[["training_flops", "loss"]].mean().reset_index()[columns]


def frontier(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of `over_compute` that no cheaper row of its source betters."""
    ordered = table.sort_values(["source", "training_flops"], ignore_index=True)
    best = ordered.groupby("source")["loss"].cummin()
    return ordered[np.isclose(ordered["loss"], best)]
