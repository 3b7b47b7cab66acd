"""A tiny study of a user's network and likelihood through Ray: workers load the module too."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.cluster
EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_users_network_and_likelihood_are_trained_by_workers(study):
    files = [str(EXAMPLES / f"own_{name}.py") for name in ("network", "likelihood")]
    modules = [word for file in files for word in ("--module", file)]
    run = study.run(
        "--smoke-test", "--no-figures", "--source", "normal",
        "--m-z", "1", "--n-c", "2", "--seeds", "0",
        *modules, "--set", "network=shallow", "likelihood=laplace",
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    (folder,) = study.folders()
    made = json.loads((folder / "trial.json").read_text())
    assert made["modules"] == {"network": files[0], "likelihood": files[1]}
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    assert rows[-1]["epoch"] == 4 and rows[-1]["d_z"] == 4
