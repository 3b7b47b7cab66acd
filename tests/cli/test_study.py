"""A study's command: plans without Ray and data, errors as sentences, and nothing hangs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ray._private import services

from scaling.cli.axes import override
from scaling.cli.options import Parser, parser
from studies.double_descent import PRESETS, trials

ROOT = Path(__file__).parents[2]


def study(*words, results=None, **environment):
    command = [sys.executable, str(ROOT / "studies" / "double_descent.py"), *map(str, words)]
    if results:
        command += ["--results", str(results)]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}
    )


def refused(run, *words):
    assert run.returncode == 2, run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    assert run.stderr.startswith("Error: ")
    assert run.stderr.count("\n") == 1
    for word in words:
        assert word in run.stderr


@pytest.mark.parametrize(("words", "message"), [
    (["--dataset", "mnits"], ["cifar10, digits, fashion_mnist, mnist"]),
    (["--source", "dmaap"], ["aug_naive, aug_tuned, dmaapx, mollify, normal"]),
    (["--preset", "tiny"], ["Known: cifar10, cifar10-draws, digits"]),
    (["--sed", "1"], ["--sed", "--seeds"]),
    (["--set", "learning_rate=1"], ["Known fields:", "lr"]),
    (["--set", "lr=fast"], ["a number is expected"]),
    (["--set", "lr"], ["FIELD=VALUE"]),
    (["--set", "source.kk=1"], ["Known fields:", "real_share"]),
    (["--m-z", "0"], ["--m-z: '0'", "at least 1"]),
    (["--m-z", "two"], ["--m-z"]),
    (["--seeds", "1", "0-2"], ["is given twice"]),
    (["--seeds", "2-"], ["ranges"]),
    (["--epochs", "0"], ["--epochs: '0'", "at least 1"]),
    (["--measure-every", "0"], ["--measure-every: '0'", "at least 1"]),
    (["--json"], ["--dry-run"]),
    (["--train-size", "5000"], ["--train-size 1598"]),
    (["--gpus-per-trial", "-1"], ["--gpus-per-trial"]),
    (["--gpus-per-trial", "1.5"], ["--gpus-per-trial"]),
    (["--gpus-per-trial", "half"], ["--gpus-per-trial"]),
    (["--cpus-per-trial", "0"], ["--cpus-per-trial"]),
    (["--wait-for-gpus", "-1"], ["--wait-for-gpus"]),
    (["--results", "s3://bucket/x"], ["s3://bucket/x is an address"]),
    (["--results", "gs://bucket/x", "--dry-run"], ["is an address"]),
    (["--preset", "cifar10"], ["planned for a GPU", "--gpus-per-trial 0"]),
    (["--dataset", "cifar10", "--offline", "--data-root", "nowhere"], ["cifar10", "nowhere"]),
])  # fmt: skip
def test_wrong_words_list_the_right_ones(tmp_path, words, message):
    refused(study(*words, results=tmp_path), *message)


@pytest.mark.cluster(alone=True)
@pytest.mark.parametrize(("words", "message"), [
    (["--address", "auto"], ["No Ray cluster", "ray start --head"]),
    (["--address", "127.0.0.1:1"], ["Nothing listens", "127.0.0.1:1"]),
    (["--address", "192.0.2.77:6379"], ["Nothing listens"]),
    (["--address", "nowhere"], ["HOST:PORT"]),
    (["--address", "ray://127.0.0.1:10001"], ["HOST:PORT"]),
    (["--gpus-per-trial", "0.25"], ["--gpus-per-trial 0"]),
    (["--cpus-per-trial", "4000"], ["--cpus-per-trial"]),
])  # fmt: skip
def test_an_environment_that_cannot_work_is_refused_in_a_sentence(
    tmp_path, ray_folder, words, message
):
    if words == ["--address", "auto"] and services.find_gcs_addresses():
        pytest.skip("another Ray runs on this machine, and auto finds it")
    run = study("--smoke-test", *words, results=tmp_path, RAY_TMPDIR=ray_folder)
    refused(run, *message)


@pytest.mark.cluster(alone=True)
def test_a_port_that_never_answers_is_given_up(tmp_path):
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        refused(study("--smoke-test", "--address", address, results=tmp_path), address)


def test_an_unwritable_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    refused(study(results=tmp_path / "file" / "results"), "cannot be written", "--results")


def test_help_and_plan_need_neither_torch_nor_ray_nor_data():
    script = "import runpy, sys; sys.argv[1:] = {words!r}\n"
    script += "try: runpy.run_path({path!r}, run_name='__main__')\n"
    script += "except SystemExit as stop: assert not stop.code\n"
    script += "heavy = {{'torch', 'ray', 'pandas', 'matplotlib', 'sklearn'}} & set(sys.modules)\n"
    script += "assert not heavy, heavy"
    path = str(ROOT / "studies" / "double_descent.py")
    for words in (["--help"], ["--dry-run", "--preset", "paper"]):
        done = subprocess.run(
            [sys.executable, "-c", script.format(words=words, path=path)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr


def test_the_json_plan_has_these_fields(tmp_path):
    run = study("--preset", "paper", "--dry-run", "--json", results=tmp_path / "none")
    assert run.returncode == 0, run.stderr
    plan = json.loads(run.stdout)
    (model,) = (row for row in plan["trials"] if row["kind"] == "diffusion")
    assert model["parameters"] == 55_732_739
    assert model["m_z"] is None
    vaes = [row for row in plan["trials"] if row["kind"] == "vae"]
    assert {row["source"] for row in vaes} == {"normal", "dmaapx"}
    rows = {(row["m_z"], row["n_c"]): row for row in vaes}
    assert len(vaes) == 2 * len(rows) == 86  # the paper's runs of Figure 7
    path = [(1, 2**i) for i in range(9)] + [(2**i, 256) for i in range(1, 7)] + [(64, 512)]
    assert set(path) <= set(rows)
    for (m_z, n_c), row in rows.items():
        assert row["parameters"] == 120 * n_c**2 + 174 * n_c + 3 * n_c * m_z + 2 * m_z + 100
        assert row["state"] == "new"
        assert 0 < row["gpus"] <= 1
        assert {"key", "dataset", "source", "seed", "parameters_z", "flops", "memory_bytes"} <= (
            row.keys()
        )
    assert plan["total"]["trials"] == len(plan["trials"]) == len(vaes) + 1
    (pool,) = plan["pools"]
    assert pool["bytes"] == 10 * 50_000 * 3 * 32 * 32
    assert not (tmp_path / "none").exists()


def overridden(*words, preset="digits"):
    options = parser("", PRESETS).parse_args(words)
    return override(trials(PRESETS[preset]), options)


def test_axes_override_the_preset():
    both = overridden("--m-z", "1", "3", "--n-c", "5", "7", "--seeds", "4-5")
    assert {(t.m_z, t.n_c, t.seed) for t in both} == {
        (m, n, s) for m in (1, 3) for n in (5, 7) for s in (4, 5)
    }
    one = overridden("--m-z", "3")
    assert {t.m_z for t in one} == {3}
    assert {t.n_c for t in one} == {t.n_c for t in trials(PRESETS["digits"])}
    fields = overridden("--set", "lr=0.1", "0.2", "--set", "mol_mix=per_channel", "--m-z", "1")
    assert {t.lr for t in fields} == {0.1, 0.2}
    assert {t.mol_mix for t in fields} == {"per_channel"}
    moved = overridden("--dataset", "mnist", "--train-size", "100")
    assert {(t.likelihood, t.train_size) for t in moved} == {("bernoulli", 100)}


def test_the_presets_hold_figure_8s_path():
    for name, preset in PRESETS.items():
        cells = {(t.m_z, t.n_c) for t in trials(preset)}
        assert {(1, n) for n in preset.n_c} <= cells, name
        assert {(m, preset.n_c_fixed) for m in preset.m_z} <= cells, name
        assert {(max(preset.m_z), n) for n in preset.n_c_beyond} <= cells, name


def test_flags_may_not_be_shortened():
    assert isinstance(parser("", PRESETS), Parser)
    with pytest.raises(Exception, match="Unrecognized"):
        parser("", PRESETS).parse_args(["--seed", "1"])
