"""Which costly metrics a launch has yet to measure, and which it never can."""

from scaling.cluster.measuring import Cells, missing_cells, without_model
from scaling.cluster.request import Request


def unmeasured(request: Request) -> list[Cells]:
    """Returns the trials of which costly metrics are missing where models are kept."""
    wanted = [p.scheduled for p in request.trials.values() if p.scheduled.metrics]
    found = (
        missing_cells(request.store, s.key, s.metrics, s.kept_epochs, request.metric_settings)
        for s in wanted
    )
    return [cells for cells in found if cells]


def name_without_model(request: Request) -> None:
    """Prints how many cells stay empty: another study trained their trials and kept no models."""
    wanted = [p.scheduled for p in request.trials.values() if p.scheduled.metrics]
    gone = [s for s in wanted if without_model(request.store, s.key, s.metrics, s.kept_epochs)]
    if gone:
        print(
            f"{len(gone)} trials were trained by another study, which did not keep their models of "
            f"all listed epochs: there {', '.join(gone[0].metrics)} stay unmeasured. Another "
            "--results trains them anew."
        )
