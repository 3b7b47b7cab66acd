"""Colours, labels and sizes of all figures: plain dicts, applied by the caller.

`with matplotlib.rc_context(style.RC): fig8(frame)`; `analysis.figures` does so itself.
"""

import zlib
from collections.abc import Iterable
from typing import Any, Literal

Line = Literal["-", "--", "-.", ":"]
WIDE = 6.75  # inches, a page's two columns
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
    "svg.hashsalt": "analysis",  # the same file each time
}
NOTE: dict[str, Any] = {"fontsize": 5.5, "color": "#7f7f7f"}  # the line under a figure

SOURCE_COLOURS = {  # Okabe and Ito's palette: told apart by colour-blind readers too
    "normal": "#0072b2",
    "dmaapx": "#d55e00",
    "aug_tuned": "#009e73",
    "aug_naive": "#cc79a7",
    "mollify": "#e69f00",
}
OTHER_COLOURS = ["#56b4e9", "#8b6d00", "#5e3c99", "#777777", "#b2182b", "#1b7837"]
SOURCE_LABELS = {
    "normal": "normal",
    "dmaapx": "DMaaPx",
    "aug_tuned": "Aug.Tuned",
    "aug_naive": "Aug.Naive",
    "mollify": "mollified",
}
LINES: list[Line] = ["-", "--", "-.", ":"]  # sources where colour shows m_z
PHASE_COLOURS = {1: "#00a3c4", 2: "#8c510a", 3: "#006b8f"}  # cyan, brown, a second cyan
PHASE_MARKERS = {1: "o", 2: "s", 3: "^"}
PHASE_LABELS = {
    1: "phase 1: $n_c$ up at $m_z={first}$",
    2: "phase 2: $m_z$ up at $n_c={turn}$",
    3: "phase 3: $n_c$ up at $m_z={last}$",
}
LABELS = {
    "test_elbo": "test ELBO\n(nats per image)",
    "negative_test_elbo": "negative test ELBO (nats per image)",
    "generalization_gap": "generalization gap\n(nats per image)",
    "m_z": "latent multiplier $m_z$",
    "n_c": "inner channels $n_c$",
    "parameters": "total number of parameters",
    "order": "order along the path",
}


def source_colour(source: str) -> str:
    """One colour per source everywhere; a composed source takes a fixed one of OTHER_COLOURS."""
    other = OTHER_COLOURS[zlib.crc32(source.encode()) % len(OTHER_COLOURS)]
    return SOURCE_COLOURS.get(source, other)


def source_label(source: str) -> str:
    """The paper's name of a source, or its fields."""
    return SOURCE_LABELS.get(source, source)


def m_z_colours(values: Iterable[int]) -> dict[int, str]:
    """Sequential colours, dark to light with growing m_z; the lightest is still read on white."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    ordered = sorted(set(values))
    shades = [0.85 * at / max(len(ordered) - 1, 1) for at in range(len(ordered))]
    return {m_z: to_hex(colormaps["viridis"](s)) for m_z, s in zip(ordered, shades, strict=True)}
