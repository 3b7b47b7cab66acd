"""Computes the lines of a figure, over epochs and at their end.

A line consists of trials that differ by chance only; its name is in the column `line`.
"""

import pandas as pd

from analysis import curves
from analysis.retype import retyped
from analysis.statistics import levels
from analysis.statistics.intervals import over_seeds
from analysis.statistics.measured import check_measured_alike as check_measured_alike
from analysis.statistics.measured import check_measured_together as check_measured_together
from analysis.storage.unmeasured import unmeasured

METHODS = ("normal", "dmaapx", "aug_tuned", "aug_naive")  # section 5.1, in the paper's order
NEEDED = ["dataset", "likelihood", *curves.PLACE]
NEEDED += ["source_real_share", "source_k", "source_augment"]
ABSENT = {"half_asleep_from": 0.0, "source_diffusion_share": 1.0, "source_mollify_epochs": 0.0}


def field(frame: pd.DataFrame, name: str) -> pd.Series:
    """Returns a numeric column, with its default in results that are older than the field."""
    values = frame[name] if name in frame else pd.Series(pd.NA, frame.index, dtype="Float64")
    return values.astype("Float64").fillna(ABSENT[name]).astype(float)


def vaes(frame: pd.DataFrame) -> pd.DataFrame:
    """Selects the VAEs' rows, with integer m_z, n_c and seed, and with all columns of NEEDED."""
    rows = frame[frame["kind"] == "vae"]
    lacking = [name for name in NEEDED if name not in rows]
    return retyped(rows.assign(**dict.fromkeys(lacking)), int, curves.AXES)


def whole(frame: pd.DataFrame) -> pd.Series:
    """Returns for each row whether its diffusion model, if any, saw all of D_train."""
    return field(frame, "source_diffusion_share") == 1.0


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Selects VAEs without reverse half asleep whose diffusion model, if any, saw D_train whole."""
    rows = vaes(frame)
    return rows[whole(rows) & (field(rows, "half_asleep_from") == 0)]


def methods(frame: pd.DataFrame) -> pd.DataFrame:
    """Selects the plain VAEs of the paper's four methods, one line each, at one (m_z, n_c).

    The size is chosen for each data set and likelihood.
    """
    rows = plain(frame)
    rows = rows[rows["source"].isin(METHODS)]
    return one_size(rows.assign(line=rows["source"]))


def one_size(frame: pd.DataFrame) -> pd.DataFrame:
    """Keeps one (m_z, n_c) of each data set and likelihood, that with most lines, then trials."""
    parts = [
        part[(part["m_z"] == size[0]) & (part["n_c"] == size[1])]
        for _, part in frame.groupby(["dataset", "likelihood"], sort=False)
        for size in [_size(part)]
    ]
    return pd.concat(parts) if parts else frame


def _size(part: pd.DataFrame) -> tuple[int, int]:
    counts = part.groupby(["m_z", "n_c"])[["line", "key"]].nunique()
    m_z, n_c = counts.sort_values(["line", "key"], kind="stable").index[-1]
    return int(m_z), int(n_c)


def drawn(frame: pd.DataFrame, place: list[str]) -> pd.DataFrame:
    """Selects the finished trials of each line or, if it has none, those that have begun.

    Adds the columns unit and level (`levels.settle`). Raises ResultsError if several trials of a
    seed and replicate are at one `place`.
    """
    done = frame["state"] == "done"
    none = ~done.groupby([frame[name] for name in place], dropna=False).transform("any")
    rows = frame[done | none]
    curves.check_one_trial_each(rows.drop_duplicates("key"), [*place, "seed"])
    return levels.settle(rows)


def over_epochs(frame: pd.DataFrame, metric: str, place: list[str]) -> pd.DataFrame:
    """Returns a metric over epochs as in `over_seeds`, at epochs that all seeds of a line have.

    This keeps a line from jumping when a seed ends before the others.
    """
    if metric not in frame or frame[metric].isna().all():
        return pd.DataFrame()
    check_measured_alike(frame, metric)
    table = over_seeds(frame, [*place, "epoch"], metric)
    trials = frame.dropna(subset=[metric]).groupby([*place, "epoch"])["key"].nunique()
    points = pd.MultiIndex.from_frame(table[[*place, "epoch"]])
    table["trials"] = trials.reindex(points).to_numpy()
    complete = table["trials"] == table.groupby(place)["trials"].transform("max")
    return table[complete].drop(columns="trials")


def at_the_end(frame: pd.DataFrame, metric: str, place: list[str]) -> pd.DataFrame:
    """Returns the last values of finished trials (`curves.last_values`) as in `over_seeds`.

    `epoch` is the last one at which the metric was measured.
    """
    done = frame[frame["state"] == "done"]
    if metric not in frame or done[metric].isna().all():
        return pd.DataFrame()
    check_measured_alike(done, metric)
    check_measured_together(done, metric, place)
    table = over_seeds(curves.last_values(done), place, metric)
    last = done.dropna(subset=[metric]).groupby(place)["epoch"].max()
    return table.merge(last.reset_index(), on=place)


def unfinished(frame: pd.DataFrame, chosen: pd.DataFrame) -> list[str]:
    """Names unfinished trials: the chosen ones that have begun, and those without any row."""
    begun = chosen[chosen["state"] != "done"].sort_values(["line", "seed", "epoch"])
    last = begun.drop_duplicates("key", keep="last").to_dict("records")
    texts = [f"{trial['line']} {_draw(trial)} (epoch {trial['epoch']})" for trial in last]
    waiting = unmeasured(frame, "vae")
    return texts + [f"{trial['source']} {_draw(trial)} (not begun)" for trial in waiting]


def _draw(trial: dict) -> str:
    """Names a trial's draw, as in: seed 2, or replicate 1 seed 2."""
    replicate = trial.get("replicate")
    named = "" if replicate is None or pd.isna(replicate) else f"replicate {int(replicate)} "
    return f"{named}seed {trial['seed']}"
