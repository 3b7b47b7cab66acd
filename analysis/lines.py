"""Frame -> frame: the lines of a figure, over epochs and at their end.

A line is what trials that differ by chance only have in common; its name stands in column `line`.
"""

import pandas as pd

from analysis import curves, levels
from analysis.intervals import over_seeds
from analysis.measured import check_measured_alike as check_measured_alike

METHODS = ("normal", "dmaapx", "aug_tuned", "aug_naive")  # of section 5.1, the paper's order
NEEDED = ["dataset", "likelihood", *curves.PLACE]
NEEDED += ["source_real_share", "source_k", "source_augment"]
ABSENT = {"half_asleep_from": 0.0, "source_diffusion_share": 1.0, "source_mollify_epochs": 0.0}


def field(frame: pd.DataFrame, name: str) -> pd.Series:
    """A trial's number, at its default in results that are older than the field."""
    values = frame[name] if name in frame else pd.Series(pd.NA, frame.index, dtype="Float64")
    return values.astype("Float64").fillna(ABSENT[name]).astype(float)


def vaes(frame: pd.DataFrame) -> pd.DataFrame:
    """The VAEs' rows, m_z, n_c and seed being whole numbers; without VAEs none, of all columns."""
    found = frame[frame["kind"] == "vae"]
    lacking = [name for name in NEEDED if name not in found]
    typed = found.assign(**dict.fromkeys(lacking)).astype(dict.fromkeys(curves.AXES, int))
    return typed.copy()  # in one piece again: many columns, changed one by one, make pandas slow


def whole(frame: pd.DataFrame) -> pd.Series:
    """Whether no diffusion model saw less than D_train."""
    return field(frame, "source_diffusion_share") == 1.0


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The VAEs trained without reverse half asleep, on a diffusion model of all of D_train."""
    found = vaes(frame)
    return found[whole(found) & (field(found, "half_asleep_from") == 0)]


def methods(frame: pd.DataFrame) -> pd.DataFrame:
    """The plain VAEs of the paper's four methods, a line each, at one (m_z, n_c) a data set."""
    found = plain(frame)
    found = found[found["source"].isin(METHODS)]
    return one_size(found.assign(line=found["source"]))


def one_size(frame: pd.DataFrame) -> pd.DataFrame:
    """Of each data set and likelihood the (m_z, n_c) at which most lines, then most trials are."""
    kept = [
        part[(part["m_z"] == size[0]) & (part["n_c"] == size[1])]
        for _, part in frame.groupby(["dataset", "likelihood"], sort=False)
        for size in [_size(part)]
    ]
    return pd.concat(kept) if kept else frame


def _size(part: pd.DataFrame) -> tuple[int, int]:
    counts = part.groupby(["m_z", "n_c"])[["line", "key"]].nunique()
    m_z, n_c = counts.sort_values(["line", "key"], kind="stable").index[-1]
    return int(m_z), int(n_c)


def drawn(frame: pd.DataFrame, place: list[str]) -> pd.DataFrame:
    """The finished trials of each line; of a line without any, those that have begun.

    With columns unit and level (`levels.settle`). Raises ResultsError where several trials of a
    seed and replicate stand at one `place`.
    """
    done = frame["state"] == "done"
    none = ~done.groupby([frame[name] for name in place], dropna=False).transform("any")
    kept = frame[done | none]
    curves.check_one_trial_each(kept.drop_duplicates("key"), [*place, "seed"])
    return levels.settle(kept)


def over_epochs(frame: pd.DataFrame, metric: str, place: list[str]) -> pd.DataFrame:
    """A metric over epochs, as `over_seeds`; only epochs at which all seeds of a line have it.

    So no line jumps where a seed ends before the others.
    """
    if metric not in frame or frame[metric].isna().all():
        return pd.DataFrame()
    check_measured_alike(frame, metric)
    table = over_seeds(frame, [*place, "epoch"], metric)
    trials = frame.dropna(subset=[metric]).groupby([*place, "epoch"])["key"].nunique()
    there = pd.MultiIndex.from_frame(table[[*place, "epoch"]])
    table["trials"] = trials.reindex(there).to_numpy()
    whole = table["trials"] == table.groupby(place)["trials"].transform("max")
    return table[whole].drop(columns="trials")


def at_the_end(frame: pd.DataFrame, metric: str, place: list[str]) -> pd.DataFrame:
    """The last values of finished trials (`curves.last_values`) as `over_seeds`, and their epoch.

    `epoch` is the last at which the metric is measured.
    """
    done = frame[frame["state"] == "done"]
    if metric not in frame or done[metric].isna().all():
        return pd.DataFrame()
    check_measured_alike(done, metric)
    table = over_seeds(curves.last_values(done), place, metric)
    last = done.dropna(subset=[metric]).groupby(place)["epoch"].max()
    return table.merge(last.reset_index(), on=place)


def unfinished(frame: pd.DataFrame, chosen: pd.DataFrame) -> list[str]:
    """What is not finished, in words: the chosen trials that have begun, those of no row at all."""
    begun = chosen[chosen["state"] != "done"].sort_values(["line", "seed", "epoch"])
    last = begun.drop_duplicates("key", keep="last").to_dict("records")
    texts = [f"{trial['line']} {_draw(trial)} (epoch {trial['epoch']})" for trial in last]
    waiting = [trial for trial in frame.attrs.get("unmeasured", []) if trial["kind"] == "vae"]
    return texts + [f"{trial['source']} {_draw(trial)} (not begun)" for trial in waiting]


def _draw(trial: dict) -> str:
    """As in: seed 2, or replicate 1 seed 2."""
    replicate = trial.get("replicate")
    named = "" if replicate is None or pd.isna(replicate) else f"replicate {int(replicate)} "
    return f"{named}seed {trial['seed']}"
