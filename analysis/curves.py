"""Frame -> frame: final values of each trial, the axes of Figure 7, the path of Figure 8."""

from collections.abc import Iterable
from shlex import quote

import pandas as pd

from analysis.alike import check_alike
from analysis.columns import ROW_COLUMNS, TRIAL_COLUMNS
from analysis.trial_folder import ResultsError
from analysis.where import column, met, parse

TAIL = 0.1  # a final value is the mean over the last 10 % of the trial's epochs
FEW_WIDTHS = 3  # n_c values from which on a row of the grid is a curve (Fig 7 c, d)
CONSTANT = [*TRIAL_COLUMNS, "epoch", "parameters", "parameters_z", "parameters_rest", "d_z",
            "train_images", "validation_images", "test_images", "drawn_from"]  # fmt: skip
CONSTANT += ["images_seen", "training_flops"]  # at the end, not on average over the tail
SETTING = ["dataset", "train_size", "split", "network", "likelihood"]  # of one set of curves
AXES = ["m_z", "n_c", "seed"]
PLACE = ["source", *AXES]


def final(frame: pd.DataFrame, place: list[str] = PLACE) -> pd.DataFrame:
    """A row per finished VAE trial, its metrics as in `last_values`, in the order of `place`.

    One trial per place, and one data set, split, network and likelihood in all, as far as these
    are not part of the place: else ResultsError.
    """
    vae = frame[(frame["kind"] == "vae") & (frame["state"] == "done")]
    if vae.empty:
        raise ResultsError(
            "No VAE trial is finished yet. Run the study again: it continues where it stopped."
        )
    finals = last_values(vae).astype(dict.fromkeys(AXES, int))
    check_one_trial_each(finals, place)
    return finals.sort_values(place, ignore_index=True)


