"""A study's command: plan, launch, verdict; errors as sentences; exit codes.

0 all done; 2 wrong usage or environment, nothing started; 3 some trials failed; 4 a cap was
reached; 128 + signal when interrupted. Every study calls `main`.
"""

import json
import os
import shlex
import shutil
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling.checked import UsageError
from scaling.options import SMOKE, Preset, override, parser, preset_of
from scaling.trial import Trial, key

if TYPE_CHECKING:
    from scaling.store import Store

Trials = Callable[[Any], list[Trial]]
Report = Callable[[Path], Sequence[str]]
DONE, USAGE, FAILED, CAPPED = 0, 2, 3, 4


class Interrupted(KeyboardInterrupt):
    """SIGTERM, treated as Ctrl-C."""


def main(name: str, trials: Trials, presets: Mapping[str, Preset], report: Report) -> None:
    """Runs the study `name` over `trials(preset)` and ends the process with its exit code.

    `report` draws the figures of a study's folder and returns the lines to print.
    """
    try:
        sys.exit(_main(name, trials, dict(presets), report))
    except UsageError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(USAGE)
    except OSError as error:
        print(
            f"Error: {error}. Nothing finished is lost; mend that, then: {command()}",
            file=sys.stderr,
        )
        sys.exit(FAILED)
    except KeyboardInterrupt as stop:
        print(f"\nStopped; nothing is lost. Go on with: {command()}", file=sys.stderr)
        sys.stderr.flush()
        sys.exit(143 if isinstance(stop, Interrupted) else 130)


def _main(name: str, trials: Trials, presets: dict[str, Preset], report: Report) -> int:
    description = sys.modules["__main__"].__doc__ or name
    options = parser(description, presets).parse_args()
    if options.json and not options.dry_run:
        raise UsageError("--json goes with --dry-run. Add --dry-run.")
    preset = preset_of(options, presets)
    epochs = preset.epochs if options.epochs is None else options.epochs
    if epochs < 1:
        raise UsageError(f"--epochs {epochs}: at least one is needed.")
    wanted = override(trials(preset), options)
    plan = _plan(options, preset, wanted, epochs)
    if options.dry_run:
        _show(plan, options.json)
        return DONE
    return _launch(name, options, preset, wanted, plan, report)


def command() -> str:
    """The command line of this process, to be typed again."""
    return shlex.join(["python", *sys.argv])


def _plan(
    options: Namespace, preset: Preset, wanted: Sequence[Trial], epochs: int
) -> dict[str, Any]:
    from scaling import plan
    from scaling.store import Store

    store = Store(options.results)
    states = {key(trial): store.folder(key(trial)).state(epochs) for trial in wanted}
    if options.retry_failed:
        states = {name: "partial" if s == "failed" else s for name, s in states.items()}
    machine = plan.GPU if preset.on_gpu or _has_gpu() else plan.CPU_CORE
    return plan.make(wanted, epochs, machine, states)


def _has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU, without asking torch."""
    return os.path.isdir("/proc/driver/nvidia/gpus") or shutil.which("nvidia-smi") is not None


def _show(plan: dict[str, Any], as_json: bool) -> None:
    from scaling.tables import plan_table

    print(json.dumps(plan, indent=1) if as_json else "\n".join(plan_table(plan)))


def _launch(
    name: str,
    options: Namespace,
    preset: Preset,
    wanted: Sequence[Trial],
    plan: dict[str, Any],
    report: Report,
) -> int:
    from scaling.lock import locked
    from scaling.store import Store
    from scaling.tables import plan_lines

    signal.signal(signal.SIGTERM, _interrupt)
    store = Store(options.results.absolute())
    store.check_writable()
    print("\n".join(plan_lines(name, plan)), flush=True)
    with locked(store.root) as lock:
        stopped = _run(name, options, preset, store, wanted, plan, lock)
        print("\n".join([*report(store.study(name)), *_where(store.study(name))]))
    return _verdict(store, wanted, plan["epochs"], stopped)


def _where(folder: Path) -> list[str]:
    """What lies where, for the end of the output."""
    return [
        f"table: {folder / 'trials.parquet'} (a row per trial and measured epoch)",
        f"TensorBoard: tensorboard --logdir {folder / 'tensorboard'}",
    ]


def _run(
    name: str,
    options: Namespace,
    preset: Preset,
    store: "Store",
    wanted: Sequence[Trial],
    plan: dict[str, Any],
    lock: Path,
) -> str | None:
    """Trains what is left; returns the cap that stopped it."""
    from scaling.cluster.study import Request, run

    share = options.gpus_per_trial
    left = [row for row in plan["trials"] if row["state"] in ("new", "partial")]
    left.sort(key=lambda row: row["hours"], reverse=True)
    return run(
        Request(
            study=name,
            preset=SMOKE if options.smoke_test else options.preset,
            store=store,
            trials={key(trial): trial for trial in wanted},
            hours={row["key"]: row["hours"] for row in left},
            shares={row["key"]: row["gpus"] if share is None else share for row in left},
            share_asked=share is not None,
            cpus=options.cpus_per_trial,
            epochs=plan["epochs"],
            measure_every=preset.measure_every,
            address=options.address,
            data_root=options.data_root,
            max_hours=options.max_hours,
            max_gpu_hours=options.max_gpu_hours,
            lock=lock,
            argv=sys.argv,
        )
    )


def _verdict(store: "Store", wanted: Sequence[Trial], epochs: int, stopped: str | None) -> int:
    """The exit code, from what lies in the trial folders."""
    states = {key(trial): store.folder(key(trial)).state(epochs) for trial in wanted}
    failed = [name for name, state in states.items() if state == "failed"]
    for name in failed:
        error = (store.folder(name).done() or {}).get("error")
        print(f"Failed: {name}: {error}", file=sys.stderr)
    left = sum(state in ("new", "partial") for state in states.values())
    if stopped:
        print(f"{stopped} reached: {left} trials are left. Go on with: {command()}")
        return CAPPED
    if failed or left:
        again = "" if "--retry-failed" in sys.argv else " --retry-failed"
        print(
            f"{len(failed) + left} trials did not finish. Run them again with: {command()}{again}"
        )
        return FAILED
    return DONE


def _interrupt(number: int, frame: object) -> None:
    raise Interrupted
