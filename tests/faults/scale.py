"""Measures the overhead of a study of thousands of trials of a second each in the real launcher.

python -m tests.faults.scale --trials 2000

`overhead` is the wall-clock time of all cores beyond the trials' own work, from the first trial's
start to the last one's end, in seconds per trial; `cpu_overhead` is the same in processor time of
all processes of the launch.
"""

import argparse
import functools
import json
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from analysis import summarize
from scaling.cli import study as cli
from tests.faults.many import PRESET, trials
from tests.faults.stub import stubbed

SAMPLED_SECONDS = 2.0


@dataclass
class Seen:
    """Holds what a launch used and left behind."""

    exit_code: int
    done: int
    launch_seconds: float  # wall-clock time of the launch
    trials_seconds: float  # wall-clock time with trials running
    work_seconds: float  # wall-clock time of the trials' own work, over all cores
    overhead: float  # wall-clock seconds of a core per trial
    cpu_overhead: float  # processor seconds beyond the work, per trial
    driver_growth: float  # MB, while trials ran
    late_growth: float  # MB, the largest in the second half of the trials minus that in the first
    driver_peak: float  # MB
    analysis_seconds: float
    files_per_trial: float


class Watch(threading.Thread):
    """Samples the driver's memory, and the processor time of the driver and its descendants."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.memory: list[tuple[float, int]] = []
        self.cpu: dict[str, float] = {}
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(SAMPLED_SECONDS):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.memory.append((time.time(), pages * os.sysconf("SC_PAGE_SIZE")))
            self.cpu |= dict(processes(os.getpid()))

    def growth(self, begin: float, end: float) -> float:
        """Returns the growth in MB from the first sample to the largest, between both times."""
        inside = self._inside(begin, end)
        return (max(inside) - inside[0]) / 1e6 if inside else math.nan

    def late_growth(self, begin: float, middle: float, end: float) -> float:
        """Returns the largest sample after the middle minus the largest one before it, in MB."""
        before, after = self._inside(begin, middle), self._inside(middle, end)
        return (max(after) - max(before)) / 1e6 if before and after else math.nan

    def _inside(self, begin: float, end: float) -> list[int]:
        return [size for moment, size in self.memory if begin <= moment <= end]


def processes(root: int) -> Iterator[tuple[str, float]]:
    """Yields each process under `root`, including itself, and its processor seconds so far."""
    stats = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            stats[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
    tree = {root}
    while more := {pid for pid, words in stats.items() if int(words[1]) in tree} - tree:
        tree |= more
    for pid in tree & stats.keys():
        words = stats[pid]
        yield f"{pid} {words[19]}", (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def study(results: Path, count: int, seconds: float, waits: bool, words: Sequence[str] = ()) -> int:
    """Runs the study in this process, as its command would; returns the exit code."""
    from scaling.cluster import tuner as launch

    launch.train = functools.partial(stubbed, seconds=seconds, waits=waits)
    sys.argv = ["scale", "--results", str(results), *words]
    try:
        cli.main("scale", lambda p: trials(p, count), {"stub": PRESET}, summarize)
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def measure(results: Path, count: int, seconds: float, waits: bool = False) -> Seen:
    """Runs the study and adds up what it used."""
    watch, begun = Watch(), time.time()
    watch.start()
    code = study(results, count, seconds, waits)
    watch.over.set()
    ended = time.time()
    profile = json.loads((results / "scale" / "study.json").read_text())["launches"][-1]["profile"]
    found = [read(path) for path in results.glob("trials/*/done.json")]
    spans = [done["span"] for done in found]
    ends = sorted(end for _, end in spans)
    first, middle, last = min(begin for begin, _ in spans), ends[len(ends) // 2], ends[-1]
    work, width = profile["training"], profile["width"]
    return Seen(
        exit_code=code,
        done=sum(done["state"] == "done" for done in found),
        launch_seconds=ended - begun,
        trials_seconds=last - first,
        work_seconds=work,
        overhead=(width * (last - first) - work) / count,
        cpu_overhead=sum(watch.cpu.values()) / count - seconds * (not waits),
        driver_growth=watch.growth(first, last),
        late_growth=watch.late_growth(first, middle, last),
        driver_peak=max(size for _, size in watch.memory) / 1e6,
        analysis_seconds=profile["parts"]["figures"],
        files_per_trial=sum(len(files) for _, _, files in os.walk(results)) / count,
    )


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--trials", type=int, default=2000)
    made.add_argument("--seconds", type=float, default=1.0, help="of a core, a trial")
    made.add_argument("--waits", action="store_true", help="for a second, rather than to work")
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seen = measure(Path(folder) / "results", options.trials, options.seconds, options.waits)
    for name, value in asdict(seen).items():
        print(f"{name:18}{value:10.2f}")


if __name__ == "__main__":
    main()
