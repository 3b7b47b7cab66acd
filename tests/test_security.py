"""No pickle is loaded, no name points outside the results, no port is open to other machines."""

import ast
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.errors import UsageError
from scaling.pools import spec as pool_spec
from scaling.pools.pool import Pool
from scaling.storage.files import write_json
from scaling.storage.store import Store
from scaling.trial import Source, TwoSampleTrial, VaeTrial, key
from tests.narrow import not_none
from tests.small_pool import SPEC, build

ROOT = Path(__file__).parents[1]
SOURCES = [p for part in ("scaling", "analysis", "studies") for p in (ROOT / part).rglob("*.py")]
UNPICKLERS = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
FORBIDDEN = {"eval", "exec", "read_pickle", "unsafe_load", "system", "popen"}
SAFE = {"load": ("allow_pickle", "weights_only"), "NpzFile": ("allow_pickle",)}
TRIAL = VaeTrial("digits", n_c=2)


def name_of(call):
    return getattr(call.func, "attr", None) or getattr(call.func, "id", "")


def owner_of(call):
    return getattr(getattr(call.func, "value", None), "id", "")


def unpickles(node):
    """Returns True if the import is of a package that loads pickles."""
    names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
    return bool({name.split(".")[0] for name in names} & UNPICKLERS)


def runs_text(call):
    """Returns True if the call may run a text or a pickle: numpy and torch must forbid pickles."""
    words = {word.arg: getattr(word.value, "value", None) for word in call.keywords}
    plain = isinstance(call.func, ast.Name) or owner_of(call) in ("os", "builtins", "pd")
    if (name_of(call) in FORBIDDEN and plain) or words.get("shell") is True:
        return True
    if owner_of(call) not in ("np", "numpy", "torch", "") or name_of(call) not in SAFE:
        return False
    if isinstance(call.func, ast.Name) and name_of(call) == "load":
        return False  # this project's own function of that name
    given = [words[word] for word in SAFE[name_of(call)] if word in words]
    return given != [owner_of(call) == "torch"]


def test_the_source_loads_no_pickle_and_runs_no_text():
    wrong = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if (isinstance(node, ast.Import | ast.ImportFrom) and unpickles(node)) or (
                isinstance(node, ast.Call) and runs_text(node)
            ):
                wrong.append(f"{path.relative_to(ROOT)}: {ast.unparse(node)}")
    assert SOURCES and wrong == []


@pytest.mark.parametrize("code", [
    "import pickle", "from joblib import load", "eval(text)", "os.system(text)",
    "run(text, shell=True)", "np.load(path)", "np.load(path, allow_pickle=True)",
    "torch.load(path)", "torch.load(path, weights_only=False)", "NpzFile(path)",
])  # fmt: skip
def test_what_would_load_a_pickle_or_run_a_text_is_noticed(code):
    node = ast.parse(code).body[0]
    assert runs_text(node.value) if isinstance(node, ast.Expr) else unpickles(node)


def test_nothing_listens_on_all_interfaces():
    for path in [*SOURCES, ROOT / "README.md"]:
        text = path.read_text()
        assert "0.0.0.0" not in text, path
        assert "bind_all" not in text, path


NASTY = st.text(st.sampled_from("./\\~$*: a-_\n\0é"), max_size=12)


@settings(deadline=None)
@given(NASTY, NASTY)
def test_no_name_of_a_trial_points_outside_the_results(dataset, pool):
    pooled = Source(real_share=0.0, k=1, pool=pool)
    named = VaeTrial(f"{dataset}.npz", source=pooled)
    for trial in (named, TwoSampleTrial(f"{dataset}.npz", pool=pool)):
        path = Store(Path("/results")).folder(key(trial)).path
        assert Path(os.path.normpath(path)).parent == Path("/results/trials")
        assert "\0" not in path.name
        assert trial.reads_pool == pool


