"""Choices by validation that study.json records, and the figures that show them."""

import json
from typing import Any

import numpy as np
import pytest

from analysis import figures
from analysis.__main__ import main
from analysis.errors import ResultsError
from analysis.page.content import content
from analysis.report import report_on
from analysis.results import load
from analysis.selection import choice
from analysis.storage.compact import compact
from analysis.storage.provenance import provenance
from scaling.storage import contents

PATH = {(1, 2): 9.0, (1, 4): 5.0, (1, 8): 7.0, (2, 8): 6.0, (4, 8): 4.0, (4, 16): 3.0}
TUNED = {(1, 2): 8.0, (1, 4): 6.0, (1, 8): 5.0, (2, 8): 4.0, (4, 8): 3.0, (4, 16): 2.0}
LRS = (1e-3, 3e-3, 1e-2)


def record(results, **more):
    """Adds fields to the study's study.json, and returns its folder."""
    folder = results.close()
    study = json.loads((folder / "study.json").read_text())
    (folder / "study.json").write_text(json.dumps(study | more))
    return folder


@pytest.fixture
def searched(results):
    """Writes a search of two cells; the best rate by validation has not the best test ELBO."""
    cells = []
    for m_z, n_c in ((1, 2), (4, 8)):
        cell = []
        for at, lr in enumerate(LRS):
            keys = [f"{m_z}-{n_c}-{at}-{seed}" for seed in range(2)]
            for seed, key in enumerate(keys):
                trial = results.vae(m_z, n_c, seed, lr=lr)
                row = results.row(trial, 120 if at else 40, 10.0 + at) | {"validation_elbo": -1.0}
                results.add(trial, [row], key=key)
            scores = {"40": -50.0 + at} | ({"120": -20.0 - at} if at else {})
            values = {"lr": lr, "likelihood": "mixture"}
            cell.append({"values": values, "keys": keys, "epochs": 120 if at else 40,
                         "scores": scores, "chosen": at == 1})  # fmt: skip
        cells.append(cell)
    search: dict[str, Any] = {
        "ranges": {"lr": "log:1e-3:1e-2", "likelihood": "choice:mixture,gaussian"}
    }
    search |= {"samples": 3, "points": "scrambled Sobol sequence", "over": "cells", "halving": 2}
    search |= {"rungs": [{"epochs": 40, "points": 3}, {"epochs": 120, "points": 2}]}
    return record(results, search=search | {"chosen_by": "validation_elbo", "cells": cells})


@pytest.fixture
def both(results):
    """Writes a path at one rate and at tuned rates, five seeds each."""
    keys: dict[Any, Any] = {}
    for name, truth, rate in (("fixed", PATH, 3e-3), ("tuned", TUNED, 1e-2)):
        for (m_z, n_c), negative in truth.items():
            for seed in range(5):
                trial = results.vae(m_z, n_c, seed, lr=rate)
                key = f"{name}-{m_z}-{n_c}-{seed}"
                y = negative + 0.01 * (seed - 2) * (1 + 0.1 * m_z)
                results.add(trial, [results.row(trial, 120, y)], key=key)
                keys.setdefault(name, []).append(key)
    return record(results, rates={"study": "learning_rate", "cells": [], **keys})


def test_figures_are_of_the_chosen_points(searched):
    frame = load(searched)
    found = choice.chosen(frame, provenance(searched))
    assert set(found["lr"]) == {3e-3}
    assert len(found) == 4
    assert set(figures.load("fig7", searched)["key"]) == set(found["key"])
    assert len(figures.load("search", searched)) == len(frame)


def test_a_parquet_file_gives_the_same_choice(searched, tmp_path):
    file = compact(searched, output=tmp_path / "all.parquet")
    assert provenance(file)["search"] == provenance(searched)["search"]
    whole = figures.numbers("search", figures.load("search", searched))
    assert figures.numbers("search", figures.load("search", file)).equals(whole)


def test_a_search_without_a_choice_is_mentioned(searched, results):
    study = json.loads((searched / "study.json").read_text())
    for cell in study["search"]["cells"]:
        for point in cell:
            point["chosen"] = False
    (searched / "study.json").write_text(json.dumps(study))
    with pytest.raises(ResultsError, match="has chosen nothing yet"):
        figures.load("fig7", searched)


def test_a_record_of_other_trials_is_ignored(searched, results):
    """A later launch was killed before it could write its own record."""
    results.add(results.vae(1, 2, 0, lr=0.5), [{"epoch": 120, "test_elbo": -1.0}], key="later")
    study = json.loads((searched / "study.json").read_text())
    study["trials"]["later"] = {"epochs": 120}
    (searched / "study.json").write_text(json.dumps(study))
    frame = load(searched)
    assert choice.search_of(frame, provenance(searched)) is None
    assert choice.chosen(frame, provenance(searched)) is frame


