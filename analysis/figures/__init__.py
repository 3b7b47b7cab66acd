"""Draws the paper's figures and tables: each is a module with `figN(frame, note)` and `numbers`.

A new figure is a new module here with these two functions; `names` finds it by its name, and the
first line of its docstring is its title. A figure that needs other data than the frame of trials
has its own `load(path) -> frame`; a table has `text(frame, suffix)` for the console, Markdown and
LaTeX. matplotlib is imported only when a figure is drawn, and its global state does not change.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.errors import ResultsError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "csv")  # written if no file is named
STUDIES: dict[str, tuple[str, ...]] = {  # study: the figures that it shows
    "double_descent": ("fig7", "fig8", "epochs", "heat", "learning"),
    "learning_rate": ("learning_rate",),
    "diffusion": ("fig17",),
    "data_sources": ("fig1", "fig2", "fig10", "fig11", "fig12", "fig13", "table7", "gaps"),
    "latent_width": ("fig6",),
    "sample_budget": ("fig4r",),
    "reverse_half_asleep": ("fig5",),
    "mollification": ("fig14",),
    "mixtures": ("fig15",),
    "diffusion_subsets": ("fig16",),
    "two_sample": ("fig18",),
    "downstream": ("table11", "fig4l", "fig9", "fig19"),
    "smoothness": ("fig3",),
    "data_scaling": ("worth",),
    "readings": ("readings",),
}
CHOSEN = ("learning_rate", "search", "tuned")  # figures of choices by validation
BEYOND = (
    *("epochs", "heat", "learning", "gaps", "noise", "cost", "samples", "worth", "readings"),
    *CHOSEN,
)  # figures that the paper does not have
TABLES = ("learning_rate", "readings")  # figures that also have a table
FINAL = ("fig4r", "fig7", "fig15", "fig16", "table7", "heat", "worth")  # also at best epochs
TEXTS = ("txt", "md", "tex")  # formats of a table
NARROWEST, WIDEST = 3.0, 20.0  # inches of a readable figure
NAMED = 4  # cells named whose trials ended early
JPEG = (
    "CIFAR-10's images are those of a JPEG copy: "
    "its likelihoods are not comparable with published ones."
)
# The same numbers give the same bytes: no date in the file.
METADATA: dict[str, dict[str, None]] = {
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
    "png": {},
}


def names() -> list[str]:
    """Returns the names of all figures: the paper's in their order, its tables, the others."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    matches = [match for name in modules if (match := re.fullmatch(r"(fig|table)(\d+)(.*)", name))]
    ordered = sorted(matches, key=lambda m: (m[1], int(m[2]), m[3]))
    return [*(match[0] for match in ordered), *BEYOND]


def about(name: str) -> str:
    """Returns the figure's title, its module docstring's first line, without importing it."""
    source = (Path(__path__[0]) / f"{name}.py").read_text(encoding="utf-8")
    return source.removeprefix('"""').partition("\n")[0].removesuffix('"""')


def study(name: str) -> str:
    """Returns the name of the study that shows the figure."""
    shows = (study for study, figure_names in STUDIES.items() if name in figure_names)
    return next(shows, "double_descent")


def load(name: str, path: str | Path, frame: "pd.DataFrame | None" = None) -> "pd.DataFrame":
    """Loads the frame that the figure is drawn from: by its own `load`, else that of the results.

    `frame` is the frame of these results, if they are read already.
    """
    from analysis import results
    from analysis.selection import choice, own_study
    from analysis.storage import studies

    loader: Callable[[str | Path], pd.DataFrame] | None = getattr(_module(name), "load", None)
    if loader:
        return loader(path)
    trials = results.load(path) if frame is None else frame
    if name in CHOSEN:
        return trials
    trials = own_study.of_study(trials, path, study(name))
    return choice.chosen(trials, studies.about(path, study(name)))


def draw(name: str, frame: "pd.DataFrame", note: str = "", width: float | None = None) -> "Figure":
    """Draws the figure in this project's style, with `note` in small type under it.

    `width` is in inches, None for the figure's own; below `style.COLUMN` the panels are above each
    other. Raises ResultsError for a width at which nothing can be read.
    """
    from matplotlib import rc_context

    from analysis import style
    from analysis.figures import layout

    if width is not None and not NARROWEST <= width <= WIDEST:
        raise ResultsError(
            f"A figure {width:g} inches wide is not readable. Choose --width 3.25 for a column or "
            "--width 6.75 for a page."
        )
    function: Callable[[pd.DataFrame, str], Figure] = getattr(_module(name), name)
    with rc_context(style.RC), style.width(width):
        figure = function(frame, "\n".join([*_warnings(frame), note]).strip())
        layout.stack(figure)
        return figure


def fault(error: Exception) -> str:
    """Returns a line on an error that is a fault of this program, not of its input."""
    return (
        f"{type(error).__name__}: {error}. This is a fault of the program, and the results are "
        "whole. Please report it with the study's trials.parquet."
    )


