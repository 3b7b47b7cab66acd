"""Figure 8's path at one learning rate, and at each cell's best one (`--lr-from`)."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import curves, results, style
from analysis.double_descent import descent, paths, verdicts
from analysis.errors import ResultsError
from analysis.figures import fig8, marks
from analysis.selection import choice, own_study
from analysis.storage import studies

STUDY = "double_descent"
COLOURS = ("#777777", "#d55e00")  # fixed, tuned
ASIDE = 0.1  # distance of each curve from the points' places, so that intervals hide none
HEIGHT = 5.0  # inches: the notes have both verdicts


def load(path: str | Path) -> pd.DataFrame:
    """Returns the results' frame, with the study's learning rates in the column `rates`."""
    frame = own_study.of_study(results.load(path), path, STUDY)
    rates = choice.rates_of(frame, studies.about(path, STUDY))
    return choice.with_record(frame, "rates", rates)


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of Figure 8's numbers at the fixed and at the tuned rates (`rates`).

    `lr` is the learning rate of each point. Raises ResultsError if the study records no rates.
    """
    tables = []
    for name, part in _parts(frame).items():
        table = fig8.numbers(part)
        rates = part[part["kind"] == "vae"].groupby(["source", "m_z", "n_c"])["lr"].first()
        tables.append(table.assign(rates=name).join(rates, on=["source", "m_z", "n_c"]))
    table = pd.concat(tables, ignore_index=True)
    first = ["rates", "source", "m_z", "n_c", "lr"]
    return table[[*first, *table.columns.drop(first)]]


def _parts(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    if "rates" not in frame:
        raise ResultsError(
            "No tuned rates are recorded for these results. Run the study with them: "
            "scaling-vae study double_descent --lr-from learning_rate"
        )
    return choice.parts(frame.drop(columns="rates"), {"rates": frame["rates"].iloc[0]})


def tuned(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws the first source's negative test ELBO in the path's order, with both verdicts below.

    Curves at the best validation epoch are dashed.
    """
    parts, table = _parts(frame), numbers(frame)
    lead = curves.lead(frame)
    table = table[table["source"] == lead]
    last = table[table["at"] == curves.LAST]
    figure = Figure(figsize=(style.inches(style.WIDE), HEIGHT), layout="constrained")
    ax = figure.subplots()
    judged, handles = [], []
    for name, colour, marker, aside in zip(parts, COLOURS, "os", (-ASIDE, ASIDE), strict=True):
        part = last[last["rates"] == name]
        marks.series(ax, part["order"] + aside, part, colour, f"{marker}-")
        early = table[(table["rates"] == name) & (table["at"] == curves.BEST)]
        if len(early):
            marks.series(ax, early["order"] + aside, early, colour, ".--", width=0.9)
        handles.append(Line2D([], [], color=colour, marker=marker, label=name))
        judged += [f"{name}: {line}" for line in _verdict(parts[name], lead)]
    if (table["at"] == curves.BEST).any():
        dashed = Line2D([], [], color=COLOURS[0], linestyle="--", marker=".")
        dashed.set_label(f"at the {curves.BEST}")
        handles.append(dashed)
    steps = paths.path(next(iter(parts.values())), lead)
    rates = last[last["rates"] != next(iter(parts))].set_index("order")["lr"]
    texts = [
        f"{step.m_z}\n{step.n_c}\n{rates[index]:g}" if index in rates else f"{step.m_z}\n{step.n_c}"
        for index, step in enumerate(steps.itertuples())
    ]
    ax.set_xticks(range(len(steps)), texts)
    ax.set_xlabel("along the path: $m_z$, $n_c$, tuned lr")
    ax.set_ylabel(style.LABELS["negative_test_elbo"].replace(" (", "\n("))
    title = f"Figure 8's path at one learning rate and at tuned rates, {style.source_label(lead)}"
    marks.heading(figure, handles, marks.with_data(f"{title} training", frame))
    finals = curves.final(next(iter(parts.values())))
    marks.note(figure, [marks.counted(finals, last), *judged, note])
    return figure


def _verdict(part: pd.DataFrame, source: str) -> list[str]:
    """Returns the verdict at the last epochs, and what is left at the best validation epoch."""
    try:
        verdict = descent.verdict(part, source)
    except ResultsError as error:
        return [str(error)]
    return [line for line in (verdict.sentence, verdicts.best_line(part, verdict).strip()) if line]
