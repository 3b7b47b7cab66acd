"""Computes means over the replicates of a cell for TensorBoard: by epoch, final, along a path.

A cell is a set of trials that differ by chance alone. A mean is over the replicates that have
measured the epoch so far; `replicates/measured` gives their number. Bands are 95 % t intervals, for
two replicates or more, wider for random splits that overlap (as in `analysis.statistics.overlap`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scaling.storage.dashboards import Layout
from scaling.storage.rows import Row
from scaling.storage.tensorboard import HIDDEN, Events, tag_of

LEVEL = 0.95
TAIL = 0.1  # a final value is the mean over the last 10 % of the epochs, as in `analysis`
BANDED = ("validation_elbo", "test_elbo", "generalization_gap")
FINAL = (*BANDED, "train_elbo", "amortization_gap", "robustness_gap", "fid")
VALIDATION = "validation_elbo"  # measured where the partition has validation images
PATH = "double_descent"  # sorts first among the tags that TensorBoard opens


@dataclass(frozen=True)
class Curve:
    """Holds the values of a cell's replicates: by epoch and column, and final values by column.

    `parameters` is the number of parameters of the cell's models, if known; `overlap` is
    rho / (1 - rho) of replicates with the correlation rho.
    """

    by_epoch: Mapping[int, Mapping[str, Sequence[float]]]
    finals: Mapping[str, Sequence[float]]
    parameters: int | None = None
    overlap: float = 0.0


def curve(runs: Sequence[tuple[Sequence[Row], int]]) -> Curve:
    """Collects the curve of several replicates from the rows and planned epochs of each."""
    by_epoch: dict[int, dict[str, list[float]]] = {}
    finals: dict[str, list[float]] = {}
    parameters = None
    for rows, epochs in runs:
        for row in rows:
            parameters = row.get("parameters", parameters)
            values = by_epoch.setdefault(row["epoch"], {})
            for name in _numbers(row):
                values.setdefault(name, []).append(float(row[name]))
        if rows and rows[-1]["epoch"] >= epochs:
            for name in FINAL:
                value = final(rows, name)
                if value is not None:
                    finals.setdefault(name, []).append(value)
    first = next((rows[0] for rows, _ in runs if rows), None)
    shared = overlap(first) if first else 0.0
    return Curve(dict(sorted(by_epoch.items())), finals, parameters, shared)


def overlap(row: Row) -> float:
    """Returns rho / (1 - rho) of the random splits that a row's trial is one of, else 0.

    With n1 training and n2 test images of M, rho is 2 n1 n2 / (M (n1 + n2)), or n1 / M if the test
    images are not among the M.
    """
    names = ("train_images", "test_images", "drawn_from", "validation_images")
    train, test, images, chosen = (row.get(name, 0) for name in names)
    if row.get("draws") != "random splits" or not (train and test and images):
        return 0.0
    test_is_drawn = train + chosen + test == images
    rho = (2 * train * test / (train + test) if test_is_drawn else train) / images
    return rho / (1 - rho) if rho < 1 else float("inf")


def _numbers(row: Row) -> list[str]:
    return [name for name, v in row.items() if name not in HIDDEN and isinstance(v, int | float)]


def final(rows: Sequence[Row], name: str) -> float | None:
    """Returns the column's mean over the last tenth of the epochs, else its last measured value.

    Returns None if the column was never measured.
    """
    measured = [row for row in rows if row.get(name) is not None]
    tail = [row[name] for row in measured if row["epoch"] > (1 - TAIL) * rows[-1]["epoch"]]
    if tail:
        return float(np.mean(tail))
    return float(measured[-1][name]) if measured else None


def band(values: Sequence[float], overlap: float = 0.0) -> tuple[float, float, float]:
    """Returns the mean and the ends of its 95 % t interval; a single value is all three.

    `overlap` is as in `Curve`.
    """
    from scipy.special import stdtrit

    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return mean, mean, mean
    error = np.std(values, ddof=1) * np.sqrt(1 / n + overlap)
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2) * error)
    return mean, mean - half, mean + half


def write(events: Events, mean_curve: Curve) -> None:
    """Writes the mean at each epoch with its bands, and the final values of finished replicates."""
    for epoch, values in mean_curve.by_epoch.items():
        for name, numbers in values.items():
            mean, low, high = band(numbers, mean_curve.overlap)
            tag = tag_of(name, events.kind)
            events.scalar(tag, mean, epoch, events.meanings.get(name, ""))
            if name in BANDED:
                events.scalar(f"interval/{name}_low", low, epoch)
                events.scalar(f"interval/{name}_high", high, epoch)
        most = max(map(len, values.values()), default=0)
        events.scalar("replicates/measured", most, epoch, "replicates in the mean at this epoch")
    last = max(mean_curve.by_epoch, default=0)
    for name, numbers in mean_curve.finals.items():
        events.scalar(f"final/{name}", float(np.mean(numbers)), last)


def write_path(events: Events, curves: Sequence[Curve | None]) -> None:
    """Writes the mean final values along a path; the step of a point is its place on the path."""
    for step, point in enumerate(curves):
        if point is None or "test_elbo" not in point.finals:
            continue
        losses = [-value for value in point.finals["test_elbo"]]
        mean, low, high = band(losses, point.overlap)
        numbers = {
            f"{PATH}/negative_test_elbo": mean,
            f"{PATH}/replicates": len(losses),
            "interval/negative_test_elbo_low": low,
            "interval/negative_test_elbo_high": high,
        }
        if gaps := point.finals.get("generalization_gap"):
            numbers[f"{PATH}/generalization_gap"] = float(np.mean(gaps))
        if point.parameters:
            numbers[f"{PATH}/parameters"] = point.parameters
        for tag, number in numbers.items():
            events.scalar(tag, number, step, "the step is the place on the path")


def table(cells: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Returns the mean final values of all cells as a Markdown table; "" if there are none."""
    names = [name for name in FINAL if any(name in finals for finals in cells.values())]
    lines = [f"| {' | '.join(['cell', *names])} |", f"|{' --- |' * (len(names) + 1)}"]
    for cell, finals in cells.items():
        entries = [_mean_of(finals.get(name, ())) for name in names]
        lines.append(f"| {' | '.join([cell, *entries])} |")
    return "\n".join(lines) if cells else ""


def _mean_of(values: Sequence[float]) -> str:
    """Formats the mean and the number of values, as in `-96.52 (5)`."""
    return f"{np.mean(values):.4g} ({len(values)})" if values else ""


def charts(has_path: bool, banded: Sequence[str]) -> Layout:
    """Returns the charts of the Custom Scalars tab: the path first, then curves with bands."""
    bands = [f"interval/negative_test_elbo_{end}" for end in ("low", "high")]
    path = {
        "negative test ELBO along the path": [f"{PATH}/negative_test_elbo", *bands],
        "generalization gap along the path": [f"{PATH}/generalization_gap"],
        "parameters along the path": [f"{PATH}/parameters"],
    }
    training = {
        name: [tag_of(name), f"interval/{name}_low", f"interval/{name}_high"] for name in banded
    }
    descent: dict[str, dict[str, list[str]]] = {"Double descent": path} if has_path else {}
    return descent | {"Training, means over replicates": training}
