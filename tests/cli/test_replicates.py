"""`scaling-vae replicates`: how many would decide a claim, and running them until they do."""

import json
import shlex
import sys

import numpy as np
import pandas as pd
import pytest

from analysis import results as read
from analysis.claims import primary
from scaling.__main__ import _parser
from scaling.cli import replicates
from scaling.errors import UsageError
from scaling.storage.formats import write_versioned
from tests.analysis.claim_worlds import frame as made
from tests.analysis.claim_worlds import true

NAME = "test ELBO: diffusion samples, normal"
TYPED = ["/somewhere/scaling-vae", "study", "data_sources", "--preset", "digits"]
TYPED += ["--set", "lr=0.001", "--replicates", "0-2", "--max-hours", "1", "--data-root", "my data"]
STUB = """
import json, sys
from pathlib import Path
words = sys.argv[1:]
root = Path(words[words.index("--results") + 1])
if "--dry-run" in words:
    print(json.dumps({"total": {"hours": 1.5, "to_run": 28}}))
    sys.exit(0)
with (root / "calls").open("a") as stream:
    stream.write(json.dumps(words) + chr(10))
if (root / "code").exists():
    sys.exit(int((root / "code").read_text()))
if not (root / "lazy").exists():
    (root / "n").write_text(str(int(words[words.index("--replicates") + 1].split("-")[1]) + 1))
"""


