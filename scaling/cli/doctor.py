"""Runs `scaling-vae doctor`: lists what works here, what does not, and what to type.

Checks that may hang, or that import packages which may be missing, are in `scaling.cli.checks`.
They run as parallel processes and are given up after a while.
"""

import json
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from scaling.cli.cpu_use import is_working
from scaling.cli.machine import add_address, check_cpus
from scaling.cli.options import add_data_root, add_module, add_results, positive
from scaling.errors import listed, to_type
from scaling.planning.table import size
from scaling.trial import extensions, machine

WORKS, LIMITED, BROKEN = "works", "limited", "broken"
SCARCE, LITTLE = 1e9, 10e9  # free bytes on the disk: too few, few for 32x32 images
SHARED = 3e9  # bytes of /dev/shm that are enough for ten chunks of CIFAR-10
SHM = Path("/dev/shm")
Where = tuple[str, int | None]  # Ray's address, and the CPUs of a local Ray
ADVICE = {  # for a check that fails in an unexpected way
    "torch": "pip install --force-reinstall torch torchvision",
    "ray": 'pip install --force-reinstall "ray[tune]"',
    "data": "pip install --force-reinstall numpy scikit-learn",
}


@dataclass(frozen=True)
class Finding:
    """Holds one line of the table; `advice` is what to type."""

    name: str
    state: str  # works, limited (what does not need it works) or broken
    found: str
    advice: str = ""


def add_to(subparsers: Any) -> None:
    """Adds the command `doctor` to the command line."""
    text = "check what works here, and say what to type if something does not"
    parser = subparsers.add_parser("doctor", help=text, description=text)
    add_results(parser)
    add_address(parser)
    add_data_root(parser)
    add_module(parser)
    wait = "time limit of each check in seconds (default 14)"
    parser.add_argument("--seconds", type=positive, default=14.0, help=wait)
    parser.set_defaults(command=_command)


def _command(options: Namespace) -> int:
    check_cpus(options)
    where = (options.address, options.cpus)
    return main(options.results, options.data_root, where, options.seconds)


def main(results: Path, data_root: Path | None, where: Where, seconds: float) -> int:
    """Prints the table; returns 2 if something is broken, else 0.

    Checks in processes of their own are given up after `seconds`.
    """
    findings = diagnose(results, data_root, where, seconds)
    print("\n".join(table(findings)))
    return 2 if any(finding.state == BROKEN for finding in findings) else 0


def diagnose(results: Path, data_root: Path | None, where: Where, seconds: float) -> list[Finding]:
    """Runs all checks and returns their findings, in the order in which to repair them."""
    names = [module.word for module in extensions.loaded()]
    with tempfile.TemporaryDirectory() as folder:
        address, cpus = where
        needed = ray_needs()
        lacking = [finding.name for finding in needed if finding.state == BROKEN]
        checks = [Check("torch", [], Path(folder))]
        if address != "local" or not lacking:
            checks += [Check("ray", [address, str(cpus or "")], Path(folder))]
        else:
            needed += [Finding("ray", LIMITED, f"not started: first repair {listed(lacking)}")]
        checks += [Check("data", [str(data_root or ""), *names], Path(folder))]
        end = time.monotonic() + seconds
        quick = [_found(check) for check in (python, packages, partial(disk, results))]
        quick += [_found(shared_memory), *needed, *modules()]
        return quick + [item for check in checks for item in check.findings(end)]


def table(findings: Sequence[Finding]) -> list[str]:
    """Lays findings out in lines: state, name and finding, with the advice below."""
    states, names = (max(len(getattr(f, part)) for f in findings) for part in ("state", "name"))
    lines = []
    for finding in findings:
        start = f"{finding.state:{states}}  {finding.name:{names}}  "
        lines.append(start + finding.found)
        lines += [" " * len(start) + "-> " + finding.advice] if finding.advice else []
    broken = [finding.name for finding in findings if finding.state == BROKEN]
    return [*lines, f"Broken: {', '.join(broken)}." if broken else "Nothing is broken."]


def python() -> Finding:
    """Reports the interpreter and the machine."""
    memory, cpus = size(machine.memory_bytes()), machine.cpus()
    system = f"{platform.system()}, {cpus} CPUs, {memory} of memory"
    return Finding("python", WORKS, f"{platform.python_version()} on {system}")


def packages() -> Finding:
    """Compares the installed packages with the requirements in pyproject.toml."""
    try:
        needed = metadata.requires("scaling-vae") or []
    except metadata.PackageNotFoundError:
        text = "scaling-vae is not installed: Ray's processes will not find it"
        root = Path(__file__).parents[2]
        checkout = shlex.join(["pip", "install", "-e", str(root)])
        again = "Install again the wheel that it came from"
        advice = checkout if (root / "pyproject.toml").is_file() else again
        return Finding("packages", BROKEN, text, advice)
    faults = {line.partition(";")[0].strip(): fault for line in needed if (fault := _fault(line))}
    if faults:
        advice = shlex.join(["pip", "install", *faults])
        return Finding("packages", BROKEN, "; ".join(faults.values()), advice)
    return Finding("packages", WORKS, "all required packages, in suitable versions")


