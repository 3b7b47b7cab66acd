"""Tasks with a share of a GPU: a process that has used one GPU is never given another."""

import json
import os
import subprocess
import sys

import pytest

from scaling.cluster import measuring, sampling
from scaling.cluster.gpu_tasks import GpuTask
from tests.cluster.conftest import ROOT

SCRIPT = """
import json, os, ray
from scaling.cluster.gpu_tasks import GpuTask
ray.init(address="local", num_cpus=2, num_gpus=2, include_dashboard=False, log_to_driver=False)
task = GpuTask(lambda: os.getpid())
found = {share: [ray.get(task.options(num_gpus=share).remote()) for _ in range(4)]
         for share in (0.25, 0.0)}
ray.shutdown()
print(json.dumps(found))
"""


@pytest.mark.cluster
def test_each_task_on_a_gpu_has_a_process_of_its_own(ray_folder):
    environment = {**os.environ, "RAY_TMPDIR": ray_folder, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=ROOT, env=environment
    )
    assert done.returncode == 0, done.stderr
    processes = json.loads(done.stdout.splitlines()[-1])
    assert len(set(processes["0.25"])) == 4
    assert len(set(processes["0.0"])) < 4  # on CPUs a new process would only take time


@pytest.mark.parametrize("task", [measuring._measure, sampling._sample])
def test_the_projects_tasks_with_shares_of_a_gpu_are_such_tasks(task):
    assert isinstance(task, GpuTask)
