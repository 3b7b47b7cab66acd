"""A cluster whose GPU nodes start from zero, by Ray's provider of nodes that are processes here.

All runs in namespaces of its own, of processes and of the network: Ray's own test cluster stops
every Ray on the machine, and its provider looks for the head at port 6379 alone.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.conftest import TINY

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes namespaces"),
]
PROVIDER = {
    "type": "fake_multinode",
    "use_node_id_as_ip": True,  # all nodes share one address
    "disable_node_updaters": True,
    "disable_launch_config_check": True,
}
CONFIG = {
    "cluster_name": "fake",
    "max_workers": 1,
    "idle_timeout_minutes": 5,
    "upscaling_speed": 1.0,
    "provider": PROVIDER,
    "auth": {},
    "docker": {},
    "file_mounts": {},
    **{f"{who}setup_commands": [] for who in ("", "head_", "worker_")},
    **{f"{who}_start_ray_commands": [] for who in ("head", "worker")},
    "initialization_commands": [],
    "cluster_synced_files": [],
    "file_mounts_sync_continuously": False,
    "available_node_types": {
        "head": {"resources": {}, "node_config": {}, "max_workers": 0},
        "gpu": {
            "resources": {"CPU": 1, "GPU": 1},
            "node_config": {},
            "min_workers": 0,
            "max_workers": 1,
        },
    },
    "head_node_type": "head",
}


def test_the_first_gpu_node_is_started_and_runs_the_trials(study, tmp_path, ray_folder):
    config = tmp_path / "cluster.json"
    config.write_text(json.dumps(CONFIG))
    ray = Path(sys.executable).with_name("ray")
    start = [ray, "start", "--head", "--num-cpus=0", "--port=6379", f"--temp-dir={ray_folder}"]
    start += ["--include-dashboard=false", f"--autoscaling-config={config}"]
    words = [*TINY, "--m-z", "1", "--seeds", "0", "--gpus-per-trial", "1"]
    words += ["--address", "auto", "--wait-for-gpus", "10"]
    command = study.command(*words)
    begin = shlex.join(map(str, start))
    script = f"ip link set lo up && {begin} >&2 && {shlex.join(command)}"
    inside = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    inside += ["sh", "-c", script]
    fake = {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
    environment = study.variables() | fake | {"RAY_AUTH_MODE": "disabled"}
    environment.pop("RAY_ADDRESS", None)
    done = subprocess.run(inside, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No GPU in the cluster yet: waiting for up to 10 min" in done.stdout
    assert "Ray: 2 node(s), 1 CPUs, 1 GPUs" in done.stdout
    assert set(study.states(4).values()) == {"done"}
    (folder,) = study.folders()
    ended = json.loads((folder / "done.json").read_text())
    assert ended["gpu"][1] == 1