@pytest.mark.parametrize("name", ["../../outside/p", "{tmp}/outside/p", "link"])
def test_a_trial_reads_no_pool_outside_the_results(tmp_path, name):
    build(tmp_path / "outside" / "p", 1)
    store = Store(tmp_path / "results")
    (tmp_path / "results" / "pools").mkdir(parents=True)
    (tmp_path / "results" / "pools" / "link").symlink_to(tmp_path / "outside" / "p")
    source = Source(real_share=0.0, k=1, pool=name.format(tmp=tmp_path))
    with pytest.raises(UsageError, match="out of"):
        Pool.load(
            store.pool(not_none(replace(TRIAL, source=source).reads_pool)),
            tmp_path / "results" / "pools",
        )


@pytest.mark.parametrize("field", ["name", "model"])
@pytest.mark.parametrize("value", ["../x", "/x", "..", "a/b", "a\\b", ""])
def test_no_pool_names_a_path(tmp_path, field, value):
    write_json(tmp_path / "pool.json", {"format": 1, "chunks": []} | asdict(SPEC) | {field: value})
    with pytest.raises(UsageError, match="is damaged .*(Use letters, digits|not a trial's key)"):
        pool_spec.read_record(tmp_path)


def test_no_pool_lists_a_chunk_elsewhere(tmp_path):
    build(tmp_path / "p", 1)
    record = json.loads((tmp_path / "p" / "pool.json").read_text())
    record["chunks"][0]["file"] = "../../chunk-00000.npy"
    write_json(tmp_path / "p" / "pool.json", record)
    with pytest.raises(UsageError, match="is impossible"):
        Pool.load(tmp_path / "p", tmp_path)


def test_a_trial_moved_in_from_elsewhere_is_refused(tmp_path):
    folder = Store(tmp_path / "theirs").folder(key(TRIAL))
    folder.create(TRIAL)
    target = Store(tmp_path / "ours").folder("renamed")
    target.path.parent.mkdir(parents=True)
    os.replace(folder.path, target.path)
    with pytest.raises(UsageError, match="name or file was changed"):
        target.trial()


LISTENING = """
import json, os, subprocess, sys
from pathlib import Path
from scaling.cluster import connect
import ray
connect.connect("local")
mine = {os.getpid()}
parents = {int(p.name): int((p / "stat").read_text().rpartition(")")[2].split()[1])
           for p in Path("/proc").glob("[0-9]*") if (p / "stat").exists()}
while more := {p for p, parent in parents.items() if parent in mine} - mine:
    mine |= more
inodes = set()
for pid in mine:
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            inodes.add(os.readlink(link))
        except OSError:
            pass
found = []
for table in ("tcp", "tcp6"):
    for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
        words = line.split()
        if words[3] == "0A" and f"socket:[{words[9]}]" in inodes:
            found.append(words[1].partition(":")[0])
token = Path.home() / ".ray" / "auth_token"
answer = {"addresses": found, "token": os.environ.get("RAY_AUTH_MODE")}
answer |= {"mode": oct(token.stat().st_mode)[-3:], "words": len(token.read_text())}
question = "from ray._raylet import GcsClient; GcsClient(address={!r}).get_all_node_info()"
asked = [sys.executable, "-c", question.format(ray.get_runtime_context().gcs_address)]
named = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
elsewhere = named | {"HOME": os.environ["RAY_TMPDIR"] + "/nobody"}
stranger = subprocess.run(asked, env=elsewhere, capture_output=True, text=True)
owner = subprocess.run(asked)
answer |= {"stranger": [stranger.returncode, stranger.stderr], "owner": owner.returncode}
print(json.dumps(answer | {"dashboard": ray._private.worker._global_node.webui_url}))
"""
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


@pytest.mark.cluster
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_local_ray_listens_to_this_machine_and_this_user_only(ray_folder):
    done = subprocess.run(
        [sys.executable, "-c", LISTENING],
        capture_output=True,
        text=True,
        env={**os.environ, "RAY_TMPDIR": ray_folder, "HOME": ray_folder},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert not answer["dashboard"]
    assert answer["token"] == "token"
    assert answer["owner"] == 0
    assert answer["stranger"][0] and "uthentication token" in answer["stranger"][1]
    assert answer["words"] >= 32
    assert answer["mode"] == "600"
    assert len(answer["addresses"]) > 2
    assert set(answer["addresses"]) <= LOOPBACK