def frame_of(n, effect):
    """Makes results of normal training and of samples in n replicates; effects have sd 1."""
    whole = made(true, seeds=range(1))
    plain = whole[(whole["m_z"] == 1) & (whole["n_c"] == 256) & (whole["kind"] == "vae")]
    plain = plain[plain["source_diffusion_share"] == 1]
    arms = {name: plain[plain["source"] == name].iloc[:1] for name in ("normal", "dmaapx")}
    noise, parts = np.random.default_rng(5).normal(size=40), []
    for draw in range(n):
        for name, arm in arms.items():
            value = (effect + noise[draw]) * (name == "dmaapx") + 10 * np.sin(draw)
            key = f"{name}-{draw}"
            parts.append(arm.assign(replicate=draw, seed=0, key=key, test_elbo=value))
    return pd.concat(parts, ignore_index=True).assign(draws="disjoint sets", dataset="mnist")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Makes a results folder in which a stub adds replicates; the file `effect` is the effect."""

    def load(path, *_):
        n, effect = (float((tmp_path / name).read_text()) for name in ("n", "effect"))
        return frame_of(int(n), effect)

    (tmp_path / "n").write_text("3")
    (tmp_path / "effect").write_text("3.0")
    (tmp_path / "data_sources").mkdir()
    about = {"trials": {"normal-0": {}, "dmaapx-0": {}}, "launches": [{"argv": TYPED}]}
    write_versioned(tmp_path / "data_sources" / "study.json", about)
    monkeypatch.setattr(read, "load", load)
    stub = tmp_path / "stub.py"
    stub.write_text(STUB)
    monkeypatch.setattr(replicates, "RUN", (sys.executable, str(stub)))
    return tmp_path


def run(root, *words):
    options = _parser().parse_args(["replicates", "--results", str(root), *words])
    return options.command(options)


def calls(root):
    file = root / "calls"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_each_open_claim_has_a_size_hours_and_a_command_to_type(root, capsys):
    assert run(root) == 0
    message = capsys.readouterr().out
    part = message[message.index(NAME) :]
    assert "would decide it" in part and "1.5 h for 28 more trials: " in part
    line = next(line for line in part.splitlines() if "1.5 h" in line)
    typed = shlex.split(line.partition(": ")[2])
    assert typed[:3] == ["scaling-vae", "study", "data_sources"]
    assert typed[3:9] == ["--preset", "digits", "--set", "lr=0.001", "--data-root", "my data"]
    assert typed[-4:] == ["--results", str(root), "--replicates", "0-4"]
    assert not calls(root)


@pytest.mark.parametrize(("typed", "kept"), [
    (["--replicates", "0-2", "--seeds", "0-1"], ["--seeds", "0-1"]),
    (["--seeds=0-1", "--replicates=0", "1"], ["--seeds=0-1"]),
    (["--seeds", "0-1"], []),  # within one replicate, which the replicates replace
])  # fmt: skip
def test_seeds_beside_replicates_are_run_again(root, typed, kept):
    """The size is planned for means over these seeds."""
    about: dict[str, object] = {"trials": {"normal-0": {}, "dmaapx-0": {}}}
    launch = {"argv": [*TYPED[:5], *typed]}
    write_versioned(root / "data_sources" / "study.json", about | {"launches": [launch]})
    (root / "effect").write_text("1.2")
    assert run(root, "--until-decided", NAME) == 0
    assert calls(root)
    for call in calls(root):
        assert call[4:-4] == kept and call.count("--replicates") == 1


def test_results_without_any_claim_are_reported(root, monkeypatch):
    monkeypatch.setattr("analysis.claims.outlook.outlooks", lambda *_: [])
    with pytest.raises(UsageError, match=r"^No claim is measured in .*\. Run a study first: scal"):
        run(root)


def test_an_effect_that_needs_too_many_replicates_is_reported(root, capsys):
    (root / "n").write_text("10")
    (root / "effect").write_text(str(-float(np.random.default_rng(5).normal(size=40)[:10].mean())))
    assert run(root) == 0
    message = capsys.readouterr().out
    part = message[message.index(NAME) :].partition("\n")[2].partition("\n")[0]
    assert "more than 100 would be needed" in part


def test_until_decided_runs_one_planned_size_after_another(root, capsys):
    """The effect is too small for 5 replicates, and large enough for 10 or 20."""
    (root / "effect").write_text("1.2")
    assert run(root, "--until-decided", NAME) == 0
    sizes = [call[call.index("--replicates") + 1] for call in calls(root)]
    assert sizes[0] == "0-4" and sizes == ["0-4", "0-9", "0-19"][: len(sizes)] and len(sizes) > 1
    assert f"{NAME} [mnist]: holds, decided" in capsys.readouterr().out.splitlines()[-1]
    before = len(calls(root))
    assert run(root, "--until-decided", NAME) == 0
    assert len(calls(root)) == before


def test_until_decided_ends_at_the_last_planned_size(root, capsys):
    (root / "effect").write_text(str(-float(np.random.default_rng(5).normal(size=40)[:20].mean())))
    assert run(root, "--until-decided", NAME) == 0
    assert len(calls(root)) == 3
    assert capsys.readouterr().out.splitlines()[-1] == "No planned size is left."


def test_until_decided_passes_on_the_cap_on_hours_and_ends_at_it(root, capsys, monkeypatch):
    (root / "effect").write_text("1.2")
    hours = iter([0.0, 0.5, 2.5])
    monkeypatch.setattr("time.monotonic", lambda: 3600 * next(hours))
    assert run(root, "--until-decided", NAME, "--max-hours", "2") == 4
    (call,) = calls(root)
    assert call[-2:] == ["--max-hours", "1.5"] and call.count("--max-hours") == 1
    assert "--max-hours reached. Continue with: scaling-vae study" in capsys.readouterr().out


def test_until_decided_ends_with_the_code_of_a_study_that_fails_or_stops(root):
    for code in (3, 4):
        (root / "code").write_text(str(code))
        assert run(root, "--until-decided", NAME) == code
    assert len(calls(root)) == 2


def test_a_study_that_adds_nothing_is_not_run_forever(root, capsys):
    (root / "lazy").touch()
    assert run(root, "--until-decided", NAME) == 3
    assert len(calls(root)) == 1 and "still lacks some" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--max-hours", "1"], "needs --until-decided"),
        (
            ["--until-decided", "duble descent"],
            "Unknown claim 'duble descent'. Did you mean 'double descent'?",
        ),
        (["--until-decided", "smoothness"], "is exploratory"),
        (["--until-decided", "rise-of"], "Unknown claim"),
        (["--until-decided", "double descent"], "is not measured in"),
        (["--max-hour", "1"], "Known flags: "),
    ],
)
def test_bad_input_is_refused_in_one_sentence(root, words, message):
    with pytest.raises(UsageError, match=message.replace("?", r"\?")) as error:
        run(root, *words)
    assert "\n" not in str(error.value) and not calls(root)


def test_without_results_there_is_a_sentence(tmp_path):
    with pytest.raises(UsageError) as error:
        run(tmp_path / "nothing")
    assert "\n" not in str(error.value)


def test_only_primary_claims_may_be_run_until_decided():
    assert replicates._primary([NAME, NAME]) == [NAME]
    assert NAME in primary.PRIMARY
