"""Defines the options that all studies share; `scaling.cli.axes` turns them into trials."""

import argparse
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Never

from scaling.cli.machine import add_address
from scaling.cli.rates import add_rates
from scaling.cli.search import add_search
from scaling.errors import UsageError, did_you_mean, listed
from scaling.presets import Preset
from scaling.trial import extensions
from scaling.trial.bounds import COUNT, NOT_NEGATIVE, POSITIVE, WHOLE_NUMBER, number
from scaling.trial.source import SOURCES

SMOKE = "smoke"  # the preset of --smoke-test
LONGEST_RANGE = 10_000  # maximum number of seeds or replicates in one range
count, positive = number(COUNT), number(POSITIVE)
ROW_TIMEOUT = 24 * 60.0  # minutes: far longer than any epoch, shorter than a lost weekend


class Parser(argparse.ArgumentParser):
    """Raises argparse's errors as UsageError sentences that list the known flags or words."""

    def error(self, message: str) -> Never:
        """Raises UsageError; for an unknown flag it lists similar flags, then all of them."""
        if message.startswith("argument -"):
            raise UsageError(f"{message.removeprefix('argument ')}. Correct it, or see --help.")
        flags = [flag for flag in self._option_string_actions if flag.startswith("--")]
        _, _, wrong = message.partition("unrecognized arguments: ")
        unknown = [word.partition("=")[0] for word in wrong.split() if word.startswith("-")]
        near = did_you_mean(unknown[0], flags) if unknown else ""
        raise UsageError(f"{message[:1].upper()}{message[1:]}. {near}Known flags: {listed(flags)}.")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parses the words and refuses unknown ones here, as a subcommand knows its own flags."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuses an unknown subcommand or choice, and suggests the nearest one."""
        choices = list(map(str, action.choices or ()))
        if action.choices is not None and value not in action.choices:
            what = (*action.option_strings, "command")[0]
            near = did_you_mean(str(value), choices)
            raise UsageError(f"Unknown {what} {value!r}. {near}Known: {listed(choices)}.")


