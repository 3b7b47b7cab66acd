"""Finds the costly metrics that a launch has yet to measure, and those that it never can."""

from scaling.cluster.measuring import Cells, missing_cells, without_model
from scaling.cluster.request import Request


def unmeasured(request: Request) -> list[Cells]:
    """Returns the trials with missing costly metrics, for epochs whose models are kept."""
    scheduled = [p.scheduled for p in request.trials.values() if p.scheduled.metrics]
    missing = (
        missing_cells(request.store, s.key, s.metrics, s.kept_epochs, request.metric_settings)
        for s in scheduled
    )
    return [cells for cells in missing if cells]


def name_without_model(request: Request) -> None:
    """Prints how many trials lack costly metrics for good: another study kept no models of them."""
    scheduled = [p.scheduled for p in request.trials.values() if p.scheduled.metrics]
    gone = [s for s in scheduled if without_model(request.store, s.key, s.metrics, s.kept_epochs)]
    if gone:
        print(
            f"{len(gone)} trials were trained by another study, which did not keep their models of "
            f"all listed epochs: {', '.join(gone[0].metrics)} cannot be measured there. To train "
            "these trials again, give another --results folder."
        )
