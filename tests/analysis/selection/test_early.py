"""Each VAE at its best epoch: which rows are taken, and what training too long makes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import figures, results
from analysis.__main__ import main as cli
from analysis.claims import CLAIMS, ledger, main
from analysis.claims.rules.judging import FAILS, HOLDS
from analysis.errors import ResultsError
from analysis.laws.worth import worths
from analysis.selection.early import SENTENCE, at_best
from analysis.storage.unmeasured import unmeasured, with_unmeasured
from tests.analysis.over_epochs import trained

DIGITS = Path(__file__).parents[3] / "analysis" / "published" / "digits-replicates"
BETTER = "test ELBO: diffusion samples, normal"


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


def test_a_law_of_the_best_epochs_has_another_exponent(tmp_path, capsys):
    """At the last epochs small training sets are overfitted by far, which steepens the law."""
    words = ["law", "--x", "train_size", "--where", "source==normal", "n_c==32"]
    words += ["--results", str(DIGITS / "data_scaling.parquet"), "-o"]
    found = []
    for flags in ([], ["--best"]):
        assert cli([*words, str(tmp_path / "law.csv"), *flags]) == 0
        output = capsys.readouterr().out
        assert output.startswith(SENTENCE) == bool(flags)
        found.append(float(output.partition("exponent alpha = ")[2].split()[0]))
    assert found[1] < found[0]


DRAWN = {
    "fig4r": "sample_budget", "fig7": "double_descent", "fig15": "mixtures",
    "fig16": "diffusion_subsets", "heat": "double_descent", "table7": "data_sources",
}  # fmt: skip


@pytest.mark.parametrize(("name", "study"), DRAWN.items())
def test_figures_of_final_values_are_drawn_at_the_best_epochs(name, study, tmp_path):
    rows = DIGITS / f"{study}.parquet"
    assert cli([name, "--best", "--results", str(rows), "-o", str(tmp_path / "best.csv")]) == 0
    assert cli([name, "--results", str(rows), "-o", str(tmp_path / "last.csv")]) == 0
    best, last = pd.read_csv(tmp_path / "best.csv"), pd.read_csv(tmp_path / "last.csv")
    assert set(best["at"]) == {"best validation epoch"} and "at" not in last
    expected = figures.numbers(name, at_best(figures.load(name, rows)))
    assert best["mean"].tolist() == pytest.approx(expected["mean"].tolist())
    assert 0 < len(best) <= len(last)  # costly gaps are missing
    assert not set(best["mean"]) <= set(last["mean"])
    figure = figures.draw(name, at_best(figures.load(name, rows)))
    assert SENTENCE in " ".join(" ".join(t.get_text() for t in figure.texts).split())


def test_heat_map_at_the_best_epochs_has_each_cells_mean(tmp_path):
    """The slow way: for each trial a search over its rows, then a mean over trials of a cell."""
    rows = DIGITS / "double_descent.parquet"
    frame = results.load(rows)
    done = frame[(frame["kind"] == "vae") & (frame["state"] == "done")]
    cells: dict[tuple, list[float]] = {}
    for _, trial in done.groupby("key"):
        best = max(trial.to_dict("records"), key=lambda row: row["validation_elbo"])
        place = (best["source"], best["m_z"], best["n_c"])
        cells.setdefault(place, []).append(-best["test_elbo"])
    chosen = at_best(figures.load("heat", rows))
    drawn = figures.numbers("heat", chosen)
    caption = " ".join(figures.draw("heat", chosen).get_supxlabel().split())
    assert "best validation epoch; hatched" in caption and "last epochs" not in caption
    for row in drawn.to_dict("records"):
        values = cells[row["source"], row["m_z"], row["n_c"]]
        assert row["mean"] == pytest.approx(np.mean(values)) and row["n"] == len(values)


@pytest.mark.parametrize("name", ["fig2", "fig8", "fig10", "table11"])
def test_other_figures_say_which_ones_can_be_drawn_at_the_best_epochs(name, capsys):
    assert cli([name, "--best", "--results", str(DIGITS / "data_sources.parquet")]) == 2
    said = capsys.readouterr().err
    assert f"{name} takes no --best" in said and ", ".join(figures.FINAL) in said


def test_a_table_names_gaps_that_were_not_measured_at_the_best_epochs(tmp_path, capsys):
    rows = DIGITS / "data_sources.parquet"
    for suffix, start in (("txt", ""), ("md", ""), ("tex", "% ")):
        path = tmp_path / f"table.{suffix}"
        assert cli(["table7", "--best", "--results", str(rows), "-o", str(path)]) == 0
        *_, lost, last = path.read_text().splitlines()
        assert last == f"{start}{SENTENCE}"
    assert cli(["table7", "--best", "--results", str(rows)]) == 0
    printed = capsys.readouterr().out
    assert "Not measured at the best epochs: amortization (nats), robustness (MS-SSIM)" in printed


def test_trials_that_are_not_finished_are_still_named():
    frame = trained("normal", [-100, -90, -95])
    frame.loc[frame["seed"] == 4, "state"] = "running"
    waiting = [{"key": "w", "kind": "vae"}]
    kept = at_best(with_unmeasured(frame, waiting))
    assert unmeasured(kept) == waiting
    assert sorted(kept["state"].value_counts().to_dict().items()) == [("done", 4), ("running", 3)]
