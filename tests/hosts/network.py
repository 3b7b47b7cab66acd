"""Makes several hosts on this machine: own addresses, file systems, homes, names and processes.

A host is a network, a mount, a UTS and a process-id namespace with its own /tmp, /dev/shm and home
folder, behind a switch in a namespace of its own: a bridge, or `relay.py`, which delays and drops.
Folders of this machine that a host is to see in its /tmp, or in another version, are bound there.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.conftest import ROOT

RELAY = Path(__file__).with_name("relay.py")
PROGRAMS = ("ip", "unshare", "nsenter")
PORT = 6379
TMP = Path("/tmp")
BEGIN = """
set -e
hostname "$1"; stage=$2; shift 2
mount -t tmpfs none "$stage"
while [ $# -gt 0 ]; do
  case $1 in /tmp/*) place=$stage/${1#/tmp/} ;; *) place=$1 ;; esac
  mkdir -p "$place"
  mount --bind "$2" "$place"
  shift 2
done
mkdir -p "$stage/home"
chmod 1777 "$stage"
mount --rbind "$stage" /tmp
mount -t tmpfs -o size=400m none /dev/shm
touch /tmp/ready
while :; do sleep 1 & wait; done
"""


def ip(*words: str) -> None:
    """Runs `ip`; raises OSError with its message where it fails."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


@dataclass
class Host:
    """A host of its own until it is switched off; `init` is its first process."""

    name: str
    address: str
    namespace: str
    stage: Path
    # folders that the host sees: the path there, and the path on this machine
    folders: Mapping[Path, Path]
    environment: Mapping[str, str]
    outer: subprocess.Popen | None = None
    init: int = 0
    started: list[subprocess.Popen] = field(default_factory=list)

    def boot(self) -> None:
        """Starts the host, with an empty /tmp; raises OSError where namespaces are not allowed."""
        self.stage.mkdir(exist_ok=True)
        pairs = [str(path) for pair in self.folders.items() for path in pair]
        inside = ["bash", "-c", BEGIN, "host", self.name, str(self.stage), *pairs]
        command = ["ip", "netns", "exec", self.namespace, "unshare", "-m", "-u", "-p", "-f"]
        command += ["--kill-child", "--mount-proc", "--propagation", "private", *inside]
        self.outer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while not (self.init and Path(f"/proc/{self.init}/root/tmp/ready").exists()):
            if self.outer.poll() is not None:
                assert self.outer.stderr
                raise OSError(f"no host: {self.outer.stderr.read().decode().strip()}")
            self.init = child(self.outer.pid)
            time.sleep(0.05)

    def off(self) -> None:
        """Switches the host off: all its processes end at once, and its /tmp is gone."""
        if self.outer:
            self.outer.kill()
            self.outer.communicate()  # also closes the pipe
        self.outer, self.init = None, 0
        for process in self.started:
            process.kill()
            process.communicate()
        self.started.clear()

    def path(self, place: Path) -> Path:
        """Returns the path by which this machine finds a file of the host."""
        return Path(f"/proc/{self.init}/root") / place.relative_to("/")

    def command(self, words: Sequence[object], **more: str) -> list[str]:
        """Returns the command line that runs these words on the host, as it sees its files."""
        variables = [f"{name}={value}" for name, value in {**self.environment, **more}.items()]
        enter = ["nsenter", "-t", str(self.init), "-m", "-u", "-n", "-p", "--"]
        return [*enter, "env", "-i", *variables, *map(str, words)]

    def start(self, *words: object, cwd: Path = TMP, **more: str) -> subprocess.Popen:
        """Starts a process on the host, with its output in pipes."""
        process = subprocess.Popen(
            self.command(["env", "-C", cwd, *words], **more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *words: object, **more: str) -> str:
        """Runs a command on the host until it ends without error, and returns its output."""
        process = self.start(*words, cwd=TMP, **more)
        out, err = process.communicate()
        assert process.returncode == 0, f"{words}: {out}{err}"
        return out

    def head(self, cpus: int = 1, **more: str) -> str:
        """Starts the head of a Ray cluster on the host, and returns its HOST:PORT."""
        self._ray("--head", f"--port={PORT}", "--include-dashboard=false", cpus=cpus, **more)
        return f"{self.address}:{PORT}"

    def join(self, head: str, cpus: int = 1, **more: str) -> None:
        """Joins the cluster with this head."""
        self._ray(f"--address={head}", cpus=cpus, **more)

    def _ray(self, *words: str, cpus: int, **more: str) -> None:
        ray = [Path(sys.executable).with_name("ray"), "start", *words]
        ray += [f"--node-ip-address={self.address}", f"--num-cpus={cpus}", "--disable-usage-stats"]
        self.run(*ray, "--object-store-memory=100000000", **more)

    def is_mine(self, pid: int) -> bool:
        """Returns whether a process, given by its number on this machine, runs on the host."""
        try:
            return os.stat(f"/proc/{pid}/ns/pid").st_ino == self.place
        except OSError:
            return False

    @property
    def place(self) -> int:
        """Returns the number of the host's process-id namespace."""
        return os.stat(f"/proc/{self.init}/ns/pid").st_ino

    def unplug(self) -> None:
        ip("-n", self.namespace, "link", "set", "eth0", "down")

    def plug(self) -> None:
        ip("-n", self.namespace, "link", "set", "eth0", "up")


class Network:
    """Makes hosts connected by one switch, and ends them all."""

    def __init__(self, world: Path, environment: Mapping[str, str], relay: Sequence[float] = ()):
        """Starts without hosts; `relay` is the delay in seconds and the share of lost frames."""
        self.world, self.environment, self.relay = world, environment, relay
        self.prefix = f"h{os.getpid()}"
        self.switch = f"{self.prefix}-sw"
        self.hosts: list[Host] = []
        self.relaying: subprocess.Popen | None = None
        missing = [name for name in PROGRAMS if not shutil.which(name)]
        if missing:
            raise OSError(f"there is no {missing[0]}")
        ip("netns", "add", self.switch)
        ip("-n", self.switch, "link", "add", "br0", "type", "bridge")
        ip("-n", self.switch, "link", "set", "br0", "up")

    def add(
        self, name: str, sees: Sequence[Path] = (), versions: Mapping[Path, Path] | None = None
    ) -> Host:
        """Adds a host that sees these folders of this machine, some of them in another version."""
        number = len(self.hosts) + 1
        own = [path for path in (ROOT, Path(sys.prefix), Path(sys.base_prefix)) if _hidden(path)]
        folders = {path: path for path in [*own, *sees]} | dict(versions or {})
        host = Host(
            name,
            f"10.77.0.{number}",
            f"{self.prefix}-{number}",
            self.world / f"stage-{number}",
            folders,
            self.environment,
        )
        ip("netns", "add", host.namespace)
        self.hosts.append(host)
        if not self.relay:
            self._cable(host, number)
            self._address(host)
        host.boot()
        return host

    def _cable(self, host: Host, number: int) -> None:
        ours, theirs = f"{self.prefix}v{number}", f"{self.prefix}e{number}"
        ip("link", "add", ours, "type", "veth", "peer", "name", theirs)
        ip("link", "set", ours, "netns", self.switch)
        ip("-n", self.switch, "link", "set", ours, "master", "br0", "up")
        self._move(theirs, host)

    def _move(self, device: str, host: Host) -> None:
        ip("link", "set", device, "netns", host.namespace)
        ip("-n", host.namespace, "link", "set", device, "name", "eth0")

    def _address(self, host: Host) -> None:
        for device in ("eth0", "lo"):
            ip("-n", host.namespace, "link", "set", device, "up")
        ip("-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")

    def connect(self) -> None:
        """Connects all hosts by a relay, which delays and drops frames."""
        devices = [f"{self.prefix}t{number}" for number in range(len(self.hosts))]
        words = [sys.executable, str(RELAY), *map(str, self.relay), *devices]
        self.relaying = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self.relaying.stdout
        if self.relaying.stdout.readline() != b"ready\n":
            raise OSError("no device can be made with /dev/net/tun")
        for device, host in zip(devices, self.hosts, strict=True):
            self._move(device, host)
            self._address(host)

    def close(self) -> None:
        for host in self.hosts:
            host.off()
        if self.relaying:
            self.relaying.kill()
            self.relaying.communicate()  # also closes the pipe
        for name in [*(host.namespace for host in self.hosts), self.switch]:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def _hidden(path: Path) -> bool:
    return path.is_relative_to(TMP)


def child(pid: int) -> int:
    """Returns the number of the first child of a process, or 0 if there is none."""
    try:
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    except (OSError, IndexError):
        return 0


def signalled(process: subprocess.Popen, number: signal.Signals) -> None:
    """Sends a signal to the process that `Host.start` has started on its host."""
    os.kill(child(process.pid), number)
