"""Measures missing metrics of trials, from the models that they kept."""

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from scaling.cli.machine import check_cpus
from scaling.cli.moved_files import add_moved, moved_loader
from scaling.cli.options import Parser, add_place, count
from scaling.cli.process import DONE, FAILED, at_work, ended, program, typed
from scaling.errors import UsageError, listed, to_type
from scaling.trial import Trial, VaeTrial, key
from scaling.trial.hardware import has_gpu

if TYPE_CHECKING:
    from scaling.storage.store import Store


def main(description: str) -> None:
    """Runs the command line and ends the process with its exit code."""
    ended(lambda: _main(_parser(description).parse_args(typed()[1])))


def selected(store: "Store", conditions: Sequence[str]) -> list[VaeTrial]:
    """Returns the VAEs, by key, that have a row which meets all conditions of `--where`.

    Raises UsageError for conditions that cannot be read, and if no VAE has a measured epoch.
    """
    from analysis.errors import ResultsError
    from analysis.results import load
    from analysis.selection.where import met, parse

    vaes = store.vaes()
    if not vaes:
        raise UsageError(
            f"{store.root} contains no VAE that can be read. Give the folder that contains "
            "trials/: --results results."
        )
    try:
        rows = load(store.root)
        rows = rows[rows["kind"] == "vae"]
        if rows.empty:
            raise UsageError(
                f"{store.root} contains no measured epoch of a VAE yet. Run a study of VAEs first: "
                "scaling-vae study double_descent."
            )
        fits = [met(rows, condition) for condition in parse(conditions)]
    except ResultsError as error:
        raise UsageError(str(error)) from None
    keys = {name for name, *holds in zip(rows["key"], *fits, strict=True) if all(holds)}
    return [trial for trial in vaes if key(trial) in keys]


def _parser(description: str) -> Parser:
    parser = Parser(prog=program(), description=description, allow_abbrev=False)
    add = parser.add_argument
    add(
        "--metric",
        nargs="+",
        action="extend",
        required=True,
        metavar="NAME",
        help="metrics to measure, by module or column",
    )
    add("--where", nargs="+", action="extend", default=[], metavar="CONDITION",
        help='such as "m_z>1 and source==dmaapx", as in python -m analysis')  # fmt: skip
    add(
        "--epoch",
        nargs="+",
        action="extend",
        type=count,
        metavar="N",
        help="epochs (default: all with a kept model)",
    )
    add("--setting", nargs="+", action="extend", default=[], metavar="NAME=VALUE",
        help="settings of the metric")  # fmt: skip
    add("--dry-run", action="store_true", help="list the cells that would be measured and stop")
    add_place(parser)
    add_moved(parser)
    return parser


def _main(options: Namespace) -> int:
    from scaling.cluster import measuring
    from scaling.metrics import settings
    from scaling.storage.store import Store

    check_cpus(options)
    store = Store(options.results.absolute())
    chosen = settings(options.metric, options.setting)
    names = selected(store, options.where)
    every = (
        measuring.missing_cells(store, key(t), options.metric, options.epoch, chosen) for t in names
    )
    cells = [cell for cell in every if cell]
    print(f"{len(names)} trials selected, {len(cells)} of them lack {listed(options.metric)}")
    for cell in cells if options.dry_run else ():
        print(f"  {cell.key}: epochs {', '.join(map(str, cell.metrics))}")
    if options.dry_run or not cells:
        return DONE

    shares = _shares(names, options)
    placed = {cell.key: shares[cell.key] for cell in cells}
    load = moved_loader(options, [trial for trial in names if key(trial) in placed])
    with at_work(store.root) as lock:
        failed = measuring.fill_alone(
            store,
            cells,
            placed,
            options.address,
            load,
            lock,
            options.row_timeout * 60,
            options.cpus,
        )
    studies = store.studies_of({cell.key for cell in cells})
    redraw = [
        f"To redraw the figures: {to_type('report', '--results', study)}" for study in studies
    ]
    print("\n".join([*failed, *redraw]))
    return FAILED if failed else DONE


def _shares(trials: Sequence[Trial], options: Namespace) -> dict[str, float]:
    """Returns the GPU share of each trial by key: the given one, or what the planner assigns."""
    from scaling.planning.calibrate import cached_machine
    from scaling.planning.fit import gpu_share

    machine = cached_machine(has_gpu() or options.address != "local")
    fixed = options.gpus_per_trial
    return {
        key(trial): gpu_share(trial, machine, options.metric) if fixed is None else fixed
        for trial in trials
    }
