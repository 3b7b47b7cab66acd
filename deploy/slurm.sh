#!/usr/bin/env bash
# Starts a Ray cluster on the nodes of a Slurm job, and a study on it. From a folder that all nodes see:
#
#   sbatch --nodes=4 deploy/slurm.sh double_descent --preset cifar10 --results "$PWD/results"
#
# All words after the script's name are passed to `scaling-vae study`. Shortly before the time limit Slurm
# sends SIGTERM to this script, which stops the study cleanly; the same command continues it.
# VENV is the environment's folder, which has the same path on all nodes (default: .venv here).
# Was it run? Yes, by Slurm 22.05 on two nodes that were containers of one machine, without GPUs: a study
# of 16 trials to its end, another stopped by SIGTERM and continued. Its flow (start, waiting, signals,
# exit code) is also tested with stand-ins for srun and scontrol.
#SBATCH --job-name=scaling-vae
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=1
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --output=scaling-vae-%j.log
set -euo pipefail

if (($# == 0)); then
  echo "The name of a study is missing. Type: sbatch deploy/slurm.sh double_descent" >&2
  exit 2
fi
if [[ -r ${VENV:-.venv}/bin/activate ]]; then
  # shellcheck disable=SC1091
  source "${VENV:-.venv}/bin/activate"
fi

nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
mapfile -t nodes <<<"$nodes"
head=${nodes[0]}
port=$((20000 + SLURM_JOB_ID % 10000)) # so that jobs on one node use different ports
cpus=${SLURM_CPUS_PER_TASK:-1}

# One token for the nodes of this job, because on a shared machine others can reach Ray's ports.
RAY_AUTH_TOKEN=$(python3 -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0

ray_on() { # NODE WORDS...: runs Ray on that node until the job ends
  local node=$1
  shift
  srun --nodes=1 --ntasks=1 --overlap --nodelist="$node" \
    ray start "$@" --block --num-cpus="$cpus" --disable-usage-stats &
  steps+=("$!")
}
steps=()
study=
interrupted=
# shellcheck disable=SC2317,SC2329 # called by the traps below
finish() {
  trap '' TERM INT
  kill -TERM "${steps[@]}" 2>/dev/null || true
  wait "${steps[@]}" 2>/dev/null || true
}
# shellcheck disable=SC2317,SC2329
forward() {
  trap '' TERM
  interrupted=yes
  [[ -z $study ]] || kill -TERM "$study" 2>/dev/null || true
}
trap finish EXIT
trap forward TERM

ray_on "$head" --head --node-ip-address="$head" --port="$port" --include-dashboard=false
for _ in $(seq "${HEAD_SECONDS:-120}"); do
  (: <"/dev/tcp/$head/$port") 2>/dev/null && break
  sleep 1
done
for node in "${nodes[@]:1}"; do
  ray_on "$node" --address="$head:$port"
done
sleep "${JOIN_SECONDS:-20}" # nodes that join later are used too

scaling-vae study "$@" --address "$head:$port" &
study=$!
code=0
wait "$study" || code=$?
if [[ -n $interrupted ]]; then # the signal ended the wait, not the study, whose code bash keeps
  code=0
  wait "$study" || code=$?
  echo "The Ray cluster ended with this job: continue with the same sbatch command."
fi
exit "$code"
