"""Reduces a frame to a row per trial, at its end or its best epoch, and selects Figure 7's axes."""

from collections.abc import Iterable
from shlex import quote

import pandas as pd

from analysis.columns import ROW_COLUMNS, TRIAL_COLUMNS
from analysis.errors import ResultsError
from analysis.retype import retyped
from analysis.selection.where import column, met, parse, possible
from analysis.statistics import comparable, levels
from analysis.statistics.comparable import check_comparable, check_one_curve, has
from analysis.storage.unmeasured import unmeasured, with_unmeasured

TAIL = 0.1  # a final value is the mean over the last 10 % of the trial's epochs
FEW_WIDTHS = 3  # a row of the grid needs this many n_c to be a curve (Fig 7 c, d)
CONSTANT = [*TRIAL_COLUMNS, "epoch", "parameters", "parameters_z", "parameters_rest", "d_z",
            "train_images", "validation_images", "test_images", "drawn_from",
            "unit", "overlap"]  # fmt: skip
CONSTANT += ["images_seen", "training_flops"]  # values at the end, not averages over the tail
SETTING = ["dataset", "train_size", "partition", "split", "network", "likelihood"]  # one per curve
AXES = ["m_z", "n_c", "seed"]
PLACE = ["source", *AXES]
CHOSEN = "chosen_fields"  # column: fields, joined by spaces, that were chosen for each size
DESCRIBED = (*comparable.ESTIMATORS, "amortization_estimator")  # how values were measured
LAST, BEST = "last epochs", "best validation epoch"  # the epochs whose values are taken


def final(
    frame: pd.DataFrame, place: list[str] = PLACE, epochs: str = LAST, settled: bool = True
) -> pd.DataFrame:
    """Returns a row per finished VAE trial with metrics as in `last_values`, sorted by `place`.

    `epochs=BEST` takes `best_values` instead. The columns unit and level (`levels.settle`) are
    added unless `settled=False`, for callers that settle a part of the trials by itself. Raises
    ResultsError if no trial is finished, if several are at one place, or if they differ in data
    set, split, network or likelihood and these are not part of the place. With the default place,
    trials of all sizes must be alike (`check_one_curve`), except in the fields that the column
    CHOSEN names, and trained for equally many epochs.
    """
    vae = finished(frame)
    if vae.empty:
        raise ResultsError(
            "No VAE trial is finished yet. Run the study again: it continues where it stopped."
        )
    values = best_values(vae) if epochs == BEST else last_values(vae)
    finals = retyped(values, int, AXES)
    check_one_trial_each(finals, place)
    if place == PLACE:
        check_one_curve(finals, str(finals[CHOSEN].iloc[0]).split() if CHOSEN in finals else ())
    if epochs == LAST:
        check_same_epochs(finals, [] if place == PLACE else place)
    finals = levels.settle(finals) if settled else finals
    return with_unmeasured(finals.sort_values(place, ignore_index=True), unmeasured(frame))


