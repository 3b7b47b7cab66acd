"""Starts clusters of several nodes on this machine, and kills processes of nodes."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from ray.cluster_utils import Cluster

CPUS = 1  # per node, so that one trial runs on each node at a time
SLOW = """
import time

_train = VaeRun.train_epoch

def train_epoch(self):
    time.sleep({seconds})
    return _train(self)

VaeRun.train_epoch = train_epoch
"""


class Nodes:
    """Runs nodes with their own temporary folder (RAY_TMPDIR), and ends them by their handles."""

    def __init__(self, count, head_cpus=CPUS):
        self.cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": head_cpus})
        self.blind = None
        for _ in range(count - 1):
            self.add()

    def add(self):
        return self.cluster.add_node(num_cpus=CPUS)

    def add_blind(self, folder):
        """Adds a node in its own mount namespace, which sees the folder as empty."""
        start = Path(sys.executable).with_name("ray")
        words = [str(start), "start", "--address", self.cluster.address, "--num-cpus", str(CPUS)]
        words += ["--min-worker-port=0", "--max-worker-port=0", "--block"]
        script = f"mount -t tmpfs none {shlex.quote(str(folder))} && exec {shlex.join(words)}"
        command = ["unshare", "--mount", "sh", "-c", script]
        self.blind = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def alive(self):
        """Returns the nodes that the head believes to be alive."""
        return [n["NodeID"] for n in self.cluster.global_state.node_table() if n["Alive"]]

    @staticmethod
    def raylet(node):
        (info,) = node.all_processes["raylet"]
        return info.process.pid

    def workers(self, node):
        """Returns the processes that the node's raylet has started."""
        return {pid for pid, parent in parents().items() if parent == self.raylet(node)}

    def close(self):
        if self.blind:
            self.blind.terminate()
            self.blind.wait(60)
        if self.cluster.head_node:
            self.cluster.shutdown()


def parents():
    """Returns the parent of every process of this machine."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
    return found


def kill(*pids):
    """Sends SIGKILL to processes that may have ended already."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
