"""Runs a study's command: plans, launches, reports; errors are sentences.

Exit codes: 0 all done; 2 wrong usage or environment, nothing started; 3 some trials, samples or
metrics failed; 4 a cap was reached; 128 + signal when interrupted. Every study calls `main`.
"""

import shutil
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling.cli import outputs
from scaling.cli.axes import override
from scaling.cli.chosen_preset import preset_of
from scaling.cli.inputs import check_needed, lacks, with_whole_pool_names
from scaling.cli.machine import check_cpus
from scaling.cli.options import SMOKE, parser
from scaling.cli.page import written_beside
from scaling.cli.passed_epochs import check_measured
from scaling.cli.planned import check_here, identify, plan_of, show
from scaling.cli.process import CAPPED, DONE, FAILED, at_work, command, ended, program, typed
from scaling.cli.selection import study_trials_of
from scaling.cli.study_trials import StudyTrials
from scaling.errors import UsageError
from scaling.presets import Preset
from scaling.status.screen import print_lines
from scaling.storage.store import Store
from scaling.trial.schedule import Scheduled

if TYPE_CHECKING:
    from scaling.cluster.launch import Ended
    from scaling.cluster.limits import Caps
    from scaling.cluster.profile import Profile
    from scaling.cluster.request import Request
    from scaling.planning.plan import Plan
    from scaling.storage.contents import Record, StudyFile
    from scaling.storage.lock import Lock


Trials = Callable[[Any], Any]  # preset -> trials of one kind
Report = Callable[[Path], Sequence[str]]
CALIBRATE_FROM = 0.25  # planned hours: for shorter studies calibration is not worth its time


def main(name: str, trials: Trials, presets: Mapping[str, Preset], report: Report) -> None:
    """Runs the study `name` over `trials(preset)` and ends the process with its exit code.

    `report` draws the figures of a study's folder and returns the lines to print.
    """
    ended(lambda: _main(name, trials, dict(presets), report))


def _main(name: str, trials: Trials, presets: Mapping[str, Preset], report: Report) -> int:
    description = sys.modules["__main__"].__doc__ or name
    options = parser(description, presets, program()).parse_args(typed()[1])
    if options.json and not options.dry_run:
        raise UsageError("--json needs --dry-run. Add --dry-run.")
    check_cpus(options)
    preset = preset_of(options, presets)
    epochs = preset.epochs if options.epochs is None else options.epochs
    store = Store(options.results)
    chosen = with_whole_pool_names(override(trials(preset), options), store)
    study_trials = study_trials_of(options, preset, chosen, epochs, identify(options))
    check_needed(options, study_trials.expected(store), store)
    check_measured(study_trials, store, epochs)
    plan = plan_of(options, preset, study_trials.expected(store), measure=False)
    if options.dry_run:
        show(plan, options, study_trials.notes())
        return DONE
    if options.address == "local" and plan.total.hours > CALIBRATE_FROM:
        plan = plan_of(options, preset, study_trials.expected(store), measure=True, before=plan)
    return _launch(name, options, preset, study_trials, plan, report)


def _launch(
    name: str,
    options: Namespace,
    preset: Preset,
    study_trials: StudyTrials,
    plan: "Plan",
    report: Report,
) -> int:
    """Launches the trials that are decided, and again while results decide on more.

    Each rung of a search is one launch. `plan` is the one with which the command began.
    """
    from scaling.cluster.limits import Caps
    from scaling.planning.table import plan_lines

    store = Store(options.results.absolute())
    caps, scheduled = Caps(options.max_hours, options.max_gpu_hours), study_trials.now(store)
    if scheduled != [row.scheduled for row in plan.trials]:
        plan = plan_of(options, preset, scheduled, measure=False, before=plan)
    if options.address == "local":
        check_here(options, plan)
    store.check_writable()
    notes = [*study_trials.notes(), *lacks([row.scheduled for row in plan.trials])]
    with at_work(store.root) as lock:
        while True:
            free = shutil.disk_usage(store.root).free
            print_lines([*notes, *plan_lines(name, plan, free)])
            request = _request(name, options, store, plan, preset, lock, caps)
            ended = _run(request, report, study_trials, draw=not options.no_figures)
            caps, notes, scheduled = ended.used or caps, [], study_trials.now(store)
            if ended.cap or scheduled == [row.scheduled for row in plan.trials]:
                return _exit_code(store, scheduled, ended)
            options.retry_failed = False  # once is enough
            plan = plan_of(options, preset, scheduled, measure=False, before=plan)


