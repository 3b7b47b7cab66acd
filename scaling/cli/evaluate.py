"""Metrics after the fact: which trials, which metrics, and the launch that fills the cells."""

import operator
import re
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any

from scaling.cli.options import Parser, add_place
from scaling.cli.process import DONE, FAILED, at_work, guarded
from scaling.errors import UsageError, listed
from scaling.planning.hardware import has_gpu
from scaling.trial import Trial, headline, key, to_dict

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
CONDITION = re.compile(r"\s*([\w.]+)\s*(==|!=|>=|<=|>|<)\s*(\S+)\s*")


def main(description: str) -> None:
    """Runs the command line and ends the process with its exit code."""
    guarded(lambda: _main(_parser(description).parse_args()))


def selected(trial: Trial, where: str) -> bool:
    """Whether the trial meets conditions such as `m_z>1 and source==dmaapx`.

    Raises UsageError for what cannot be read, with the known fields.
    """
    values = to_dict(trial) | headline(trial)
    for text in filter(None, where.split(" and ")):
        match = CONDITION.fullmatch(text)
        if not match or match[1] not in values:
            raise UsageError(
                f"--where {text.strip()!r} cannot be read. Write FIELD>VALUE, joined by 'and'; "
                f"known fields: {listed(values)}."
            )
        if not _compare(values[match[1]], match[2], match[3]):
            return False
    return True


def _compare(value: Any, sign: str, text: str) -> bool:
    """Numbers as numbers, all else as text; a field without a value meets `!=` only."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return COMPARISONS[sign](value, float(text))
        except ValueError:
            raise UsageError(f"--where: {text!r} is not a number. Write one.") from None
    if sign not in ("==", "!="):
        return False
    return COMPARISONS[sign](str(value), text.strip("'\""))


def _parser(description: str) -> Parser:
    made = Parser(description=description, allow_abbrev=False)
    add = made.add_argument
    add("--metric", nargs="+", required=True, metavar="NAME", help="metrics, by module or column")
    add("--where", default="", metavar="CONDITION", help='such as "m_z>1 and source==dmaapx"')
    add("--epoch", nargs="+", type=int, metavar="N", help="default: wherever a model is kept")
    add("--setting", nargs="+", default=[], metavar="NAME=VALUE", help="of the metric, typed")
    add("--dry-run", action="store_true", help="list the cells that would be measured and stop")
    add_place(made)
    return made


def _main(options: Namespace) -> int:
    from scaling.cluster import measuring
    from scaling.data import datasets
    from scaling.metrics import settings
    from scaling.storage.store import Store

    store = Store(options.results.absolute())
    chosen = settings(options.metric, options.setting)
    names = [trial for trial in store.vaes() if selected(trial, options.where)]
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
    load = datasets.loader(options.data_root, options.offline)
    with at_work(store.root) as lock:
        failed = measuring.fill_alone(
            store, cells, placed, options.address, load, lock, options.row_timeout * 60
        )
    studies = store.studies_of({cell.key for cell in cells})
    anew = [f"Figures anew: python -m analysis report --results {study}" for study in studies]
    print("\n".join([*failed, *anew]))
    return FAILED if failed else DONE


def _shares(trials: Sequence[Trial], options: Namespace) -> dict[str, float]:
    """Of a GPU, by key: as asked for, or what the planner gives the trial with these metrics."""
    from scaling.planning.calibrate import cached_machine
    from scaling.planning.fit import gpu_share

    machine = cached_machine(has_gpu() or options.address != "local")
    asked = options.gpus_per_trial
    return {
        key(trial): gpu_share(trial, machine, options.metric) if asked is None else asked
        for trial in trials
    }
