"""Runs the doctor's checks that import PyTorch, Ray and the data, each in its own process.

`python -m scaling.cli.checks NAME [ARGUMENT]` prints one line of JSON for each finding.
"""

import hashlib
import importlib.util
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import astuple
from importlib import metadata
from pathlib import Path

from scaling.cli.doctor import ADVICE, BROKEN, LIMITED, WORKS, Finding
from scaling.errors import UsageError
from scaling.planning.table import size
from scaling.trial import extensions

GPUS = Path("/proc/driver/nvidia/gpus")


def pytorch() -> Iterator[Finding]:
    """Checks PyTorch, its use of a GPU, and the weights of Inception."""
    import torch

    yield Finding("torch", WORKS, f"{torch.__version__}, {torch.get_num_threads()} threads")
    yield gpu()
    yield weights()


def gpu() -> Finding:
    """Checks whether PyTorch can compute on the GPU that the driver shows."""
    import torch

    if torch.cuda.is_available():
        ones = torch.ones(8, 8, device="cuda")
        assert (ones @ ones).sum().item() == 512
        free, total = torch.cuda.mem_get_info()
        count, name = torch.cuda.device_count(), torch.cuda.get_device_name()
        return Finding("gpu", WORKS, f"{count} x {name}, {size(free)} of {size(total)} free")
    if GPUS.is_dir():
        text = f"the driver shows a GPU, but PyTorch {torch.__version__} cannot use it"
        advice = "Install the build for the CUDA version that nvidia-smi shows: https://pytorch.org/get-started"
        return Finding("gpu", BROKEN, text, advice)
    advice = "Use --preset digits or mnist-small; for others, --address of a cluster with GPUs"
    return Finding("gpu", LIMITED, "none", advice)


def weights() -> Finding:
    """Checks the weights that FID and Inception Score of RGB images need."""
    import torch

    from scaling.metrics.features import WEIGHTS, WEIGHTS_SHA256

    file = Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS
    absent = "FID and Inception Score of RGB images will be absent: "
    if not importlib.util.find_spec("torch_fidelity"):
        advice = "pip install torch-fidelity"
        return Finding("inception", LIMITED, f"{absent}no torch-fidelity", advice)
    if not file.is_file():
        advice = f"Download it from the releases of torch-fidelity to: {file}"
        return Finding("inception", LIMITED, f"{absent}no {WEIGHTS}", advice)
    if hashlib.sha256(file.read_bytes()).hexdigest() != WEIGHTS_SHA256:
        advice = shlex.join(["rm", str(file)])
        return Finding("inception", BROKEN, f"{file} is not the published file", advice)
    return Finding("inception", WORKS, f"{file}")


def ray(address: str = "local", cpus: str = "") -> Iterator[Finding]:
    """Joins the Ray cluster or starts a local Ray, as a study would."""
    from scaling.cluster.connect import connect

    cluster = connect(address, int(cpus) if cpus else None)
    text = f"{metadata.version('ray')}, {address}: {cluster.nodes} node(s), "
    yield Finding("ray", WORKS, f"{text}{cluster.cpus:g} CPUs, {cluster.gpus:g} GPUs")


def data(root: str = "", *modules: str) -> Iterator[Finding]:
    """Reads every data set under the data root or of a module; downloads none."""
    from scaling.data import datasets, official

    for word in modules:
        extensions.load(extensions.find(word))
    folder = official.data_root(Path(root) if root else None)
    for name in datasets.LOADERS:
        if name in official.FOLDERS and not official.has_files(name, folder):
            text = f"not under {folder}: a study that needs it downloads it"
            yield Finding(name, LIMITED, text, official.how_to_get(name, folder))
            continue
        try:
            loaded = datasets.load(name, folder, offline=True)
        except UsageError as error:
            yield Finding(name, BROKEN, str(error))
            continue
        images = f"{len(loaded.train):,} and {len(loaded.test):,} images ({loaded.data})"
        if loaded.data == "jpeg":
            images += ": likelihoods of a JPEG copy are not comparable with published ones"
            yield Finding(name, LIMITED, images, official.how_to_get(name, folder))
        else:
            yield Finding(name, WORKS, images)


CHECKS: dict[str, Callable[..., Iterator[Finding]]] = {
    "torch": pytorch,
    "ray": ray,
    "data": data,
}


def main(name: str, *words: str) -> None:
    """Prints the findings and exits immediately: Ray and PyTorch take long to close."""
    try:
        for finding in CHECKS[name](*words):
            _print(finding)
    except UsageError as error:
        _print(Finding(name, BROKEN, str(error)))
    except Exception as error:  # a broken installation may raise anything
        text = " ".join(f"{type(error).__name__}: {error}".split())
        _print(Finding(name, BROKEN, text, ADVICE[name]))
    os._exit(0)


def _print(finding: Finding) -> None:
    print(json.dumps(astuple(finding)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