def parser(description: str, presets: Mapping[str, Preset], program: str | None = None) -> Parser:
    """Builds a study's command line; its usage line names `program`, by default the file."""
    names = {name: preset for name, preset in presets.items() if name != SMOKE}
    listing = "\n".join(f"  {name:16}{preset.about}" for name, preset in names.items())
    study_parser = Parser(
        prog=program,
        description=description,
        epilog=f"presets:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_trials(study_parser, next(iter(names)))
    add_search(study_parser)
    add_rates(study_parser)
    _add_launch(study_parser)
    return study_parser


def _add_trials(study_parser: Parser, default: str) -> None:
    add = study_parser.add_argument_group("what to train").add_argument
    add(
        "--preset",
        default=default,
        metavar="NAME",
        help=f"one of the presets below (default {default})",
    )
    add("--dataset", metavar="NAME", help="data set, with its network, likelihood, lr, batch")
    add("--train-size", type=count, metavar="N", help="|D_train|, the first N of a permutation")
    add("--m-z", type=count, nargs="+", metavar="N", help="latent multipliers")
    add("--n-c", type=count, nargs="+", metavar="N", help="inner channels; crossed with --m-z")
    sources = f"training distributions: {', '.join(SOURCES)}, or fields: real_share=0.4"
    add("--source", nargs="+", metavar="NAME", help=sources)
    add("--replicates", type=_numbers, nargs="+", metavar="N",
        help="draws of D_train, diffusion model and weights; ranges such as 0-4 too")  # fmt: skip
    add("--seeds", type=_numbers, nargs="+", metavar="N",
        help="draws of the weights alone, within one replicate")  # fmt: skip
    add("--diffusion-per-seed", action="store_true",
        help="train a diffusion model for each of the --seeds, not one for all")  # fmt: skip
    add("--epochs", type=count, metavar="N",
        help="effective epochs; larger numbers continue trials")  # fmt: skip
    add("--measure-every", type=count, metavar="N", help="number of epochs between measurements")
    add("--set", nargs="+", action="append", default=[], metavar="FIELD=VALUE", dest="fields",
        help="any field, as lr (a wrong name lists all); several values make an axis")  # fmt: skip
    text = "run the whole pipeline on a tiny grid, in a minute"
    add("--smoke-test", action="store_true", help=text)


def _add_launch(study_parser: Parser) -> None:
    group = study_parser.add_argument_group("where and how")
    add_place(group)
    add = group.add_argument
    add("--dry-run", action="store_true", help="print the plan and stop")
    add("--json", action="store_true", help="with --dry-run: the plan as JSON")
    add("--wait-for-gpus", type=number(NOT_NEGATIVE), default=0.0, metavar="MINUTES",
        help="how long to wait for a cluster's first GPU (default 0)")  # fmt: skip
    add("--mps", choices=["auto", "on", "off"], default="auto",
        help="NVIDIA MPS, which runs trials on one GPU in parallel (default auto)")  # fmt: skip
    add("--cpus-per-trial", type=positive, default=1.0, metavar="N",
        help="CPUs of each trial (default 1)")  # fmt: skip
    add("--micro-batch", type=_auto_or_count, metavar="N",
        help="images of a diffusion step in memory at a time (auto: planned)")  # fmt: skip
    add("--max-hours", type=positive, metavar="H", help="stop cleanly after H hours")
    add("--max-gpu-hours", type=positive, metavar="H", help="stop cleanly after H GPU-hours")
    add("--retry-failed", action="store_true", help="run failed trials again")
    add("--no-figures", action="store_true", help="leave figures, verdict and page to report, page")


def add_place(group: argparse._ActionsContainer) -> None:
    """Adds the options for where to run, where results and data are, and the GPU share."""
    add = group.add_argument
    add_address(group)
    add_results(group)
    add_data(group)
    add_module(group)
    add_timeout(group)
    add("--gpus-per-trial", type=_gpu_share, metavar="F", help="share of a GPU, or auto (default)")


def add_results(group: argparse._ActionsContainer) -> None:
    """Adds --results."""
    text = "folder of the results (default: results)"
    group.add_argument("--results", type=_folder, default=Path("results"), metavar="DIR", help=text)


def add_data(group: argparse._ActionsContainer) -> None:
    """Adds --data-root and --offline."""
    add_data_root(group)
    group.add_argument("--offline", action="store_true", help="download no data")


def add_data_root(group: argparse._ActionsContainer) -> None:
    """Adds --data-root."""
    root = os.environ.get("SCALING_DATA")
    text = "folder of the data sets (default: $SCALING_DATA, else data)"
    group.add_argument("--data-root", type=_path, default=root, metavar="DIR", help=text)


def add_module(group: argparse._ActionsContainer) -> None:
    """Adds --module, for users' own modules, which are imported as soon as the flag is read."""
    group.add_argument(
        "--module", action="append", type=_module, default=[], metavar="FILE.py", dest="modules",
        help="adds networks, likelihoods, data sets or metrics (examples/); may be repeated",
    )  # fmt: skip


def _module(word: str) -> extensions.Module:
    module = extensions.find(word)
    extensions.load(module)
    return module


def add_timeout(group: argparse._ActionsContainer) -> None:
    """Adds --row-timeout."""
    group.add_argument(
        "--row-timeout", type=positive, default=ROW_TIMEOUT, metavar="MINUTES",
        help=f"end a process that makes no progress for this long (default {ROW_TIMEOUT:g})"
    )  # fmt: skip


def _folder(text: str) -> Path:
    """Parses a path on a file system; refuses addresses such as s3://bucket/x."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
        raise argparse.ArgumentTypeError(
            f"{text} is an address, and results are written to a folder: give the path of one, "
            "which may be a mounted bucket"
        )
    return _path(text)


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("an empty word is not a path")
    return Path(text)


def _gpu_share(text: str) -> float | None:
    """Parses a share of a GPU, a number of whole ones, or 0 for none; auto gives None."""
    if text == "auto":
        return None
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not (0 <= share <= 1 or share.is_integer() and share > 1):
        raise argparse.ArgumentTypeError(
            f"{text} is not auto, 0, a share up to 1 or a whole number"
        )
    return share


_gpu_share.bounds = NOT_NEGATIVE  # type: ignore[attr-defined]


def _auto_or_count(text: str) -> int | None:
    """Parses a whole number of at least 1; auto gives None."""
    return None if text == "auto" else int(count(text))


_auto_or_count.bounds = COUNT  # type: ignore[attr-defined]


def _numbers(text: str) -> list[int]:
    """Parses a number, or a range such as 0-4."""
    first, _, last = text.partition("-")
    read = number(WHOLE_NUMBER)
    try:
        begin, end = int(read(first)), int(read(last if "-" in text else first))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: numbers or ranges such as 0-4 are expected"
        ) from None
    if end < begin:
        raise argparse.ArgumentTypeError(f"the range {text} is reversed: write {end}-{begin}")
    if end - begin >= LONGEST_RANGE:
        raise argparse.ArgumentTypeError(f"{text} is more than {LONGEST_RANGE} numbers")
    return list(range(begin, end + 1))


_numbers.bounds = WHOLE_NUMBER  # type: ignore[attr-defined]
