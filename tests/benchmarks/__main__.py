"""Runs benchmarks and prints each ratio with its goal: `python -m tests.benchmarks [NAME ...]`."""

import argparse
import importlib
import sys
from pathlib import Path

from tests.benchmarks import naive_step
from tests.benchmarks.results import Result

TOLERANCE = 0.9  # of the goal, because timings on a shared machine are not exact
AIDS = {"__main__", "gpu_variants", "gpu_worker", "naive_step", "results", "timing"}
NAMES = sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - AIDS)


def main() -> int:
    """Runs benchmarks and returns 1 if a ratio is more than a tenth below its goal, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument(
        "--reference", type=Path, help="a naive_step.py to compare the naive loop with"
    )
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}. Known: {', '.join(NAMES)}.")
    results = naive_step.against(options.reference) if options.reference else []
    for name in options.names or ([] if options.reference else NAMES):
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        results += importlib.import_module(f"tests.benchmarks.{name}").measure()
    print(table(results))
    return int(any(result.ratio < TOLERANCE * result.goal for result in results))


def table(results: list[Result]) -> str:
    """Formats one line per result, in columns."""
    header = ("", "ratio", "goal", "ours", "baseline", "")
    rows = [header] + [
        (r.name, f"{r.ratio:.2f}", f"{r.goal:.2f}", f"{r.ours:.4g}", f"{r.baseline:.4g}", r.unit)
        for r in results
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if 0 < i < 5 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


if __name__ == "__main__":
    sys.exit(main())
