"""Selects accuracies on corrupted images for Figures 4 (left) and 19 (Appendix G)."""

import pandas as pd

from analysis import curves, lines
from analysis.columns import CLASSIFIERS, CORRUPTIONS
from analysis.errors import ResultsError

LABELS = {"logistic": "LR", "svm_linear": "SVM-L", "svm_rbf": "SVM-RBF", "knn": "kNN"}
assert LABELS.keys() == CLASSIFIERS.keys()
CHANCE = ["unit", "seed", "level", "overlap"]  # columns of `levels.settle`
GENERATED = "Corruptions are generated with CIFAR-10-C's constants, not its official files."


def corrupted(frame: pd.DataFrame, figure: str) -> pd.DataFrame:
    """Returns `accuracy` in [0, 1], a row per line, finished VAE, classifier and corruption.

    Raises ResultsError, which names the figure, if there is none.
    """
    trials = lines.drawn(lines.methods(frame), ["line"])
    trials = trials[trials["state"] == "done"]
    place = {
        f"accuracy_{classifier}__{name}": (classifier, name)
        for classifier in LABELS
        for name in CORRUPTIONS
    }
    measured = [name for name in place if name in trials and trials[name].notna().any()]
    if not measured:
        raise ResultsError(
            f"{figure} needs accuracies on corrupted images, and none is in these results. "
            "Run scaling-vae study downstream --preset cifar10-small."
        )
    for name in measured:
        lines.check_measured_alike(trials, name)
        lines.check_measured_together(trials, name, ["line"])
    finals = curves.last_values(trials)
    long = finals.melt(["line", *CHANCE], measured, "column", "accuracy")
    long[["classifier", "corruption"]] = [place[name] for name in long["column"]]
    return long.drop(columns="column").dropna(subset="accuracy")


def notes(frame: pd.DataFrame) -> list[str]:
    """Returns a line on the source of corrupted images if they are not from CIFAR-10-C."""
    trials = lines.methods(frame)
    generated = "corruptions" in trials and (trials["corruptions"] == "generated").any()
    return [GENERATED] if generated else []