def _warnings(frame: "pd.DataFrame") -> list[str]:
    """Returns warnings about unusual images, samples and arithmetic."""
    from analysis.selection import early, own_study

    warnings = early.notes(frame) + own_study.note(frame)
    warnings += [JPEG] if "data" in frame and (frame["data"] == "jpeg").any() else []
    pools = set(frame["source_pool"].dropna()) if "source_pool" in frame else set()
    imported = sorted(name for name in pools if not re.search(r"-e\d+$", name))
    if imported:
        warnings.append(f"Samples (DMaaPx) are imported: {', '.join(imported)}.")
    has_columns = {"kind", "precision"} <= set(frame)
    if has_columns and frame.loc[frame["kind"] == "vae", "precision"].nunique() > 1:
        warnings.append("Some networks were trained in bf16, the others in float32.")
    return warnings + ended_early(frame)


def ended_early(frame: "pd.DataFrame") -> list[str]:
    """Returns a line on trials that ended early by their own rule, which no mean includes."""
    if not {"kind", "state", "censored"} <= set(frame):
        return []
    ended = frame[(frame["state"] == "censored") & (frame["kind"] == "vae")]
    ended = ended.drop_duplicates("key", keep="last")
    counts = ended.groupby(["source", "m_z", "n_c", "censored"]).size().reset_index(name="n")
    texts = [
        f"{c.n} {c.censored} ({c.source}, m_z={c.m_z}, n_c={c.n_c})" for c in counts.itertuples()
    ]
    more = f"; and {len(texts) - NAMED} more cells" if len(texts) > NAMED else ""
    if not texts:
        return []
    return [f"Ended early (\u00d7), not in any mean: {'; '.join(texts[:NAMED])}{more}."]


def numbers(name: str, frame: "pd.DataFrame") -> "pd.DataFrame":
    """Returns the numbers drawn, a row per point: mean, low, high, n, method, each draw's value.

    A column `at` is added if VAEs are taken at their best epochs (`early.at_best`).
    """
    from analysis.selection import early

    function: Callable[[pd.DataFrame], pd.DataFrame] = _module(name).numbers
    table = function(frame)
    return table.assign(at=early.taken(frame)) if early.notes(frame) else table


def save(
    name: str,
    frame: "pd.DataFrame",
    files: Iterable[Path],
    note: str = "",
    width: float | None = None,
) -> None:
    """Writes the figure, for .csv its numbers, or a table, to files as `write` does."""
    table = partial(text, name, frame) if is_table(name) else None
    write(files, partial(draw, name, frame, note, width), partial(numbers, name, frame), table)


def write(
    files: Iterable[Path],
    draw: "Callable[[], Figure]",
    numbers: "Callable[[], pd.DataFrame]",
    table: Callable[[str], list[str]] | None = None,
) -> None:
    """Writes a figure, or for .csv its numbers, to files whose suffix gives the format.

    `table`, if the figure has one, returns its lines in one of the formats TEXTS. Raises
    ResultsError for an unknown suffix.
    """
    from matplotlib import rc_context

    from analysis import style

    formats = {file: file.suffix.lower().lstrip(".") for file in files}
    suffixes = (*METADATA, "csv", *(TEXTS if table else ()))
    for file, suffix in formats.items():
        if suffix not in suffixes:
            endings = ", ".join(f".{name}" for name in suffixes)
            raise ResultsError(f"{file} has no known format. End its name in one of: {endings}.")
    with rc_context(style.RC):
        figure = draw() if set(formats.values()) & set(METADATA) else None
        for file, suffix in formats.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            if suffix == "csv":
                numbers().to_csv(file, index=False, lineterminator="\n")
            elif figure and suffix in METADATA:
                figure.savefig(file, format=suffix, metadata=METADATA[suffix])
                figure.set_layout_engine(None)  # the other formats keep this layout
            elif table:
                file.write_text("\n".join(table(suffix)) + "\n", encoding="utf-8")


def is_table(name: str) -> bool:
    """Returns whether the figure also has a table as text."""
    return name.startswith("table") or name in TABLES


def text(name: str, frame: "pd.DataFrame", suffix: str = "txt") -> list[str]:
    """Returns a table's lines: aligned (txt), Markdown (md) or LaTeX (tex)."""
    from analysis.selection import early

    function: Callable[[pd.DataFrame, str], list[str]] = _module(name).text
    notes = early.notes(frame)
    formatted = {"md": ["", *notes], "tex": [f"% {note}" for note in notes]}
    return [*function(frame, suffix), *(formatted.get(suffix, notes) if notes else [])]


def _module(name: str):  # type: ignore[no-untyped-def]
    if name not in names():
        near = did_you_mean(name, names())
        raise ResultsError(
            f"There is no figure {name!r}. {near}Choose one of: {', '.join(names())}."
        )
    return importlib.import_module(f"analysis.figures.{name}")