def _fault(line: str) -> str:
    """Returns what is wrong with a package such as `ray[tune]<3,>=2.50`, or ""."""
    from packaging.requirements import Requirement

    needed = Requirement(line)
    if needed.marker and not needed.marker.evaluate({"extra": ""}):
        return ""
    try:
        version = metadata.version(needed.name)
    except metadata.PackageNotFoundError:
        return f"{needed.name} is missing"
    if needed.specifier.contains(version, prereleases=True):
        return ""
    return f"{needed.name} is {version}, and {needed.name}{needed.specifier} is needed"


def modules() -> list[Finding]:
    """Reports what each of the user's modules adds."""
    findings = []
    for module in extensions.loaded():
        added = {f"{what} {name}" for (what, name), of in extensions.ADDED.items() if of == module}
        text = f"{module.word}: {listed(added) or 'adds nothing'}"
        findings.append(Finding("module", WORKS if added else LIMITED, text))
    return findings


def disk(results: Path) -> Finding:
    """Checks that the results folder, or the place for it, can be written and has room."""
    folder = next(
        path for path in (results.absolute(), *results.absolute().parents) if path.exists()
    )
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        text = f"{results} cannot be written: {error.strerror}"
        return Finding("results", BROKEN, text, "Give another folder: --results DIR")
    free = shutil.disk_usage(folder).free
    text = f"{results}: {size(free)} free"
    if free < SCARCE:
        return Finding("results", BROKEN, text, "Free some, or give another: --results DIR")
    if free < LITTLE:
        return Finding("results", LIMITED, text, "--dry-run shows how much a study writes")
    return Finding("results", WORKS, text)


def shared_memory() -> Finding:
    """Checks the memory in which Ray keeps its object store."""
    if not SHM.is_dir():
        return Finding("shared memory", WORKS, f"no {SHM} on this system: Ray uses files")
    usage = shutil.disk_usage(SHM)
    text = f"{size(usage.free)} of {size(usage.total)} free in {SHM}"
    if usage.free < SHARED:
        text += ": Ray uses files instead, pools of large images are slow to read"
        return Finding("shared memory", LIMITED, text, "In a container: docker run --shm-size=8g")
    return Finding("shared memory", WORKS, text)


def ray_needs() -> list[Finding]:
    """Checks what Ray needs before it starts: a folder for its sockets, a private token."""
    from scaling.cluster.needs import needs

    return [Finding(n.name, BROKEN if n.advice else WORKS, n.found, n.advice) for n in needs()]


def _found(check: Callable[[], Finding]) -> Finding:
    """Runs a check; an error of the operating system is a finding too."""
    try:
        return check()
    except (OSError, RuntimeError) as error:
        return Finding(getattr(check, "__name__", "check"), BROKEN, str(error))


class Check:
    """Runs a check as a process; its output goes to files: a grandchild may hold a pipe open."""

    def __init__(self, name: str, arguments: Sequence[str], folder: Path) -> None:
        self.name, self.out, self.err = name, folder / f"{name}.out", folder / f"{name}.err"
        command = [sys.executable, "-m", "scaling.cli.checks", name, *arguments]
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(command, stdout=out, stderr=err)

    def findings(self, end: float) -> list[Finding]:
        """Returns its findings until the time `end`; if it fails or hangs, that is one too."""
        try:
            code = self.process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            slow = is_working(self.process.pid)
            self.process.kill()
            self.process.wait()
            state, why = (LIMITED, ": it is working, but slow") if slow else (BROKEN, ": it hangs")
            again = f"Give it longer: {to_type('doctor', '--seconds', 60)}"
            return [*self._read(), Finding(self.name, state, f"no answer in time{why}", again)]
        if code:
            return [*self._read(), self._died(code)]
        return self._read()

    def _read(self) -> list[Finding]:
        lines = self.out.read_text().splitlines()
        return [Finding(*json.loads(line)) for line in lines if line.startswith("[")]

    def _died(self, code: int) -> Finding:
        """Returns the finding for a failed process, from the last line of its error output."""
        last = self.err.read_text(errors="replace").strip().rpartition("\n")[2]
        if last.startswith("Error: "):
            return Finding(self.name, BROKEN, last.removeprefix("Error: "))
        text = f"its process ended with {code}: {last}".removesuffix(": ")
        return Finding(self.name, BROKEN, text, ADVICE[self.name])
