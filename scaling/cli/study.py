"""A study's command: plan, launch, verdict; errors as sentences; exit codes.

0 all done; 2 wrong usage or environment, nothing started; 3 some trials, samples or metrics
failed; 4 a cap was reached; 128 + signal when interrupted. Every study calls `main`.
"""

import json
import math
import os
import shlex
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling.cli.options import SMOKE, override, parser, preset_of
from scaling.cli.process import CAPPED, DONE, FAILED, at_work, command, guarded, program, typed
from scaling.errors import UsageError
from scaling.planning.hardware import has_gpu
from scaling.presets import Preset
from scaling.trial.placement import Cluster, check_gpus, check_placement
from scaling.trial.schedule import Scheduled, schedule

if TYPE_CHECKING:
    from scaling.cluster.launch import Ended
    from scaling.cluster.request import Request
    from scaling.planning.plan import Plan
    from scaling.storage.lock import Lock
    from scaling.storage.store import Store


Trials = Callable[[Any], Any]  # preset -> trials of one kind
Report = Callable[[Path], Sequence[str]]
CALIBRATE_FROM = 0.25  # hours planned: below, a calibration costs more than it tells


def main(name: str, trials: Trials, presets: Mapping[str, Preset], report: Report) -> None:
    """Runs the study `name` over `trials(preset)` and ends the process with its exit code.

    `report` draws the figures of a study's folder and returns the lines to print.
    """
    guarded(lambda: _main(name, trials, dict(presets), report))


def _main(name: str, trials: Trials, presets: Mapping[str, Preset], report: Report) -> int:
    description = sys.modules["__main__"].__doc__ or name
    options = parser(description, presets, program()).parse_args(typed()[1])
    if options.json and not options.dry_run:
        raise UsageError("--json goes with --dry-run. Add --dry-run.")
    preset = preset_of(options, presets)
    epochs = preset.epochs if options.epochs is None else options.epochs
    if epochs < 1:
        raise UsageError(f"--epochs {epochs}: at least one is needed.")
    asked = override(trials(preset), options)
    metrics = (preset.metrics, preset.metric_every)
    scheduled = schedule(
        asked, epochs, preset.measure_every, preset.diffusion, *metrics, preset.equal_images
    )
    plan = _plan(options, preset, scheduled, measure=False)
    if options.dry_run:
        _show(plan, options.json)
        return DONE
    if options.address == "local" and plan.total.hours > CALIBRATE_FROM:
        plan = _plan(options, preset, scheduled, measure=True)
    return _launch(name, options, preset, plan, report)


def _plan(
    options: Namespace, preset: Preset, scheduled: Sequence[Scheduled], measure: bool
) -> "Plan":
    """On speeds that are known, or measured now, and on those of what has finished."""
    from scaling.planning import calibrate, plan
    from scaling.planning.speeds import speeds
    from scaling.storage.store import Store

    store = Store(options.results)
    states = store.states(scheduled)
    if options.retry_failed:
        states = {name: "partial" if s == "failed" else s for name, s in states.items()}
    on_gpu = preset.on_gpu or has_gpu()
    machine = (calibrate.measured_machine if measure else calibrate.cached_machine)(on_gpu)
    finished = store.finished(machine.device)
    begun = {name: store.folder(name).reached() for name, s in states.items() if s == "partial"}
    known = speeds(machine, finished.values())
    settings, pool_k = preset.metric_settings, preset.pool_k
    how = (options.mps != "off", options.micro_batch)
    return plan.make(scheduled, known, states, settings, begun, store.sampled, pool_k, *how)


def _show(plan: "Plan", as_json: bool) -> None:
    from scaling.planning.table import plan_table

    print(json.dumps(plan.to_dict(), indent=1) if as_json else "\n".join(plan_table(plan)))


