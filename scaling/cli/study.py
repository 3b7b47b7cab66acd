"""A study's command: plan, launch, verdict; errors as sentences; exit codes.

0 all done; 2 wrong usage or environment, nothing started; 3 some trials, samples or metrics
failed; 4 a cap was reached; 128 + signal when interrupted. Every study calls `main`.
"""

import json
import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling.cli.options import SMOKE, override, parser, preset_of
from scaling.cli.process import CAPPED, DONE, FAILED, command, guarded
from scaling.errors import UsageError
from scaling.planning.hardware import has_gpu
from scaling.presets import Preset
from scaling.trial.schedule import Wanted, complete

if TYPE_CHECKING:
    from scaling.cluster.launch import Ended
    from scaling.cluster.request import Request
    from scaling.storage.store import Store


Trials = Callable[[Any], Any]  # preset -> trials of one kind


Report = Callable[[Path], Sequence[str]]


CALIBRATE_FROM = 0.25  # hours planned: below, a calibration costs more than it tells


def main(name: str, trials: Trials, presets: Mapping[str, Preset], report: Report) -> None:
    """Runs the study `name` over `trials(preset)` and ends the process with its exit code.

    `report` draws the figures of a study's folder and returns the lines to print.
    """
    guarded(lambda: _main(name, trials, dict(presets), report))


def _main(name: str, trials: Trials, presets: dict[str, Preset], report: Report) -> int:
    description = sys.modules["__main__"].__doc__ or name
    options = parser(description, presets).parse_args()
    if options.json and not options.dry_run:
        raise UsageError("--json goes with --dry-run. Add --dry-run.")
    preset = preset_of(options, presets)
    epochs = preset.epochs if options.epochs is None else options.epochs
    if epochs < 1:
        raise UsageError(f"--epochs {epochs}: at least one is needed.")
    asked = override(trials(preset), options)
    metrics = (preset.metrics, preset.metric_every)
    wanted = complete(asked, epochs, preset.measure_every, preset.diffusion, *metrics)
    plan = _plan(options, preset, wanted, measure=False)
    if options.dry_run:
        _show(plan, options.json)
        return DONE
    if options.address == "local" and plan["total"]["hours"] > CALIBRATE_FROM:
        plan = _plan(options, preset, wanted, measure=True)
    return _launch(name, options, preset, wanted, plan, report)


def _plan(
    options: Namespace, preset: Preset, every: Sequence[Wanted], measure: bool
) -> dict[str, Any]:
    """On speeds that are known, or measured now, and on those of what has finished."""
    from scaling.planning import calibrate, plan
    from scaling.storage.store import Store

    store = Store(options.results)
    states = store.states(every)
    if options.retry_failed:
        states = {name: "partial" if s == "failed" else s for name, s in states.items()}
    on_gpu = preset.on_gpu or has_gpu()
    machine = (calibrate.measured if measure else calibrate.known)(on_gpu)
    finished = store.finished(machine.device)
    begun = {name: store.folder(name).reached() for name, s in states.items() if s == "partial"}
    speeds = plan.speeds(machine, finished.values())
    settings, pool_k = preset.metric_settings, preset.pool_k
    return plan.make(every, speeds, states, settings, begun, store.sampled, pool_k)


def _show(plan: dict[str, Any], as_json: bool) -> None:
    from scaling.planning.table import plan_table

    print(json.dumps(plan, indent=1) if as_json else "\n".join(plan_table(plan)))


def _launch(
    name: str,
    options: Namespace,
    preset: Preset,
    every: Sequence[Wanted],
    plan: dict[str, Any],
    report: Report,
) -> int:
    from scaling.planning.table import plan_lines
    from scaling.storage.lock import locked
    from scaling.storage.store import Store

    if options.address == "local":
        _check_here(options.cpus_per_trial, options.gpus_per_trial or 0)
    store = Store(options.results.absolute())
    store.check_writable()
    free = shutil.disk_usage(store.root).free
    print("\n".join(plan_lines(name, plan, free)), flush=True)
    with locked(store.root) as lock:
        request = _request(name, options, store, every, plan, preset, lock)
        with request.profile.kept(name):
            ended = _run(request)
            with request.profile.part("figures"):
                told = report(store.study(name))
            print("\n".join([*told, *_where(store.study(name))]))
    return _verdict(store, every, ended)


def _check_here(cpus: float, gpus: float) -> None:
    """Raises UsageError, before Ray starts, for what this machine can never run."""
    if gpus and not has_gpu():
        raise UsageError(
            f"A trial asks for {gpus:g} GPU, and this machine has none. "
            "Use --gpus-per-trial 0, or connect to a cluster with GPUs by --address."
        )
    here = os.cpu_count() or 1
    if cpus > here:
        raise UsageError(
            f"A trial asks for {cpus:g} CPUs, and this machine has {here}. "
            f"Use --cpus-per-trial {here}, or connect to a larger cluster by --address."
        )


def _where(folder: Path) -> list[str]:
    """What lies where, for the end of the output."""
    return [
        f"table: {folder / 'trials.parquet'} (a row per trial and measured epoch)",
        f"TensorBoard: tensorboard --logdir {folder / 'tensorboard'}",
    ]


def _request(
    name: str,
    options: Namespace,
    store: "Store",
    every: Sequence[Wanted],
    plan: dict[str, Any],
    preset: Preset,
    lock: Path,
) -> "Request":
    """What is left to run, in the order of the plan."""
    from scaling.cluster.profile import Profile
    from scaling.cluster.request import Request

    share = options.gpus_per_trial
    left = [row for row in plan["trials"] if row["state"] in ("new", "partial")]
    return Request(
        study=name,
        preset=SMOKE if options.smoke_test else options.preset,
        store=store,
        wanted={wanted.key: wanted for wanted in every},
        hours={row["key"]: row["hours"] for row in left},
        shares={row["key"]: row["gpus"] if share is None else share for row in plan["trials"]},
        share_asked=share is not None,
        cpus=options.cpus_per_trial,
        address=options.address,
        data_root=options.data_root,
        offline=options.offline,
        max_hours=options.max_hours,
        max_gpu_hours=options.max_gpu_hours,
        row_timeout=options.row_timeout,
        pool_k=preset.pool_k,
        metric_settings=preset.metric_settings,
        lock=lock,
        argv=sys.argv,
        profile=Profile(store, [row["key"] for row in left]),
    )


def _run(request: "Request") -> "Ended":
    """Ray is imported only here, when the plan is printed and the results folder is locked."""
    from scaling.cluster.launch import run

    return run(request)


def _verdict(store: "Store", every: Sequence[Wanted], ended: "Ended") -> int:
    """The exit code, from what lies in the trial folders, and what is missing beside them."""
    states = store.states(every)
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
