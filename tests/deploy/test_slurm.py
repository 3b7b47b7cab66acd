"""The sbatch script with stand-ins for Slurm, Ray and the study: order, signals, exit code."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "slurm.sh"
SCONTROL = 'printf "%s\\n" 127.0.0.1 node-b node-c'
SRUN = """
[[ " $* " == *" --nodelist=127.0.0.1 "* ]] || sleep 0.2  # the head's line comes first
echo "srun $*" >> "$LOG"
[[ -n $RAY_AUTH_TOKEN ]] || exit 1
trap 'echo "ended $*" >> "$LOG"; kill $! 2>/dev/null; exit 0' TERM
sleep 600 & wait
"""
STUDY = """
trap 'echo "study stopped" >> "$LOG"; kill $! 2>/dev/null; exit 4' TERM
echo "study $*" >> "$LOG"
sleep "$STUDY_SECONDS" & wait
exit "$STUDY_CODE"
"""


@pytest.fixture
def job(tmp_path):
    """Starts the script as Slurm does, on three nodes of which the first listens at its port."""
    (tmp_path / "bin").mkdir()
    for name, body in {"scontrol": SCONTROL, "srun": SRUN, "scaling-vae": STUDY}.items():
        (tmp_path / "bin" / name).write_text(f"#!/usr/bin/env bash\n{body}")
        (tmp_path / "bin" / name).chmod(0o755)
    head, number = listening()
    started = []

    def start(*words, seconds="0", code="0"):
        mine = {
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "VENV": str(tmp_path),
            "LOG": str(tmp_path / "log"),
            "SLURM_JOB_ID": str(number),
            "SLURM_JOB_NODELIST": "node-[a-c]",
            "SLURM_CPUS_PER_TASK": "8",
            "JOIN_SECONDS": "1",
            "STUDY_SECONDS": seconds,
            "STUDY_CODE": code,
        }
        typed = ["bash", SCRIPT, *words]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            typed, env=os.environ | mine, stdout=pipe, stderr=pipe, text=True
        )
        started.append(process)
        return process

    address = f"127.0.0.1:{20000 + number % 10000}"
    yield SimpleNamespace(study=start, log=tmp_path / "log", address=address)
    head.close()
    for process in started:
        process.kill()
        process.communicate()


def listening():
    """Opens a port that the script would choose, and returns a job number that leads to it."""
    for number in range(os.getpid(), os.getpid() + 200):
        made = socket.socket()
        try:
            made.bind(("127.0.0.1", 20000 + number % 10000))
        except OSError:
            made.close()
            continue
        made.listen()
        return made, number
    raise RuntimeError("no port is free")


def lines(job):
    return job.log.read_text().splitlines() if job.log.exists() else []


def test_the_script_starts_ray_on_every_node_then_the_study_then_stops_ray(job):
    process = job.study("double_descent", "--epochs", "3", code="3")
    out, err = process.communicate()
    assert process.returncode == 3, out + err
    starts = [line for line in lines(job) if line.startswith("srun")]
    (head,) = [line for line in starts if "--head" in line]
    workers = [line for line in starts if line is not head]
    assert "--nodelist=127.0.0.1 " in head and f"--port={job.address.partition(':')[2]} " in head
    assert len(workers) == 2 and all(f"--address={job.address} " in line for line in workers)
    assert sum("--nodelist=node-b " in line or "--nodelist=node-c " in line for line in starts) == 2
    assert all("--num-cpus=8" in line and "--block" in line for line in starts)
    (study,) = [line for line in lines(job) if line.startswith("study")]
    assert study == f"study study double_descent --epochs 3 --address {job.address}"
    assert lines(job).index(study) > max(map(lines(job).index, starts))
    assert sum(line.startswith("ended") for line in lines(job)) == 3


def test_slurms_signal_stops_the_study_first_and_its_code_is_the_jobs(job):
    process = job.study("double_descent", seconds="600")
    while not any(line.startswith("study study") for line in lines(job)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate()
    assert process.returncode == 4, out + err
    after = lines(job)[lines(job).index("study stopped") :]
    assert sum(line.startswith("ended") for line in after) == 3


def test_without_a_study_nothing_starts(job):
    process = job.study()
    _, err = process.communicate()
    assert process.returncode == 2
    assert "sbatch deploy/slurm.sh double_descent" in err
    assert lines(job) == []
