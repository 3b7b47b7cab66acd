"""Claims at each trial's best epoch: which rows are taken, and what training too long makes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import figures, results
from analysis.__main__ import main as cli
from analysis.claims import CLAIMS, ledger, main
from analysis.claims.best_epochs import at_best, best_lines
from analysis.claims.judging import FAILS, HOLDS
from analysis.curves import EARLY
from analysis.laws.worth import worths
from analysis.trial_folder import ResultsError

DIGITS = Path(__file__).parents[3] / "analysis" / "published" / "digits-replicates"
BETTER = "test ELBO: diffusion samples, normal"


def trained(source, curve, seeds=5, **fields):
    """Makes trials whose validation ELBO by epoch is the curve, and whose test ELBO is near it."""
    rows = [
        {"key": f"{source}-{fields}-{seed}", "kind": "vae", "state": "done", "source": source}
        | {"dataset": "cifar10", "m_z": 1, "n_c": 256, "seed": seed, "epoch": epoch}
        | {"validation_elbo": y, "test_elbo": y + 0.01 * seed * epoch, "generalization_gap": 1.0}
        | {"source_real_share": 0.0 if source == "dmaapx" else 1.0, "source_k": 10}
        | fields
        for seed in range(seeds)
        for epoch, y in enumerate(curve, start=1)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def digits():
    return results.load(DIGITS / "data_sources.parquet")


def test_rows_are_those_that_a_search_over_all_rows_finds(digits):
    found = at_best(digits).set_index("key")
    done = digits[(digits["kind"] == "vae") & (digits["state"] == "done")]
    for key, rows in done.groupby("key"):
        best = max(rows.to_dict("records"), key=lambda row: row["validation_elbo"])
        assert found.loc[key, "test_elbo"] == best["test_elbo"]
        assert found.loc[key, "train_elbo"] == best["train_elbo"]
        assert found.loc[key, "epoch"] == rows["epoch"].max()
    assert len(found[found["kind"] == "vae"]) == done["key"].nunique()


def test_what_only_training_too_long_makes_is_gone():
    over, samples = [-100, -90, -95, -120], [-110, -100, -95, -90.001]
    frame = pd.concat([trained("normal", over), trained("dmaapx", samples)])
    claims = [claim for claim in CLAIMS if claim.name == BETTER]
    assert ledger(frame, claims)["verdict"].tolist() == [HOLDS]
    (at_its_best,) = ledger(at_best(frame), claims).to_dict("records")
    assert at_its_best["difference"] == pytest.approx(0.039)  # 0.01 * seed * 2 epochs, on average
    worse = pd.concat([trained("normal", over), trained("dmaapx", [-110, -100, -95, -92])])
    assert ledger(at_best(worse), claims)["verdict"].tolist() == [FAILS]


def test_a_method_that_begins_later_is_taken_from_then_on():
    curve = [-100, -90, -95, -94, -93, -92, -96, -97, -98, -99]
    assert set(at_best(trained("normal", curve))["validation_elbo"]) == {-90}
    for late in ({"half_asleep_from": 6}, {"source_mollify_epochs": 6}):
        assert set(at_best(trained("normal", curve, **late))["validation_elbo"]) == {-96}


def test_metrics_of_other_epochs_are_missing():
    frame = trained("normal", [-100, -90, -95])
    last, best = frame["epoch"] == 3, frame["epoch"] == 2
    frame["amortization_gap"] = np.where(last | (best & (frame["seed"] == 0)), 5.0, np.nan)
    frame["psnr_mean"] = np.where(last | best, 20.0, np.nan)
    found = at_best(frame)
    assert "amortization_gap" not in found or found["amortization_gap"].isna().all()
    assert set(found["psnr_mean"]) == {20.0}


def test_the_ledger_says_which_epochs_are_judged(tmp_path, capsys):
    written = [tmp_path / "best.csv", tmp_path / "last.csv", tmp_path / "best.md"]
    for path, best in zip(written, (True, False, True), strict=True):
        main(DIGITS / "data_sources.parquet", path, best=best)
    main(DIGITS / "data_sources.parquet", best=True)
    assert "Each VAE is taken at its epoch with the best validation" in capsys.readouterr().out
    assert set(pd.read_csv(written[0])["at"]) == {"best validation epoch"}
    assert set(pd.read_csv(written[1])["at"]) == {"last epochs"}
    assert "best validation ELBO" in written[2].read_text()


def test_without_validation_images_there_is_no_best_epoch():
    frame = trained("normal", [-100, -90]).drop(columns="validation_elbo")
    with pytest.raises(ResultsError, match="validation_elbo is not measured in these results"):
        at_best(frame)


def test_a_report_shows_what_early_stopping_leaves():
    over, samples = [-100, -90, -95, -120], [-110, -100, -95, -91]
    frame = pd.concat([trained("normal", over), trained("dmaapx", samples)])
    head, line, _ = best_lines(frame)
    assert "at the last epochs -> at each trial's best validation epoch" in head
    # Test ELBOs are 0.01 * 2 * epoch higher than validation ELBOs, on average over seeds.
    assert line.endswith(": normal -119.9 -> -90.0, DMaaPx -90.9 -> -90.9")
    assert line.startswith("  cifar10, 5 seeds")
    assert best_lines(trained("normal", over)) == []


def test_worth_is_estimated_and_drawn_at_the_best_epochs_too(tmp_path):
    rows = DIGITS / "data_scaling.parquet"
    written = [tmp_path / "best.csv", tmp_path / "last.csv"]
    for path, flags in zip(written, (["--best"], []), strict=True):
        assert cli(["worth", *flags, "--results", str(rows), "-o", str(path)]) == 0
    best, last = map(pd.read_csv, written)
    expected = worths(at_best(results.load(rows)))
    assert best["images"].tolist() == pytest.approx([one.images for one in expected], nan_ok=True)
    assert (best["images"] < last["images"]).all()  # the VAEs on real images overfit more
    figure = figures.draw("worth", at_best(results.load(rows)))
    caption = " ".join(text.get_text() for text in figure.texts)
    assert "best validation ELBO" in caption and "5 random splits of these images" in caption
    assert cli(["fig7", "--best", "--results", str(rows)]) == 2  # draws values at the last epochs


def test_a_law_of_the_best_epochs_has_another_exponent(tmp_path, capsys):
    """At the last epochs small training sets are overfitted by far, which steepens the law."""
    words = ["law", "--x", "train_size", "--where", "source==normal", "n_c==32"]
    words += ["--results", str(DIGITS / "data_scaling.parquet"), "-o"]
    found = []
    for flags in ([], ["--best"]):
        assert cli([*words, str(tmp_path / "law.csv"), *flags]) == 0
        output = capsys.readouterr().out
        assert output.startswith(EARLY) == bool(flags)
        found.append(float(output.partition("exponent alpha = ")[2].split()[0]))
    assert found[1] < found[0]
