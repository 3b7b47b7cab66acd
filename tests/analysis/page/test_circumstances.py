"""Hosts, failed attempts, memory and curves on a page, beside what was recorded of them."""

import json

import pandas as pd
import pytest

from analysis import page
from analysis.page import costs, trials
from analysis.page.circumstances import circumstances
from analysis.page.lines import lined
from analysis.results import load
from analysis.storage import provenance


def done(host: str, **facts: object) -> dict[str, object]:
    return {"state": "done", "epoch": 120, "host": host} | facts


def curves(table: trials.TrialTable) -> list[str]:
    (at,) = (n for n, head in enumerate(table["heads"]) if head["curve"])
    return [row[at][0] for row in table["rows"]]


@pytest.fixture
def ran(results):
    """Returns a study of three trials on two hosts, one of which failed twice in two launches."""
    for seed, host in enumerate(("aa", "bb", "aa")):
        trial = results.vae(1, 2, seed)
        rows = [results.row(trial, epoch, 100.0 + seed) for epoch in (40, 80, 120)]
        facts = {
            "peak_bytes": (1.25 + seed) * 1e9,
            "profile": {"training": 3, "measuring": 60.0 * seed},
        }
        results.add(trial, rows, done(host, **facts), key=f"k{seed}")
    study = results.close()
    record = json.loads((study / "study.json").read_text())
    record["launches"] = [{"profile": {"retried": {"k1": 1}}}, {"profile": {"retried": {"k1": 1}}}]
    (study / "study.json").write_text(json.dumps(record))
    return study


def found(study):
    frame = lined(load(study))
    return frame, circumstances(frame, study, provenance.provenance(study))


def test_hosts_are_numbered_and_attempts_added_up(ran):
    _, seen = found(ran)
    assert list(seen.index) == ["k0", "k1", "k2"]
    assert list(seen["host"]) == [1, 2, 1]
    assert list(seen["retried"].fillna(0)) == [0, 2, 0]
    assert list(seen["measuring"]) == [0.0, 60.0, 120.0]


def test_one_host_needs_no_number(results):
    results.add(results.vae(1, 2, 0), [results.row(results.vae(1, 2, 0), 120, 1.0)], done("aa"))
    frame, seen = found(results.close())
    assert seen["host"].isna().all()
    heads = [head["text"] for head in trials.table(frame, seen)["heads"]]
    assert "host" not in heads and "retried" not in heads and heads[-1] == "trial"


def test_damaged_records_count_as_missing(results):
    values = done("aa", peak_bytes="much", profile=[1])
    results.add(results.vae(1, 2, 0), [results.row(results.vae(1, 2, 0), 120, 1.0)], values)
    study = results.close()
    frame = lined(load(study))
    seen = circumstances(frame, study, {"launches": [{"profile": {"retried": {"k": "x"}}}, 3]})
    assert seen[["peak_bytes", "measuring", "retried"]].isna().all(axis=None)
    assert circumstances(frame, None, {}).isna().all(axis=None)


def test_planned_and_used_memory_are_the_largest_of_a_cell(ran):
    plan = {f"k{seed}": {"hours": 0.1, "memory_bytes": (2 + seed) * 1e9} for seed in range(3)}
    (ran / "plan.json").write_text(json.dumps({"trials": plan}))
    frame, seen = found(ran)
    (row,) = costs.against_plan(frame, ran, seen)
    assert row["planned_gb"] == 4.0 and row["used_gb"] == pytest.approx(3.25)
    assert row["planned"] == pytest.approx(18) and row["took"] == pytest.approx(3 + 3 * 3.1 / 60)
    assert "GB used" in page.write(ran).read_text()


@pytest.mark.parametrize(("device", "context", "expected"), [
    ("cuda", 0.5e9, 1.5), ("cuda:0", None, None), ("cpu", 0.5e9, 2.0), (3, 0.5e9, 2.0),
])  # fmt: skip
def test_planned_memory_on_a_gpu_is_that_without_the_context(results, device, context, expected):
    """As the recorded one is; an older plan does not say how much of it the context is."""
    trial = results.vae(1, 2, 0)
    facts = {"peak_bytes": 1e9, "device": device}
    results.add(trial, [results.row(trial, 120, 1.0)], done("aa", **facts), key="k")
    plan = {"hours": 0.1, "memory_bytes": 2e9, "context_bytes": context}
    study = results.close()
    (study / "plan.json").write_text(json.dumps({"trials": {"k": plan}}))
    frame, seen = found(study)
    (row,) = costs.against_plan(frame, study, seen)
    assert (row["planned_gb"], row["used_gb"]) == (expected, 1.0)


@pytest.mark.parametrize("plan", [[], {"trials": 3}, {"trials": {"k0": 1, "k1": {"hours": "x"}}}])
def test_a_damaged_plan_counts_as_missing(ran, plan):
    (ran / "plan.json").write_text(json.dumps(plan))
    frame, seen = found(ran)
    (row,) = costs.against_plan(frame, ran, seen)
    assert row["planned"] is None and row["planned_gb"] is None


def test_memory_that_was_not_recorded_has_no_column(results):
    results.fill(seeds=range(2))
    frame, seen = found(study := results.close())
    assert {row["used_gb"] for row in costs.against_plan(frame, study, seen)} == {None}
    assert "GB used" not in page.write(study).read_text()


def test_curves_share_their_axes_and_are_in_the_order_of_the_rows(ran):
    frame, seen = found(ran)
    drawn = curves(trials.table(frame, seen))
    heights = [float(path.rpartition(" ")[2]) for path in drawn]
    assert heights == sorted(heights) and len(set(heights)) == 3  # a lower ELBO is farther down
    single = frame[frame["epoch"] == 120]
    assert curves(trials.table(single, seen)) == ["", "", ""]


def test_long_curves_are_thinned(results):
    trial = results.vae(1, 2, 0)
    results.add(trial, [results.row(trial, epoch, 100.0) for epoch in range(1, 1001)])
    frame, seen = found(results.close())
    (path,) = curves(trials.table(frame, seen))
    assert 10 < path.count("L") <= trials.CURVE_POINTS


def test_a_trial_without_its_metric_has_no_curve(ran):
    frame, seen = found(ran)
    frame.loc[frame["key"] == "k0", "test_elbo"] = pd.NA
    assert curves(trials.table(frame, seen))[0] == ""