def finished(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of the finished VAEs."""
    return frame[(frame["kind"] == "vae") & (frame["state"] == "done")]


def last_values(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns a row per trial whose metrics are means over the last 10 % of its epochs.

    With E the trial's last measured epoch, a mean is over the rows with epoch > 0.9 E that have the
    metric; a metric that none of them has keeps its last measured value, and how it was measured.
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
        texts = [str(name) for name in frame if name not in numbers]
        for name in (n for n in texts if n in DESCRIBED or n.endswith(comparable.OPTIONS)):
            finals[name] = finals[name].fillna(frame.groupby("key")[name].last())
    return finals.copy().reset_index()  # a copy: pandas warns about fragmented frames


def best_values(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns a row per trial, that of the epoch with the highest validation ELBO.

    Among equal ones it is the first. Only epochs at which the validation ELBO was measured count;
    `epoch` is the best one. Raises ResultsError if it was measured nowhere.
    """
    elbo = frame["validation_elbo"].dropna() if "validation_elbo" in frame else pd.Series()
    if elbo.empty:
        raise ResultsError(
            "validation_elbo is not measured in these results, so the best epoch cannot be chosen "
            "without test images. Run the study again: its partition has validation images."
        )
    measured = frame.loc[elbo.index]
    best = elbo.astype(float).groupby(measured["key"], sort=False).idxmax()
    return measured.loc[best].reset_index(drop=True)


def check_same_epochs(trials: pd.DataFrame, place: list[str]) -> None:
    """Raises ResultsError if trials of one place, which a mean joins, ended at different epochs.

    Without a place, all trials must have ended at the same one, because a curve joins them. Another
    study may have trained some of them further.
    """
    by = [name for name in place if name not in comparable.CHANCE and name in trials]
    for _, part in trials.groupby(by, dropna=False) if by else [((), trials)]:
        epochs = sorted(part["epoch"].unique())
        if len(epochs) > 1:
            raise ResultsError(
                f"Trials {'at one place' if by else 'of one curve'} were trained for "
                f"{' and '.join(map(str, epochs))} epochs, and no mean or curve may join these. "
                f"Choose: --where {quote(f'epoch<={epochs[0]}')}, or give the folder of one study."
            )


def check_one_trial_each(trials: pd.DataFrame, place: list[str]) -> None:
    """Raises ResultsError if trials mix settings, or if several have the same place.

    `trials` has a row per trial; the columns `place` shall identify each of them.
    """
    for name in [name for name in SETTING if name in trials and name not in place]:
        values = trials[name].unique()
        if len(values) > 1:
            first = "none" if pd.isna(values[0]) else values[0]
            raise ResultsError(
                f"These results mix {name} {', '.join(map(str, values))}, which no curve may join. "
                f"Choose one: --where {quote(f'{name}={first}')}"
            )
    place = [*place, "replicate"] if "replicate" in trials and "replicate" not in place else place
    twins = trials[trials.duplicated(place, keep=False)]
    if len(twins):
        place_values = twins[place].iloc[0]
        pair = twins[has(twins[place], place_values.tolist())]
        fields = [name for name in pair if name not in ("key", *ROW_COLUMNS)]
        differ = [str(n) for n in fields if pair[n].nunique(dropna=False) > 1]
        name = [*differ, "key"][0]
        raise ResultsError(
            f"There are several trials at {_words(place_values)}; they differ in "
            f"{name}. Choose one: --where {quote(f'{name}={pair[name].dropna().iloc[0]}')}"
        )
    check_comparable(trials, place)


def _words(place: pd.Series) -> str:
    """Formats a place, as in: normal, m_z=1, n_c=2, seed 0."""
    forms = {"source": "{}", "line": "{}", "seed": "seed {}", "replicate": "replicate {}"}
    texts = [forms.get(str(n), f"{n}={{}}").format(v) for n, v in place.items() if not pd.isna(v)]
    return ", ".join(texts)


def where(frame: pd.DataFrame, conditions: Iterable[str]) -> pd.DataFrame:
    """Keeps the rows that meet every condition of `--where`, in the language of `selection.where`.

    Rows of sources that lack the field of a condition stay, because figures compare with them:
    `source_k==10` keeps normal training. Raises ResultsError if no row meets a condition.
    """
    waiting = unmeasured(frame)
    for condition in parse(conditions):
        fits = met(frame, condition)
        if not fits.any():
            raise ResultsError(f"No row meets {condition.text}. Omit this --where or change it.")
        if condition.of_source and not condition.is_none:
            fits |= column(frame, condition.column).isna().to_numpy(bool)
        frame, waiting = frame[fits], possible(waiting, condition)
    return frame if waiting == unmeasured(frame) else with_unmeasured(frame, waiting)


def stopped(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns a row per VAE trial that ended early by its own rule, with its last measured row."""
    ended = frame[(frame["kind"] == "vae") & (frame["state"] == "censored")]
    return ended.drop_duplicates("key", keep="last")


def requested(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns source, m_z, n_c, seed and replicate of each VAE trial, whether or not it began."""
    columns = [*PLACE, "replicate"] if "replicate" in frame else PLACE
    rows = frame.loc[frame["kind"] == "vae", columns].drop_duplicates()
    waiting = unmeasured(frame, "vae")
    requests = pd.concat([rows, pd.DataFrame(waiting, columns=columns)]) if waiting else rows
    return retyped(requests, int, AXES).drop_duplicates().sort_values(columns)


def grid(frame: pd.DataFrame, source: str | None = None) -> pd.DataFrame:
    """Returns the (m_z, n_c) of all VAE trials in any state, of one source or of all."""
    trials = requested(frame)
    trials = trials if source is None else trials[trials["source"] == source]
    return trials[["m_z", "n_c"]].drop_duplicates().sort_values(["m_z", "n_c"])


def sources(frame: pd.DataFrame) -> list[str]:
    """Returns the sources of the VAE trials: normal first, then dmaapx, then others by name.

    Raises ResultsError if there is no VAE.
    """
    if not (frame["kind"] == "vae").any():
        raise ResultsError(
            "There is no VAE in these results. Choose results of VAEs: "
            "--results results/double_descent."
        )
    names = frame.loc[frame["kind"] == "vae", "source"].unique()
    return sorted(names, key=lambda name: (name != "normal", name != "dmaapx", name))


def lead(frame: pd.DataFrame) -> str:
    """Returns the source that figures of one source show: the first of `sources`."""
    return sources(frame)[0]


def corner(points: pd.DataFrame) -> int:
    """Returns the n_c with the most values of m_z, where the path turns (256 in the paper).

    Among equals, those that have the smallest m_z come first; of these it is the largest that
    leaves a larger n_c at the largest m_z (room for phase 3), or simply the largest if none does.
    Raises ResultsError if no n_c has two m_z.
    """
    counts = points.groupby("n_c")["m_z"].nunique()
    if counts.empty or counts.max() < 2:
        raise ResultsError(
            f"No n_c has two or more m_z here ({extent(points)}), so m_z cannot be an axis. "
            "Run the study's whole grid: scaling-vae study double_descent."
        )
    best = set(counts[counts == counts.max()].index)
    best = best & set(row_of(points, points["m_z"].min())) or best
    inner = {n_c for n_c in best if n_c < max(row_of(points, points["m_z"].max()))}
    return int(max(inner or best))


def over_m_z(finals: pd.DataFrame) -> pd.DataFrame:
    """Selects the trials at the corner's n_c, for Figure 7 a, b."""
    return finals[finals["n_c"] == corner(grid(finals))]


def over_n_c(finals: pd.DataFrame) -> pd.DataFrame:
    """Selects the trials at each m_z with at least three values of n_c, for Figure 7 c, d."""
    widths = finals.groupby("m_z")["n_c"].nunique()
    return finals[finals["m_z"].isin(widths[widths >= FEW_WIDTHS].index)]


def row_of(points: pd.DataFrame, m_z: int) -> list[int]:
    """Returns the n_c at one m_z in ascending order."""
    return sorted(points.loc[points["m_z"] == m_z, "n_c"])


def extent(points: pd.DataFrame) -> str:
    """Formats the grid, as in "m_z = 1, 2; n_c = 8"."""
    values = {name: ", ".join(map(str, sorted(points[name].unique()))) for name in ("m_z", "n_c")}
    return "; ".join(f"{name} = {text or 'none'}" for name, text in values.items())
