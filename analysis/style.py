"""Defines colours, labels and sizes of all figures as plain dicts, which the caller applies.

As in `with matplotlib.rc_context(style.RC): fig8(frame)`; `analysis.figures` does this itself.
"""

import math
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, TypedDict

Line = Literal["-", "--", "-.", ":"]
WIDE, NARROW = 6.75, 3.6  # inches: a page's two columns, and about one
COLUMN = 4.5  # narrower figures (in inches) have their panels above each other
SMALLEST = 6.0  # points of the smallest text


class TextStyle(TypedDict):
    """Holds matplotlib's options for a text."""

    fontsize: float
    color: str


RC: dict[Any, Any] = {
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.titlesize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "figure.dpi": 100.0,
    "savefig.dpi": 300.0,
    "pdf.fonttype": 42,  # text stays text
    "svg.fonttype": "none",
    "svg.hashsalt": "analysis",  # makes files reproducible
}
NOTE: TextStyle = {"fontsize": SMALLEST, "color": "#666666"}  # of the line under a figure

GREY = "#555555"  # for marks that belong to no source

SOURCE_COLOURS = {  # distinguishable with colour blindness too, and by marker
    "normal": "#0072b2",
    "dmaapx": "#d55e00",
    "aug_tuned": "#44aa99",
    "aug_naive": "#882255",
    "mollify": "#e69f00",
}
SOURCE_MARKERS = {
    "normal": "o",
    "dmaapx": "s",
    "aug_tuned": "^",
    "aug_naive": "D",
    "mollify": "v",
}
COMBINED_COLOURS = {  # of labels
    "normal + RHA": "#56b4e9",
    "DMaaPx + RHA": "#f5a95d",
    "DMaaPx + mollified": "#3a1f63",
}
COMBINED_MARKERS = {"normal + RHA": "P", "DMaaPx + RHA": "X", "DMaaPx + mollified": "*"}
OTHER_MARKER = "h"
MIXTURE_COLOURS = {"none": "#8c510a", "tuned": "#44aa99", "naive": "#882255"}  # by augmentation
MIXTURE_MARKERS = {"none": "o", "tuned": "^", "naive": "D"}
MIXTURE_LABELS = {
    "none": "no augmentation",
    "tuned": "Aug.Tuned",
    "naive": "Aug.Naive",
}
DATASET_LABELS = {
    "mnist": "BinaryMNIST",
    "fashion_mnist": "FashionMNIST",
    "cifar10": "CIFAR-10",
    "digits": "digits",
}
LIKELIHOOD_LABELS = {
    "mixture": "mixture of logistics",
    "gaussian": "Gaussian",
    "bernoulli": "Bernoulli",
}
OTHER_COLOURS = ["#56b4e9", "#8b6d00", "#5e3c99", "#777777", "#b2182b", "#1b7837"]
SOURCE_LABELS = {
    "normal": "normal",
    "dmaapx": "DMaaPx",
    "aug_tuned": "Aug.Tuned",
    "aug_naive": "Aug.Naive",
    "mollify": "mollified",
}
MARKERS = "osv^D<>P"  # for m_z, and for other rows
LINES: list[Line] = ["-", "--", "-.", ":"]  # for sources, if colour shows m_z
PHASE_COLOURS = {1: "#00a3c4", 2: "#4b2e83", 3: "#006b8f"}  # cyan, violet, a second cyan
PHASE_MARKERS = {1: "o", 2: "P", 3: "^"}  # not the square of diffusion samples
PHASE_LABELS = {
    1: "phase 1: $n_c$ up at $m_z={first}$",
    2: "phase 2: $m_z$ up at $n_c={turn}$",
    3: "phase 3: $n_c$ up at $m_z={last}$",
}
LABELS = {
    "elbo": "ELBO\n(nats per image)",
    "test_elbo": "test ELBO\n(nats per image)",
    "negative_test_elbo": "negative test ELBO (nats per image)",
    "generalization_gap": "generalization gap\n(nats per image)",
    "amortization_gap": "amortization gap\n(nats per image)",
    "robustness_gap": "robustness gap\n(MS-SSIM)",
    "epoch": "effective epochs",
    "m_z": "latent multiplier $m_z$",
    "n_c": "inner channels $n_c$",
    "parameters": "total number of parameters",
    "train_size": r"real images $|D_\mathrm{train}|$",
    "order": "order along the path",
    "source_k": r"distinct samples $k$, in units of $|D_\mathrm{train}|$",
    "real_percent": "real images in a batch (%)",
    "diffusion_percent": r"$D_\mathrm{train}$ that the diffusion model saw (%)",
    "accuracy": "accuracy on held-out images",
}


