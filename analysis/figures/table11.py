"""Table 11: representations, reconstructions and samples of the four methods (Appendix F)."""

import pandas as pd
from matplotlib.figure import Figure

from analysis import lines
from analysis.errors import ResultsError
from analysis.figures import marks, methods, tables, ties
from analysis.figures.tables import Table

METRICS = {  # the paper's order; representation, reconstruction and sample quality
    "accuracy_logistic": "accuracy, log. regression",
    "accuracy_svm_rbf": "accuracy, SVM with RBF",
    "accuracy_svm_linear": "accuracy, linear SVM",
    "accuracy_knn": "accuracy, 5 nearest",
    "psnr_sample": "PSNR of samples (dB)",
    "psnr_mean": "PSNR of means (dB)",
    "fid": "FID (lower is better)",
    "inception_score": "Inception score",
}
LOW_IS_GOOD = ("fid",)
REASONS = {  # metrics: the column with the reason of their absence, and one of their columns
    "accuracy": ("representation_absent", "accuracy_logistic"),
    "PSNR": ("psnr_absent", "psnr_mean"),
    "FID, IS": ("sample_quality_absent", "inception_score"),
}
MARK = f"* best mean of its row, and means of {tables.TIED} worse; {tables.CELLS}"
TASKS = (
    "accuracy: of classifiers on the latent means; PSNR: of reconstructions; FID and Inception "
    "score: of samples"
)
OWN_FEATURES = (
    "FID and IS use the features of a small classifier trained on D_train, not Inception's, and "
    "are not comparable with published ones"
)


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns last values over seeds, a row per data set, likelihood, metric and method.

    `best` marks the best mean of its metric and data set, `tied` also those that are not shown to
    be worse (`ties.tied`); `std` are standard deviations (n - 1), which the paper gives. Raises
    ResultsError if nothing is measured at the end of a finished trial.
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
    table["tied"] = ties.tied(table, ["dataset", "likelihood", "metric"], sign)
    table["std"] = marks.seed_values(table).std(axis=1, ddof=1)
    first = ["dataset", "likelihood", "data", "metric", "source", "best", "tied"]
    first += ["epoch", "std"]
    return table[[*first, *table.columns.drop([*first, "overlap"])]]


def text(frame: pd.DataFrame, suffix: str = "txt") -> list[str]:
    """Returns the table's lines: aligned (txt), Markdown (md) or LaTeX (tex)."""
    return _table(frame, suffix).text(suffix)


def table11(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws the table as a picture, with the best means and those tied with them in bold."""
    return _table(frame, "picture").picture(note)


def _table(frame: pd.DataFrame, suffix: str) -> Table:
    table = numbers(frame)
    cells = tables.parts(table, METRICS, "metric", "tied", suffix)
    notes = [f"{MARK}; {tables.counts(table)}", TASKS, *tables.lengths(table)]
    notes += _reasons(frame)
    return Table(tables.head("metric", table), cells, notes)


def _range(shares: pd.Series) -> str:
    """Returns the accuracy of the most frequent class, over all trials of a data set."""
    low, high = (f"{value:.2f}" for value in (shares.min(), shares.max()))
    return low if low == high else f"{low} to {high}"


def _reasons(frame: pd.DataFrame) -> list[str]:
    """Returns notes, per data set, on why metrics are absent and on unusual features."""
    notes: dict[str, None] = {}
    trials = lines.methods(frame)
    for _, part in trials[trials["state"] == "done"].groupby("dataset", sort=False):
        data = methods.data(part)
        for metric, (column, number) in REASONS.items():
            lacking = part[part[number].isna()] if number in part else part
            for reason in lacking[column].dropna().unique() if column in part else ():
                notes[f"{data}, {metric} not measured: {reason}"] = None
        if "majority_share" in part and (share := part["majority_share"].dropna()).size:
            notes[f"{data}: accuracy of the most frequent class alone: {_range(share)}"] = None
        extractor = part.get("sample_quality_extractor", pd.Series(dtype=str))
        if (extractor == "classifier").any():
            notes[f"{data}: {OWN_FEATURES}"] = None
    return list(notes)