def test_the_search_is_drawn_in_parallel_coordinates(searched):
    frame = figures.load("search", searched)
    table = figures.numbers("search", frame)
    assert list(table["lr"]) == [*LRS, *LRS]
    assert list(table["epochs"]) == [40, 120, 120] * 2
    assert list(table["score"]) == [-50.0, -21.0, -22.0] * 2
    assert list(table["chosen"]) == [False, True, False] * 2
    assert table.loc[table["chosen"], "test_elbo"].tolist() == [-11.0, -11.0]
    assert table.loc[~table["chosen"], "test_elbo"].isna().all()
    drawn = figures.draw("search", frame)
    first = drawn.axes[0]
    lines = [line for line in first.lines if np.size(line.get_xdata()) == 3]
    assert len(lines) == 3  # a line per point: likelihood, lr, validation ELBO
    thick = [line for line in lines if line.get_linewidth() == 2.0]
    (chosen,) = thick
    assert np.asarray(chosen.get_ydata()).tolist() == pytest.approx([0.0, 0.477, 1.0], abs=1e-3)
    assert [text.get_text() for text in first.get_xticklabels()][:2] == ["likelihood", "lr"]


def test_the_report_draws_the_search_and_the_chosen(searched, monkeypatch):
    monkeypatch.setattr(figures, "FORMATS", ("csv",))
    lines = report_on(searched)
    assert any(line.startswith("search: ") for line in lines)
    assert (searched / "figures" / "search.csv").is_file()


def test_the_verdict_is_given_at_the_fixed_and_at_tuned_rates(both, capsys):
    assert main(["verdict", "--results", str(both)]) == 0
    lines = capsys.readouterr().out.splitlines()
    first, second = lines.index("fixed rate:"), lines.index("tuned rates (from learning_rate):")
    assert "holds, decided at the planned n = 5" in lines[first + 1]
    assert "fails, decided at the planned n = 5" in lines[second + 1]


def test_one_figure_shows_the_fixed_and_tuned_rates(both):
    frame = figures.load("tuned", both)
    table = figures.numbers("tuned", frame)
    assert table.groupby("rates", sort=False)["lr"].first().tolist() == [3e-3, 1e-2]
    for name, truth in zip(table["rates"].unique(), (PATH, TUNED), strict=True):
        part = table[table["rates"] == name].set_index(["m_z", "n_c"])["mean"]
        assert part.to_dict() == pytest.approx(truth)
    drawn = figures.draw("tuned", frame)
    lines = [line for line in drawn.axes[0].lines if line.get_linestyle() == "-"]
    assert [np.asarray(line.get_ydata()).tolist() for line in lines] == [
        pytest.approx(list(PATH.values())), pytest.approx(list(TUNED.values()))
    ]  # fmt: skip
    note = drawn.get_supxlabel()
    assert "holds, decided" in note and "fails, decided" in note
    assert set(figures.load("fig8", both)["lr"]) == {3e-3}  # figures of the paper have one rate


def test_both_rates_are_drawn_with_another_source_and_best_epochs(both, results):
    """The best epoch is epoch 60, at which the path falls all the way: no curve joins the two."""
    record = json.loads((both / "study.json").read_text())["rates"]
    for name in ("fixed", "tuned"):
        for key in list(record[name]):
            folder = both.parent / "trials" / key
            rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
            last = rows[-1] | {"validation_elbo": -200.0}
            early = last | {
                "epoch": 60,
                "test_elbo": last["test_elbo"] + 50,
                "validation_elbo": -9.0,
            }
            (folder / "rows.jsonl").write_text(f"{json.dumps(early)}\n{json.dumps(last)}\n")
    frame = figures.load("tuned", both)
    table = figures.numbers("tuned", frame)
    assert set(table["at"]) == {"last epochs", "best validation epoch"}
    drawn = figures.draw("tuned", frame)
    solid = [line for line in drawn.axes[0].lines if line.get_linestyle() == "-"]
    dashed = [line for line in drawn.axes[0].lines if line.get_linestyle() == "--"]
    for lines, less in ((solid, 0), (dashed, 50)):
        assert [np.asarray(line.get_ydata()).tolist() for line in lines] == [
            pytest.approx([y - less for y in truth.values()]) for truth in (PATH, TUNED)
        ]  # fmt: skip
    assert drawn.get_supxlabel().count("at the best validation epoch") == 2


def test_a_page_has_both_verdicts_and_the_figure(both):
    made = content(both)
    assert made["verdict"]["sentence"].startswith("fixed rate: Double descent along the path")
    assert any(line.startswith("tuned rates (from ") for line in made["verdict"]["lines"])
    assert made["figures"][-1]["name"] == "tuned" and "uri" in made["figures"][-1]


@pytest.mark.parametrize(("name", "message"), [("search", "--search"), ("tuned", "--lr-from")])
def test_without_a_record_the_figures_say_what_to_type(study, name, message):
    with pytest.raises(ResultsError, match=message):
        figures.numbers(name, figures.load(name, study))


@pytest.mark.parametrize("name", ["SearchRecord", "SearchedPoint", "RungRecord", "RatesRecord"])
def test_records_are_read_as_they_are_written(name):
    """Both packages describe study.json, since neither imports the other here."""
    read, written = getattr(choice, name), getattr(contents, name)
    known = {n: t for n, t in read.__annotations__.items() if t in (int, str, bool, list[str])}
    assert read.__annotations__.keys() <= written.__annotations__.keys()
    assert known == {n: written.__annotations__[n] for n in known} and known