def source_colour(source: str) -> str:
    """Returns a source's colour in all figures; composed sources take one of OTHER_COLOURS."""
    fallback = OTHER_COLOURS[zlib.crc32(source.encode()) % len(OTHER_COLOURS)]
    return SOURCE_COLOURS.get(source) or COMBINED_COLOURS.get(source_label(source), fallback)


def source_marker(source: str) -> str:
    """Returns a source's marker in all figures, so that colours are never needed alone."""
    fallback = COMBINED_MARKERS.get(source_label(source), OTHER_MARKER)
    return SOURCE_MARKERS.get(source, fallback)


_WIDTH: ContextVar[float | None] = ContextVar("width", default=None)


@contextmanager
def width(inches: float | None) -> Iterator[None]:
    """Sets the width of figures drawn inside the block; None leaves each its own width."""
    token = _WIDTH.set(inches)
    try:
        yield
    finally:
        _WIDTH.reset(token)


def inches(default: float) -> float:
    """Returns the width in inches set by `width`, else the figure's own."""
    return _WIDTH.get() or default


def letters(text: str) -> int:
    """Estimates how many letters of a line are visible after TeX is rendered."""
    return len(re.sub(r"\\math\w+|[$\\{}^_]", "", text))


def source_label(source: str) -> str:
    """Returns the paper's name of a source, or the names of a composed source's parts."""
    if "=" not in source:
        return " + ".join(SOURCE_LABELS.get(part, part) for part in source.split(" + "))
    parts = dict(part.partition("=")[::2] for part in source.split(","))
    texts = [_PARTS[name](value) for name, value in parts.items() if name in _PARTS]
    others = [f"{name}={v}" for name, v in parts.items() if name not in (*_PARTS, *POOL_PARTS)]
    return " + ".join([*texts, *others])


POOL_PARTS = ("k", "diffusion_share")  # fields that select samples, not the kind of source
_PARTS = {
    "real_share": lambda v: f"{100 * float(v):g} % real" if float(v) else SOURCE_LABELS["dmaapx"],
    "augment": lambda v: SOURCE_LABELS[f"aug_{v}"],
    "mollify_epochs": lambda v: SOURCE_LABELS["mollify"],
}


def dataset_label(dataset: str, data: str = "") -> str:
    """Returns the paper's name of a data set, or an own file's name; `data` as in the column."""
    name = dataset.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".npz")
    return DATASET_LABELS.get(dataset, name) + (" (JPEG copy)" if data == "jpeg" else "")


def rounded(mean: float, half: float | None = None, like: float | None = None) -> str:
    """Rounds, as in 842 ± 12, to two digits of the half width, or else to three of the mean.

    The decimals of the half width `like` are taken instead if it is given.
    """
    size, digits = (like or half, 2) if half or like else (mean, 3)
    decimals = digits - 1 - math.floor(math.log10(abs(size))) if size else 0
    form = f".{max(0, decimals)}f"
    text = f"{mean:{form}}".replace("-", "\N{MINUS SIGN}")
    return text + (f" \N{PLUS-MINUS SIGN} {half:{form}}" if half else "")


def m_z_colours(values: Iterable[int]) -> dict[int, str]:
    """Returns sequential colours, dark to light with growing m_z, all readable on white."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    ordered = sorted(set(values))
    shades = [0.85 * index / max(len(ordered) - 1, 1) for index in range(len(ordered))]
    return {m_z: to_hex(colormaps["viridis"](s)) for m_z, s in zip(ordered, shades, strict=True)}
