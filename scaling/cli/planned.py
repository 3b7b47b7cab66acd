"""Makes and shows the plan of a study's command, and checks it against this machine."""

import json
import math
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from scaling.cli.inputs import lacks
from scaling.errors import UsageError
from scaling.presets import Preset
from scaling.storage.store import Store
from scaling.trial import Trial, machine
from scaling.trial.hardware import has_gpu
from scaling.trial.placement import Cluster, check_gpus, check_placement
from scaling.trial.schedule import Scheduled

if TYPE_CHECKING:
    from scaling.planning.plan import Plan


def identify(options: Namespace) -> Callable[[Trial], Trial]:
    """Returns the function that completes trials on users' own files.

    It adds the file's content to the trial, or returns the same trial of an earlier version, which
    was keyed by the file's path.
    """
    from scaling.storage.earlier import Earlier
    from scaling.storage.store import Store

    def fingerprint(trial: Trial) -> str:
        from scaling.data.datasets import loader
        from scaling.data.fingerprints import fingerprints

        return fingerprints(loader(options.data_root, True))(trial)

    return Earlier(Store(options.results), fingerprint)


def plan_of(
    options: Namespace,
    preset: Preset,
    scheduled: Sequence[Scheduled],
    measure: bool,
    before: "Plan | None" = None,
) -> "Plan":
    """Plans the scheduled trials, with cached speeds of this machine or, with `measure`, new ones.

    The speeds of finished trials are used too. What was done in the plan `before` is still done,
    and its files are not read again.
    """
    from scaling.planning import calibrate, plan
    from scaling.planning.speeds import speeds

    store = Store(options.results)
    done = {row.scheduled for row in before.trials if row.state == "done"} if before else set()
    states = store.states([item for item in scheduled if item not in done])
    states |= {item.key: "done" for item in done}
    if options.retry_failed:
        states = {name: "partial" if s == "failed" else s for name, s in states.items()}
    on_gpu = preset.on_gpu or has_gpu()
    machine = (calibrate.measured_machine if measure else calibrate.cached_machine)(on_gpu)
    finished = store.finished(machine.device)
    reached = {name: store.folder(name).reached() for name, s in states.items() if s == "partial"}
    speed = speeds(machine, finished.values())
    settings, pool_k = preset.metric_settings, preset.pool_k
    how = (options.mps != "off", options.micro_batch)
    return plan.make(scheduled, speed, states, settings, reached, store.sampled, pool_k, *how)


def show(plan: "Plan", options: Namespace, notes: Sequence[str]) -> None:
    """Prints the plan, and first why this machine would refuse it: it may be for a cluster."""
    from scaling.planning.table import plan_table

    absent = lacks([row.scheduled for row in plan.trials])
    lines = [*notes, *plan_table(plan), *absent]
    try:
        if options.address == "local":
            check_here(options, plan)
    except UsageError as error:
        lines = [f"Refused here: {error}", "", *lines]
    print(json.dumps(plan.to_dict(), indent=1) if options.json else "\n".join(lines))


def check_here(options: Namespace, plan: "Plan") -> None:
    """Raises UsageError, before Ray starts, for trials that this machine can never run.

    Finished trials need no GPU any more: their figures can be drawn anywhere.
    """
    gpus = math.inf if has_gpu() else 0.0
    this_machine = Cluster.of_this_machine(options.cpus or machine.cpus(), gpus)
    check_placement(this_machine, options.cpus_per_trial, options.gpus_per_trial or 0)
    if options.gpus_per_trial is None:
        left = (row.gpus for row in plan.trials if row.is_left)
        check_gpus(max(left, default=0.0), gpus, "this machine")