def last_values(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per trial, metrics being means of the rows in its last 10 % of epochs.

    With E the trial's last measured epoch these are the rows with epoch > 0.9 E, those of them in
    which the metric is measured; a metric that none of them has keeps its last measured value.
    `epoch` is E.
    """
    tail = frame[frame["epoch"] > (1 - TAIL) * frame.groupby("key")["epoch"].transform("max")]
    numbers = tail.select_dtypes("number").columns.difference(CONSTANT)
    trials = tail.astype(dict.fromkeys(numbers, float)).groupby("key", sort=False)
    finals = trials.last()
    finals[numbers] = trials[list(numbers)].mean()
    lost = [name for name in numbers if finals[name].isna().any()]
    if lost:
        earlier = frame.astype(dict.fromkeys(lost, float)).groupby("key")[lost].last()
        finals[lost] = finals[lost].fillna(earlier)
    return finals.copy().reset_index()  # in one piece again, as pandas asks


def check_one_trial_each(trials: pd.DataFrame, place: list[str]) -> None:
    """Raises ResultsError where trials mix settings, or several stand at one place.

    `trials` has a row per trial; the columns of `place` tell its trials apart.
    """
    for name in [name for name in SETTING if name in trials and name not in place]:
        values = trials[name].unique()
        if len(values) > 1:
            raise ResultsError(
                f"These results mix {name} {', '.join(map(str, values))}, which no curve may join. "
                f"Choose one: --where {quote(f'{name}={values[0]}')}"
            )
    twins = trials[trials.duplicated(place, keep=False)]
    if len(twins):
        at = twins[place].iloc[0]
        pair = twins[((twins[place] == at) | (twins[place].isna() & at.isna())).all(axis=1)]
        fields = [name for name in pair if name not in ("key", *ROW_COLUMNS)]
        differ = [str(n) for n in fields if pair[n].nunique(dropna=False) > 1]
        name = [*differ, "key"][0]
        raise ResultsError(
            f"Several trials stand at {_words(at)}; they differ in "
            f"{name}. Choose one: --where {quote(f'{name}={pair[name].dropna().iloc[0]}')}"
        )
    check_alike(trials, place)


def _words(place: pd.Series) -> str:
    """As in: normal, m_z=1, n_c=2, seed 0."""
    forms = {"source": "{}", "line": "{}", "seed": "seed {}"}
    texts = [forms.get(str(n), f"{n}={{}}").format(v) for n, v in place.items() if not pd.isna(v)]
    return ", ".join(texts)


def where(frame: pd.DataFrame, words: Iterable[str]) -> pd.DataFrame:
    """Keeps the rows that meet every condition of `--where`, in the language of `analysis.where`.

    A figure keeps what it compares with: the rows of the sources that have no such field stay, so
    `source_k==10` keeps normal training.
    """
    for condition in parse(words):
        fits = met(frame, condition)
        if not fits.any():
            raise ResultsError(f"No row has {condition.text}. Leave this --where out or change it.")
        if condition.of_source and not condition.is_none:
            fits |= column(frame, condition.column).isna().to_numpy(bool)
        frame = frame[fits]
    return frame


def stopped(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per VAE trial that ended early by its own rule, with its last measured values."""
    ended = frame[(frame["kind"] == "vae") & (frame["state"] == "censored")]
    return ended.drop_duplicates("key", keep="last")


def asked(frame: pd.DataFrame) -> pd.DataFrame:
    """Source, m_z, n_c and seed of each VAE trial, finished, begun or not even begun."""
    rows = frame.loc[frame["kind"] == "vae", PLACE].drop_duplicates()
    others = [t for t in frame.attrs.get("unmeasured", []) if t["kind"] == "vae"]
    every = pd.concat([rows, pd.DataFrame(others, columns=PLACE)]) if others else rows
    return every.astype(dict.fromkeys(AXES, int)).drop_duplicates().sort_values(PLACE)


def grid(frame: pd.DataFrame, source: str | None = None) -> pd.DataFrame:
    """The (m_z, n_c) of the VAE trials in whatever state, of one source or all."""
    trials = asked(frame)
    trials = trials if source is None else trials[trials["source"] == source]
    return trials[["m_z", "n_c"]].drop_duplicates().sort_values(["m_z", "n_c"])


def sources(frame: pd.DataFrame) -> list[str]:
    """The sources of the VAE trials, normal first, then dmaapx, then by name."""
    names = frame.loc[frame["kind"] == "vae", "source"].unique()
    return sorted(names, key=lambda name: (name != "normal", name != "dmaapx", name))


def corner(points: pd.DataFrame) -> int:
    """The n_c at which m_z takes most values: there the path turns (256 in the paper).

    Among equals, one that has the smallest m_z goes before one that has not, and then the largest
    that leaves a larger n_c at the largest m_z (room for phase 3), if there is one, else the
    largest. Raises ResultsError where no n_c has two m_z.
    """
    counts = points.groupby("n_c")["m_z"].nunique()
    if counts.empty or counts.max() < 2:
        raise ResultsError(
            f"No n_c has two or more m_z here ({_extent(points)}), so m_z is no axis. "
            "Run the study's whole grid: scaling-vae study double_descent."
        )
    best = set(counts[counts == counts.max()].index)
    best = best & set(_row(points, points["m_z"].min())) or best
    inner = {n_c for n_c in best if n_c < max(_row(points, points["m_z"].max()))}
    return int(max(inner or best))


def path(frame: pd.DataFrame, source: str = "normal") -> pd.DataFrame:
    """Figure 8's path, a row per point in order: phase, m_z, n_c.

    Phase 1: n_c up to the corner at the smallest m_z. Phase 2: m_z up at the corner's n_c.
    Phase 3: n_c up from the corner's at the largest m_z. Inferred from the trials of `source` in
    whatever state; the path's two turns stand on it even where no trial was asked for.
    """
    points = grid(frame, source)
    turn, first, last = corner(points), points["m_z"].min(), points["m_z"].max()
    up = [(1, first, n_c) for n_c in _row(points, first) if n_c < turn] + [(1, first, turn)]
    if len(up) < 2:
        raise ResultsError(
            f"There is no path for Figure 8: at m_z={first} it needs two n_c up to {turn}, where "
            f"m_z varies ({_extent(points)}). Run the whole grid: scaling-vae study double_descent."
        )
    turned = {*points.loc[points["n_c"] == turn, "m_z"], last}
    up += [(2, m_z, turn) for m_z in sorted(turned) if m_z > first]
    up += [(3, last, n_c) for n_c in _row(points, last) if n_c > turn]
    return pd.DataFrame(up, columns=["phase", "m_z", "n_c"]).astype(int)


def along(finals: pd.DataFrame, steps: pd.DataFrame, source: str, value: str) -> pd.DataFrame:
    """Seeds x points of the path (columns (m_z, n_c) in its order), NaN where not measured."""
    if value not in finals:
        raise ResultsError(
            f"{value} is not measured in these results. "
            "Choose results of VAEs: --results results/double_descent."
        )
    here = finals[finals["source"] == source]
    wide = here.set_index(["seed", "m_z", "n_c"])[value].unstack(["m_z", "n_c"])
    places = pd.MultiIndex.from_frame(steps[["m_z", "n_c"]])
    return wide.reindex(columns=places).sort_index().astype(float)


def missing(
    frame: pd.DataFrame, finals: pd.DataFrame, steps: pd.DataFrame, source: str, value: str
) -> list[str]:
    """What the path lacks, a text per point: "(m_z=4, n_c=32): seed 2"; `finals` of the frame."""
    wide = along(finals, steps, source, value)
    trials = asked(frame)
    seeds = sorted(trials.loc[trials["source"] == source, "seed"].unique())
    wide = wide.reindex(index=seeds)
    texts = []
    for m_z, n_c in steps[["m_z", "n_c"]].itertuples(index=False, name=None):
        lacking = [str(seed) for seed in seeds if pd.isna(wide.loc[seed, (m_z, n_c)])]
        named = "all seeds" if len(lacking) == len(seeds) else f"seed {', '.join(lacking)}"
        texts += [f"(m_z={m_z}, n_c={n_c}): {named}"] if lacking else []
    return texts


def over_m_z(finals: pd.DataFrame) -> pd.DataFrame:
    """Figure 7 a, b: the trials at the corner's n_c."""
    return finals[finals["n_c"] == corner(grid(finals))]


def over_n_c(finals: pd.DataFrame) -> pd.DataFrame:
    """Figure 7 c, d: the trials of those m_z at which n_c takes at least three values."""
    widths = finals.groupby("m_z")["n_c"].nunique()
    return finals[finals["m_z"].isin(widths[widths >= FEW_WIDTHS].index)]


def _row(points: pd.DataFrame, m_z: int) -> list[int]:
    return sorted(points.loc[points["m_z"] == m_z, "n_c"])


def _extent(points: pd.DataFrame) -> str:
    """The grid in words: "m_z = 1, 2; n_c = 8"."""
    values = {name: ", ".join(map(str, sorted(points[name].unique()))) for name in ("m_z", "n_c")}
    return "; ".join(f"{name} = {text or 'none'}" for name, text in values.items())
