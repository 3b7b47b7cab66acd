"""Costly metrics during a study and afterwards: from kept models, only missing values."""

import json
from dataclasses import replace

import pytest

from tests.cluster.conftest import ALONE

pytestmark = pytest.mark.cluster
GAPS = {"amortization_gap", "optimal_elbo", "robustness_gap", "robustness_variant"}


def rows(folder):
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]


def test_gaps_are_measured_at_listed_epochs_and_another_metric_later(study):
    widths = replace(study, name="latent_width")
    run = widths.run("--smoke-test", "--n-c", "2", *ALONE)
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(study.folders()) == 4
    before = {folder: rows(folder) for folder in study.folders()}
    for found in before.values():
        assert [row["epoch"] for row in found] == [2, 4]
        assert all(row.keys() >= GAPS for row in found)
        assert all(row["amortization_gap"] > -0.5 for row in found)
    assert (study.results / "latent_width" / "figures" / "fig6.csv").is_file()

    first = study.folders()[0]
    damaged = [dict(row) for row in before[first]]
    del damaged[0]["robustness_gap"], damaged[0]["robustness_variant"]
    for name in [name for name in damaged[0] if "ms_ssim" in name or "robust" in name]:
        del damaged[0][name]
    damaged[0].pop("symmetric_kl", None)
    (first / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in damaged))
    later = replace(study, name="evaluate")
    run = later.run(
        *("--metric", "robustness_gap", "psnr_mean", "--setting", "n_ref=20", "n_attack=2"), *ALONE
    )
    assert run.returncode == 0, run.stdout + run.stderr
    for folder, old in before.items():
        for row, was in zip(rows(folder), old, strict=True):
            assert row.items() >= was.items()
            assert row["psnr_mean"] > 0

    run = later.run("--metric", "psnr")
    assert "0 of them lack" in run.stdout
    wrong = later.run("--metric", "psnr", "--where", "mz>1")
    assert wrong.returncode == 2
    assert "There is no column 'mz'. Did you mean 'm_z'" in wrong.stderr