def _launch(name: str, options: Namespace, preset: Preset, plan: "Plan", report: Report) -> int:
    from scaling.planning.table import plan_lines
    from scaling.storage.store import Store

    if options.address == "local":
        _check_here(options, plan)
    store = Store(options.results.absolute())
    store.check_writable()
    free = shutil.disk_usage(store.root).free
    print("\n".join(plan_lines(name, plan, free)), flush=True)
    with at_work(store.root) as lock:
        ended = _run(_request(name, options, store, plan, preset, lock), report)
    return _exit_code(store, [row.scheduled for row in plan.trials], ended)


def _check_here(options: Namespace, plan: "Plan") -> None:
    """Raises UsageError, before Ray starts, for what this machine can never run.

    What is finished needs no GPU any more: its figures can be drawn anywhere.
    """
    gpus = math.inf if has_gpu() else 0.0
    here = Cluster.of_this_machine(os.cpu_count() or 1, gpus)
    check_placement(here, options.cpus_per_trial, options.gpus_per_trial or 0)
    if options.gpus_per_trial is None:
        left = (row.gpus for row in plan.trials if row.is_left)
        check_gpus(max(left, default=0.0), gpus, "this machine")


def _where(folder: Path) -> list[str]:
    """What lies where, for the end of the output."""
    return [
        f"table: {folder / 'trials.parquet'} (a row per trial and measured epoch)",
        f"TensorBoard: {shlex.join(['tensorboard', '--logdir', str(folder / 'tensorboard')])}",
    ]


def _request(
    name: str, options: Namespace, store: "Store", plan: "Plan", preset: Preset, lock: "Lock"
) -> "Request":
    """What the launch is to do; a GPU share that was typed is every trial's."""
    from scaling.cluster.limits import Caps
    from scaling.cluster.request import Request
    from scaling.data import datasets

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
        caps=Caps(options.max_hours, options.max_gpu_hours),
        hung_after_s=options.row_timeout * 60,
        wait_for_gpus_s=options.wait_for_gpus * 60,
        mps=options.mps,
        pool_k=preset.pool_k,
        metric_settings=preset.metric_settings,
        plan=plan.to_dict(),
    )


def _run(request: "Request", report: Report) -> "Ended":
    """Runs the launch, draws its figures, and keeps in study.json where the time went."""
    from scaling.cluster.launch import run
    from scaling.cluster.profile import Profile
    from scaling.storage.provenance import launch_entry

    profile = Profile(request.store, request.left)
    with profile.kept(request.study):
        ended = run(request, profile, launch_entry(sys.argv))
        with profile.part("figures"):
            lines = [*report(request.folder), *_page(request.folder)]
        print("\n".join([*lines, *_where(request.folder)]))
    return ended


def _page(folder: Path) -> list[str]:
    """Writes the study's page; a page that cannot be written is a line, and no failure."""
    from analysis import page
    from analysis.trial_folder import ResultsError

    try:
        return [f"page: {page.write(folder)}"]
    except (ResultsError, OSError) as error:
        return [f"No page: {error}"]


def _exit_code(store: "Store", scheduled: Sequence[Scheduled], ended: "Ended") -> int:
    """The exit code, from what lies in the trial folders, and what is missing beside them."""
    states = store.states(scheduled)
    failed = [name for name, state in states.items() if state == "failed"]
    for name in failed:
        error = (store.folder(name).done() or {}).get("error")
        print(f"Failed: {name}: {error}", file=sys.stderr)
    left = sum(state in ("new", "partial") for state in states.values())
    if ended.cap:
        what = f"{left} trials" if left else "metrics or samples"
        print(f"{ended.cap} reached: {what} are left. Go on with: {command()}")
        return CAPPED
    if failed or left:
        again = "" if "--retry-failed" in sys.argv else " --retry-failed"
        print(
            f"{len(failed) + left} trials did not finish. Run them again with: {command()}{again}"
        )
        return FAILED
    if ended.missing:
        print(f"Missing: {', '.join(ended.missing)}. Go on with: {command()}")
        return FAILED
    return DONE