def _request(
    name: str,
    options: Namespace,
    store: "Store",
    plan: "Plan",
    preset: Preset,
    lock: "Lock",
    caps: "Caps",
) -> "Request":
    """Returns the request for the launch; a given GPU share applies to every trial."""
    from scaling.cluster.request import Request
    from scaling.data import datasets
    from scaling.planning.fit import refitted
    from scaling.planning.table import plan_table

    fixed = options.gpus_per_trial
    rows = [row if fixed is None else replace(row, gpus=fixed) for row in plan.trials]
    return Request(
        study=name,
        preset=SMOKE if options.smoke_test else options.preset,
        store=store,
        lock=lock,
        trials={row.key: row for row in rows},
        load=datasets.loader(options.data_root, options.offline),
        address=options.address,
        cpus=options.cpus_per_trial,
        gpus_fixed=fixed is not None,
        caps=caps,
        hung_after_s=options.row_timeout * 60,
        wait_for_gpus_s=options.wait_for_gpus * 60,
        mps=options.mps,
        refit=refitted,
        pool_k=preset.pool_k,
        metric_settings=preset.metric_settings,
        events=outputs.events_of(name, store, {row.key: row for row in rows}, plan_table(plan)),
        plan=plan.to_dict(),
        local_cpus=options.cpus,
        gpu_hours_before=store.gpu_hours(name),
    )


def _run(request: "Request", report: Report, study_trials: StudyTrials, draw: bool) -> "Ended":
    """Runs the launch, draws its figures, and records in study.json how long each part took.

    No figures are drawn if its results decide what the next launch trains, or without `draw`.
    """
    from scaling.cluster.launch import run
    from scaling.cluster.profile import Profile
    from scaling.storage.provenance import launch_entry

    profile = Profile(request.store, request.left)
    with profile.kept(request.study):
        ended = run(request, profile, launch_entry(sys.argv))
        request.store.update_study(
            request.study,
            lambda study: _recorded(study, study_trials.record(request.store)),
            begun=profile.entered,
        )
        now = [planned.scheduled for planned in request.trials.values()]
        if not ended.cap and study_trials.now(request.store) != now:
            return ended
        with profile.part("figures"):
            lines = _drawn(request, report, profile) if draw else _undrawn(request, profile)
        print_lines([*lines, *outputs.places(request.folder, draw)])
    return ended


def _drawn(request: "Request", report: Report, profile: "Profile") -> list[str]:
    """Draws the figures and, beside them, writes the page; returns the lines to print."""
    with written_beside(request.folder) as page_lines:
        lines = [*report(request.folder)]
        outputs.show(request.events, lines, profile.entry()["wall"])
        return lines + page_lines()


def _undrawn(request: "Request", profile: "Profile") -> list[str]:
    lines = outputs.how_to_draw(request.folder)
    outputs.show(request.events, lines, profile.entry()["wall"])
    return lines


def _recorded(study: "StudyFile", record: "Record") -> "StudyFile":
    """Returns the content of study.json with what the record has, and without what it lacks."""
    content = study.copy()
    content.pop("search", None)
    content.pop("rates", None)
    if search := record["search"]:
        content["search"] = search
    if rates := record["rates"]:
        content["rates"] = rates
    return content


def _raised(cap: str) -> str:
    """Returns the command that continues after a cap.

    A cap that counts over all launches is doubled, since otherwise nothing would run.
    """
    flag, value = cap.replace(",", "").split()[:2]
    if flag != "--max-gpu-hours":
        return command()
    return f"{command()} {flag} {2 * float(value):g}"  # the later value of a flag counts


def _exit_code(store: "Store", scheduled: Sequence[Scheduled], ended: "Ended") -> int:
    """Returns the exit code, from the trials' folders and what else is missing."""
    states = store.states(scheduled)
    failed = [name for name, state in states.items() if state == "failed"]
    for name in failed:
        error = (store.folder(name).done() or {}).get("error")
        print(f"Failed: {name}: {error}", file=sys.stderr)
    left = sum(state in ("new", "partial") for state in states.values())
    if ended.cap:
        what = f"{left} trials" if left else "metrics or samples"
        print(f"{ended.cap} reached: {what} remain. Continue with: {_raised(ended.cap)}")
        return CAPPED
    if failed or left:
        again = "" if "--retry-failed" in sys.argv else " --retry-failed"
        print(
            f"{len(failed) + left} trials did not finish. Run them again with: {command()}{again}"
        )
        return FAILED
    if ended.missing:
        print(f"Missing: {', '.join(ended.missing)}. Continue with: {command()}")
        return FAILED
    return DONE
