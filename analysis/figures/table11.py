"""Table 11: representations, reconstructions and samples of the four methods (Appendix F)."""

import pandas as pd
from matplotlib.figure import Figure

from analysis import lines
from analysis.figures import marks, methods, tables
from analysis.figures.tables import Table
from analysis.trial_folder import ResultsError

METRICS = {  # the paper's order; RL, RC and SQ as there
    "accuracy_logistic": "RL log. reg. (accuracy)",
    "accuracy_svm_rbf": "RL SVM-RBF",
    "accuracy_svm_linear": "RL SVM-L",
    "accuracy_knn": "RL kNN",
    "psnr_sample": "RC PSNR, samples (dB)",
    "psnr_mean": "RC PSNR, means (dB)",
    "fid": "SQ FID (low is good)",
    "inception_score": "SQ IS",
}
LOW_IS_GOOD = ("fid",)
REASONS = {  # metrics: the column that says why they are absent, and one of theirs
    "accuracy": ("representation_absent", "accuracy_logistic"),
    "PSNR": ("psnr_absent", "psnr_mean"),
    "FID, IS": ("sample_quality_absent", "inception_score"),
}
MARK = f"* best mean of its row; {tables.SAID}"
OWN_FEATURES = (
    "FID and IS rest on the features of a small classifier trained on D_train, "
    "not on Inception's: not comparable with published ones"
)


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per data set, likelihood, metric and method: last values over seeds, and their std.

    `best` marks the best mean of its metric and data set; the paper gives standard deviations
    (n - 1). Raises ResultsError where nothing is measured at the end of a finished trial.
    """
    table = tables.numbers(frame, list(METRICS), "metric")
    if table.empty:
        raise ResultsError(
            "Table 11 needs accuracies, PSNR or FID of finished VAEs, and none is in these "
            "results. Run scaling-vae study downstream."
        )
    sign = table["metric"].map(lambda name: -1 if name in LOW_IS_GOOD else 1)
    place = [table[name] for name in ("dataset", "likelihood", "metric")]
    score = sign * table["mean"]
    table["best"] = score == score.groupby(place).transform("max")
    table["std"] = marks.seed_values(table).std(axis=1, ddof=1)
    first = ["dataset", "likelihood", "data", "metric", "source", "best", "epoch", "std"]
    return table[[*first, *table.columns.drop(first)]]


def text(frame: pd.DataFrame, suffix: str = "txt") -> list[str]:
    """The table's lines: aligned (txt), Markdown (md) or LaTeX (tex)."""
    return _table(frame, suffix).text(suffix)


def table11(frame: pd.DataFrame, note: str = "") -> Figure:
    """The table as a picture, the best means bold."""
    return _table(frame, "picture").picture(note)


def _table(frame: pd.DataFrame, suffix: str) -> Table:
    table = numbers(frame)
    cells = tables.parts(table, METRICS, "metric", "best", suffix)
    said = [f"{MARK}; {tables.counts(table)}", *tables.lengths(table), *_reasons(frame)]
    return Table(tables.head("task and metric"), cells, said)


def _reasons(frame: pd.DataFrame) -> list[str]:
    """Why metrics are absent, and what those present rest on, per data set."""
    said: dict[str, None] = {}
    found = lines.methods(frame)
    for _, part in found[found["state"] == "done"].groupby("dataset", sort=False):
        data = methods.data(part)
        for metric, (column, number) in REASONS.items():
            lacking = part[part[number].isna()] if number in part else part
            for reason in lacking[column].dropna().unique() if column in part else ():
                said[f"{data}, {metric} not measured: {reason}"] = None
        extractor = part.get("sample_quality_extractor", pd.Series(dtype=str))
        if (extractor == "classifier").any():
            said[f"{data}: {OWN_FEATURES}"] = None
    return list(said)
