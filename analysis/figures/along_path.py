"""Computes the numbers of Figure 8: negative test ELBO at the points of the path."""

import pandas as pd

from analysis import curves
from analysis.double_descent import descent, paths
from analysis.errors import ResultsError
from analysis.selection.bound import bound_of
from analysis.statistics.intervals import over_seeds

FEW_POINTS = 2
HEADER = ["order", "phase", "source", "m_z", "n_c", "parameters", "role"]


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns negative test ELBOs in nats per image, a row per source and finished point.

    The path is that of normal training (or of the only source), with the points that the verdict
    has. `role` names its first minimum, peak and second minimum as located by the verdict, if the
    mean goes down, up and down at all. `at` names the epochs: the last ones and, if there are
    validation images, each trial's epoch of the best validation ELBO. Raises ResultsError if there
    is no path.
    """
    verdict = verdict_of(frame)
    last = table_of(frame, curves.final(frame), verdict).assign(at=curves.LAST)
    best = early(frame, verdict)
    return last if best is None else pd.concat([last, best], ignore_index=True)


def early(frame: pd.DataFrame, verdict: descent.Verdict | None) -> pd.DataFrame | None:
    """Returns the numbers at the best validation epoch, None without validation ELBOs."""
    try:
        finals = curves.final(frame, epochs=curves.BEST)
        best = None if verdict is None else verdict_of(frame, curves.BEST)
        return table_of(frame, finals, best, steps_of(frame, verdict)).assign(at=curves.BEST)
    except ResultsError:
        return None


def steps_of(frame: pd.DataFrame, verdict: descent.Verdict | None) -> pd.DataFrame:
    """Returns the verdict's path or, without a verdict, that through all trials of the study."""
    if verdict is None:
        return paths.path(frame, curves.lead(frame))
    return pd.DataFrame(verdict.path, columns=["phase", "m_z", "n_c"])


def table_of(
    frame: pd.DataFrame,
    finals: pd.DataFrame,
    verdict: descent.Verdict | None,
    steps: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Returns the rows of `numbers` at these final values, on the verdict's path or `steps`.

    Raises ResultsError if test_elbo is missing, or fewer than two points are finished.
    """
    lead = curves.lead(frame)
    steps = steps_of(frame, verdict) if steps is None else steps
    finals = finals.merge(steps.reset_index(names="order"), on=["m_z", "n_c"])
    if "test_elbo" not in finals:
        raise ResultsError(
            "Figure 8 needs test_elbo, which is not measured here. "
            "Choose results of VAEs: --results results/double_descent."
        )
    finals["negative_test_elbo"] = -finals["test_elbo"]
    by = [name for name in HEADER if name in finals and finals[name].notna().all()]
    table = over_seeds(finals, by, "negative_test_elbo").sort_values(["source", "order"])
    if (table["source"] == lead).sum() < FEW_POINTS:
        raise ResultsError(
            "Fewer than two points of Figure 8's path are finished. "
            "Run the study again: it continues where it stopped."
        )
    roles = {}
    if verdict and verdict.shaped:
        roles = {verdict.first_minimum: "first minimum", verdict.peak: "peak"}
        roles[verdict.second_minimum] = "second minimum"
    places = zip(table["m_z"], table["n_c"], table["source"], strict=True)
    texts = [roles.get((m_z, n_c), "") if source == lead else "" for m_z, n_c, source in places]
    table.insert(len(by), "role", texts)
    if bound := bound_of(frame):
        table.insert(len(by), "bound", bound)
    return table.reset_index(drop=True)


def verdict_of(frame: pd.DataFrame, epochs: str = curves.LAST) -> descent.Verdict | None:
    """Returns the verdict, None if too little is finished for one."""
    try:
        return descent.verdict(frame, curves.lead(frame), epochs)
    except ResultsError:
        return None
