"""The content of a page, without a browser: foreign text, states, numbers, names."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import claims, curves, page, results
from analysis.errors import ResultsError
from analysis.page import cells, learning, pictures, text, trials
from analysis.page.circumstances import circumstances
from analysis.page.content import content as page_content
from analysis.page.lines import lined
from analysis.selection import early
from analysis.storage.compact import compact
from analysis.storage.trial_folder import read_trial
from tests.analysis.conftest import NORMAL
from tests.narrow import not_none

PUBLISHED = Path(page.__file__).parents[1] / "published" / "digits"


def data(text):
    found = re.search(r'<script type="application/json" id="map-data">(.*?)</script>', text, re.S)
    return json.loads(not_none(found)[1])


def test_an_error_that_is_html_is_escaped(results):
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)> loss not finite"
    results.fill(seeds=range(2))
    trial = results.vae(1, 2, 9)
    results.add(trial, [], {"state": "failed", "epoch": 3, "error": evil}, key="evil<b>")
    file = page.write(results.close())
    text = file.read_text()
    assert file.name == "report.html" and "1 failed" in text
    assert "&lt;script&gt;alert(1)" in text and "<script>alert" not in text
    assert "<img src=x" not in text and "evil<b>" not in text


def test_the_map_has_means_and_intervals_over_seeds(results):
    results.fill({(1, 2): 100.0, (1, 4): 90.0}, seeds=range(3), noise=1.0)
    study = results.close()
    frame = lined(_load(study))
    made = cells.heat_map(frame)
    (row,) = (r for r in made["values"]["final"]["test_elbo"]["normal"] if r[:2] == [1, 2])
    here = frame[(frame["n_c"] == 2) & (frame["epoch"] > 108)]
    each = here.groupby("seed")["test_elbo"].mean()
    half = 4.302653 * each.std(ddof=1) / np.sqrt(3)  # the t quantile of 2 degrees of freedom
    known = [each.mean(), each.mean() - half, each.mean() + half, 3]
    assert row[2:] == pytest.approx(known, rel=1e-5)  # six digits are kept


def test_the_best_epoch_is_chosen_by_validation_images_if_there_are_any(results):
    trial = results.vae(1, 2, 0)
    rows = [results.row(trial, epoch, 100.0) for epoch in (40, 80, 120)]
    for row, test, validation in zip(rows, (-90, -80, -95), (-70, -75, -99), strict=True):
        row |= {"test_elbo": test, "validation_elbo": validation}
    results.add(trial, rows)
    made = cells.heat_map(lined(_load(results.close())))
    assert made["chosen_by"] == "validation_elbo"
    assert made["values"]["best"]["test_elbo"]["normal"] == [[1, 2, -90.0, None, None, 1]]


def test_intervals_are_over_replicates_not_over_seeds_within_one(results):
    for replicate in range(2):
        for seed in range(3):
            trial = results.vae(1, 2, seed, replicate=replicate)
            rows = [results.row(trial, epoch, 100.0 + replicate + seed) for epoch in (40, 120)]
            results.add(trial, rows, key=f"t-{replicate}-{seed}")
    made = cells.heat_map(lined(_load(results.close())))
    ((_, _, mean, low, high, n),) = made["values"]["final"]["test_elbo"]["normal"]
    assert n == 2 and mean == pytest.approx(-101.5) and low < -102 < -101 < high


def test_the_map_leaves_out_what_was_measured_with_different_options(results):
    for seed in range(2):
        trial = results.vae(1, 2, seed)
        how = {"fid": 5.0, "sample_quality_options": ["defaults", "samples=200"][seed]}
        results.add(trial, [results.row(trial, 120, 100.0) | {"roughness": 1.0} | how])
    made = cells.heat_map(lined(_load(results.close())))
    shown = [column["name"] for column in made["columns"]]
    assert "roughness" in shown and "fid" not in shown


def test_a_study_without_rows_has_a_page(results):
    results.add(results.vae(1, 2, 0), [], done=False)
    text = page.write(results.close()).read_text()
    assert "contains no measured epoch yet" in text and "1 waiting" in text


def test_folders_and_machines_are_not_named():
    argv = ["/home/ann/x/studies/double_descent.py", "--results", "/secret", "--epochs", "3"]
    assert text.typed([*argv, "--address=10.0.0.1:6379"]) == "double_descent.py --epochs 3"
    own = [*argv, "--dataset", "/home/ann/my.npz"], [*argv, "--dataset=/home/ann/my.npz"]
    assert text.typed(own[0]) == "double_descent.py --epochs 3 --dataset my.npz"
    assert text.typed(own[1]) == "double_descent.py --epochs 3 --dataset=my.npz"


def test_a_png_holds_its_pixels():
    import base64
    import io

    from matplotlib.image import imread

    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    for each in (pixels, pixels[..., 0]):
        uri = pictures.png_uri(each)
        held = imread(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
        assert (np.round(held * 255).astype(np.uint8) == each).all()


def test_pages_are_found_by_folder_and_by_name(results, tmp_path):
    results.fill(seeds=[0])
    study = results.close()
    assert page.places(results.root) == page.places(results.root, study.name) == [study]
    assert page.places(study) == [study]
    with pytest.raises(ResultsError, match="no study 'dobule'.*Known: double_descent"):
        page.places(results.root, "dobule")
    with pytest.raises(ResultsError, match="End it in .html"):
        page.write(study, tmp_path / "page.pdf")


def _load(study):
    return results.load(study)


def test_a_page_must_be_named_html(tmp_path):
    with pytest.raises(ResultsError, match="is not the name of a page. End it in .html"):
        page.write(tmp_path, tmp_path / "page.txt")


def test_lines_of_trials_that_lack_a_field_are_named(results):
    """A text column without a value keeps it missing, even as text."""
    results.fill({(1, 2): 9.0}, seeds=range(2))
    frame = _load(results.close())
    options = frame.assign(grad_clip=[None, "a"] * (len(frame) // 2)).astype({"grad_clip": "str"})
    assert set(lined(options)["line"]) == {"normal, grad_clip=none", "normal, grad_clip=a"}


def test_the_page_of_readings_shows_them_and_no_figure_of_another_study(results):
    for replicate in range(4):
        for decay in (0.0, 1e-4):
            trial = results.vae(1, 2, 0, replicate=replicate, weight_decay=decay)
            y = 100 + replicate + (5 + 0.01 * replicate) * (decay > 0)
            results.add(trial, [results.row(trial, 120, y)], key=f"{replicate}-{decay}")
    study = results.close()
    about = json.loads((study / "study.json").read_text())
    (study / "study.json").write_text(json.dumps(about | {"study": "readings"}))
    made = page_content(study)
    assert [figure["name"] for figure in made["figures"]] == ["readings"]
    assert made["verdict"]["sentence"].startswith(
        "Of 1 readings of what the paper leaves open, 1 are"
    )
    assert any("weight_decay=0.0001" in line for line in made["verdict"]["lines"])
    assert "Of 1 readings" in page.write(study).read_text()


def test_trials_are_listed_by_their_numbers(results):
    results.fill({(1, 16): 9.0, (1, 2): 8.0, (16, 2): 7.0, (2, 4): 7.0}, seeds=[1, 0])
    frame = lined(_load(results.close()))
    shown = trials.table(frame, circumstances(frame, None, {}))
    names = [head["text"] for head in shown["heads"]]
    places = [[row[names.index(n)][1] for n in ("m_z", "n_c", "seed")] for row in shown["rows"]]
    assert places == sorted(places) and len(places) == 8


def test_lines_of_a_page_look_different_and_share_their_sources_colour(results):
    for lr in (1e-3, 2e-3, 5e-3, 1e-2, 2e-2):
        for source in (NORMAL, NORMAL | {"real_share": 0.0, "k": 10, "pool": "p"}):
            trial = results.vae(1, 2, 0, source=source, lr=lr)
            rows = [results.row(trial, epoch, 100.0) for epoch in (60, 120)]
            results.add(trial, rows, key=f"{source['real_share']}-{lr}")
    key = learning.learning_curves(lined(_load(results.close())))["key"]
    assert len({(each["colour"], each["dash"]) for each in key}) == len(key) == 10
    assert len({each["colour"] for each in key}) == 2


def test_claims_name_their_setting_if_there_are_several(monkeypatch):
    row = {"verdict": "holds", "difference": 1.0, "low": 0.5, "high": 1.5, "unit": "1"}
    row |= dict.fromkeys(("contradicted", "assumed"), "") | {"claim": "c", "kind": "primary"}
    row |= {"comparisons": 1}
    for names, shown in ([["digits"], [""]], [["digits", "mnist"], ["digits", "mnist"]]):
        found = pd.DataFrame([row | {"dataset": n, "data": "others"} for n in names])
        monkeypatch.setattr(claims, "ledger", lambda frame, found=found: found)
        monkeypatch.setattr(early, "at_best", lambda frame: frame)
        assert [each["setting"] for each in text.ledger(pd.DataFrame())["rows"]] == shown


def test_claims_say_what_is_left_at_the_best_epochs(tmp_path):
    every = results.load(PUBLISHED.parent / "mnist-draws" / "data_sources_k.parquet")
    shown = curves.where(every, ["batch_norm==True", "source_k==5"])
    rows = compact(
        PUBLISHED.parent / "mnist-draws" / "data_sources_k.parquet", shown, tmp_path / "k.parquet"
    )
    found = {row["claim"]: row for row in text.ledger(results.load(rows))["rows"]}
    better = found["test ELBO: diffusion samples, augmentation"]
    assert (better["verdict"], better["best"]["verdict"]) == ("not decided", "fails")
    assert better["best"]["ours"].startswith("-3.25")
    assert found["amortization gap: diffusion samples, normal"]["best"] == {}
    made = page.write(rows, tmp_path / "report.html").read_text()
    assert "at the best epochs: fails" in made
    assert "<dt>Best epochs</dt><dd>fails: -3.25" in made


@pytest.mark.parametrize("name", ["diffusion", "two_sample", "diffusion_subsets", "downstream"])
def test_results_of_any_kind_have_a_page(name, tmp_path):
    """Diffusion models and classifiers have neither a source nor m_z and n_c."""
    made = page.write(PUBLISHED / f"{name}.parquet", tmp_path / "report.html").read_text()
    assert "<h2" in made and "This is a fault of the program" not in made


def test_every_command_of_a_page_names_the_same_results(results):
    """One who types a figure's command in the project's folder finds the study."""
    results.fill(seeds=range(3))
    made = page_content(results.close())
    commands = [each["command"] for each in made["figures"]]
    commands += [each["command"] for each in made["go_on"] if "analysis" in each["command"]]
    assert commands and all("results/double_descent" in typed for typed in commands)


def test_a_page_reads_each_trial_once(results, monkeypatch):
    results.fill({(1, 2): 100.0, (1, 4): 90.0}, seeds=range(2))
    study, read = results.close(), []
    known = page_content(study)
    reader = "analysis.results.read_trial"
    monkeypatch.setattr(reader, lambda *words: read.append(words) or read_trial(*words))
    assert page_content(study) == known
    assert len(read) == len(set(read)) == 4
