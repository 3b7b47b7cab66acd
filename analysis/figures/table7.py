"""Table 7: the three gaps of the four training methods on each data set (Appendix C)."""

import pandas as pd
from matplotlib.figure import Figure

from analysis import lines, style
from analysis.figures import marks, methods
from analysis.folders import ResultsError
from analysis.intervals import FEW_SEEDS

GAPS = {
    "generalization_gap": "generalization (nats)",
    "amortization_gap": "amortization (nats)",
    "robustness_gap": "robustness (MS-SSIM)",
}
SAID = f"* smallest mean of its row; mean with 95 % t interval from {FEW_SEEDS} seeds on"
HEAD = ["gap", *(style.source_label(name) for name in lines.METHODS), "n"]
FRAMES = {  # of the smallest mean of a row, and of the others
    **{"txt": ("{}*", "{} "), "md": ("**{}**", "{}"), "tex": (r"\textbf{{{}}}", "{}")},
    "picture": ("*{}", "{}"),
}
WIDTH, ROW = 1.05, 0.19  # inches of a column, of a row


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per data set, likelihood, gap and method: last values over seeds.

    `smallest` marks the smallest mean of its gap and data set. Raises ResultsError where no gap
    is measured at the end of a finished trial.
    """
    tables = [
        lines.at_the_end(lines.drawn(part, ["line"]), gap, ["line"]).assign(
            dataset=part["dataset"].iloc[0],
            likelihood=part["likelihood"].iloc[0],
            data=methods.data(part),
            gap=gap,
        )
        for _, part in lines.methods(frame).groupby(["dataset", "likelihood"], sort=False)
        for gap in GAPS
    ]
    tables = [table for table in tables if len(table)]
    if not tables:
        raise ResultsError(
            "Table 7 needs gaps of finished VAEs, and none is in these results. "
            "Run python studies/data_sources.py."
        )
    table = pd.concat(tables, ignore_index=True).rename(columns={"line": "source"})
    least = table.groupby(["dataset", "likelihood", "gap"])["mean"].transform("min")
    table["smallest"] = table["mean"] == least
    first = ["dataset", "likelihood", "data", "gap", "source", "smallest", "epoch"]
    return table[[*first, *table.columns.drop(first)]]


def rows(frame: pd.DataFrame, suffix: str) -> dict[str, list[list[str]]]:
    """Per data set a row of cells per gap, in HEAD's order; the smallest stands out."""
    found: dict[str, list[list[str]]] = {}
    table = numbers(frame)
    for (data, likelihood), part in table.groupby(["data", "likelihood"], sort=False):
        name = f"{data}, {style.LIKELIHOOD_LABELS[str(likelihood)]}"
        found[name] = []
        for gap, words in GAPS.items():
            here = part[part["gap"] == gap]
            cells = dict(zip(here["source"], _cells(here, suffix), strict=True))
            n = [marks.span(here["n"])] if len(here) else ["-"]
            found[name].append([words, *(cells.get(m, "-") for m in lines.METHODS), *n])
    return found


def _cells(here: pd.DataFrame, suffix: str) -> list[str]:
    values = here[["mean", "low", "high", "n", "smallest"]].to_numpy(dtype=float)
    halves = [(high - low) / 2 if n >= FEW_SEEDS else None for _, low, high, n, _ in values]
    texts = [style.rounded(mean, half) for mean, half in zip(values[:, 0], halves, strict=True)]
    if suffix == "tex":
        signs = {"\N{PLUS-MINUS SIGN}": r"$\pm$", "\N{MINUS SIGN}": "$-$"}
        texts = ["".join(signs.get(sign, sign) for sign in text) for text in texts]
    return [
        FRAMES[suffix][not least].format(t) for t, least in zip(texts, values[:, 4], strict=True)
    ]


def text(frame: pd.DataFrame, suffix: str = "txt") -> list[str]:
    """The table's lines: aligned (txt), Markdown (md) or LaTeX (tex)."""
    found = rows(frame, suffix)
    if suffix == "txt":
        return _aligned(found)
    body = [[name if at == 0 else "", *row] for name in found for at, row in enumerate(found[name])]
    head = ["", *HEAD]
    if suffix == "md":
        lined = [head, ["---"] * len(head), *body]
        return ["| " + " | ".join(row) + " |" for row in lined]
    start = [r"\begin{tabular}{ll" + "r" * (len(head) - 2) + "}", r"\hline"]
    return [*start, *(" & ".join(r) + r" \\" for r in [head, *body]), r"\hline", r"\end{tabular}"]


def _aligned(found: dict[str, list[list[str]]]) -> list[str]:
    every = [HEAD, *(row for part in found.values() for row in part)]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]

    def line(row: list[str]) -> str:
        first, *others = zip(row, widths, strict=True)
        return "  " + "  ".join([first[0].ljust(first[1]), *(t.rjust(w) for t, w in others)])

    said = [line(HEAD)]
    for name, part in found.items():
        said += [name, *map(line, part)]
    return [*said, SAID]


def table7(frame: pd.DataFrame, note: str = "") -> Figure:
    """The table as a picture, the smallest gaps bold."""
    found = rows(frame, "picture")
    height = ROW * (2 + sum(1 + len(part) for part in found.values()))
    figure = Figure(figsize=(style.WIDE, height + 0.6), layout="constrained")
    ax = figure.subplots()
    ax.set(xlim=(0, style.WIDE), ylim=(height, 0))
    ax.axis("off")
    places = [0.1, *(2.1 + WIDTH * at for at in range(len(HEAD) - 1))]
    places[-1] = style.WIDE - 0.2
    at = ROW
    for name, part in {"": [HEAD], **found}.items():
        if name:
            at += ROW
            ax.text(0, at, name, fontweight="bold")
        for row in part:
            at += ROW if name else 0
            for x, cell in zip(places, row, strict=True):
                weight = "bold" if cell.startswith("*") or not name else "normal"
                side = "left" if x == places[0] else "center"
                ax.text(x, at, cell.lstrip("*"), fontweight=weight, ha=side, fontsize=7.5)
    marks.note(figure, [SAID.replace("*", "bold:"), note])
    return figure
