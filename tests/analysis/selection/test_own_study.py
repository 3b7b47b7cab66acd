"""Several studies in one place: each figure is drawn from the trials of its own study."""

import json
from pathlib import Path

import pytest

import analysis
from analysis import curves, figures
from analysis.errors import ResultsError
from analysis.results import load
from analysis.selection import own_study
from analysis.storage import studies
from analysis.storage.compact import compact
from analysis.storage.unmeasured import unmeasured

DIGITS = Path(analysis.__file__).parent / "published" / "digits"
ALL = DIGITS / "all.parquet"
SHOWN = {
    "double_descent": ("fig7", "fig8", "heat", "learning"),
    "data_sources": ("fig2", "fig13", "table7", "gaps"),
    "reverse_half_asleep": ("fig5",),
    "mixtures": ("fig15",),
    "diffusion_subsets": ("fig16",),
    "sample_budget": ("fig4r",),
    "smoothness": ("fig3",),
    "downstream": ("table11",),
}


@pytest.mark.parametrize("name", [name for names in SHOWN.values() for name in names])
def test_all_studies_in_one_file_draw_what_each_draws_alone(name):
    alone = figures.load(name, DIGITS / f"{figures.study(name)}.parquet")
    joined = figures.load(name, ALL)
    assert figures.numbers(name, joined).equals(figures.numbers(name, alone))
    note = f"Only the trials of the study {figures.study(name)} are used."
    assert own_study.note(joined) == [note] and own_study.note(alone) == []


def test_each_trial_of_a_published_file_is_in_a_study():
    frame, named = load(ALL), {n: r["trials"] for n, r in studies.records(ALL).items()}
    listed = {key for keys in named.values() for key in keys}
    own = frame[frame["kind"] != "diffusion"]
    assert set(own["key"]) <= listed and len(named) == 12


def test_studies_in_a_root_are_separated_by_their_files_and_in_parquet(results):
    results.fill({(1, 2): 9.0, (1, 4): 5.0}, seeds=[0, 1])
    first = results.close()
    asked, results.requested, results.study = results.requested, {}, results.root / "other"
    results.fill({(2, 2): 9.0, (2, 4): 5.0}, seeds=[0, 1])
    text = (results.close() / "study.json").read_text()
    (results.study / "study.json").write_text(text.replace("double_descent", "mixtures"))
    file = compact(results.root, output=results.root / "all.parquet")
    for path in (results.root, file):
        frame = load(path)
        kept = own_study.of_study(frame, path, "double_descent")
        assert set(kept["key"]) == set(asked) < set(frame["key"])
        assert own_study.of_study(frame, path, "latent_width") is frame
    assert studies.records(first) == {}


def test_trials_not_begun_are_those_of_the_study_alone(results):
    results.fill({(1, 2): 9.0, (1, 4): 5.0}, seeds=[0])
    results.add(results.vae(1, 8, 0), [], done=False)
    results.close()
    results.requested, results.study = {}, results.root / "other"
    results.add(results.vae(2, 8, 0), [], done=False)
    text = (results.close() / "study.json").read_text()
    (results.study / "study.json").write_text(text.replace("double_descent", "mixtures"))
    frame = load(results.root)
    kept = own_study.of_study(frame, results.root, "mixtures")
    assert kept is frame  # no row of it exists
    kept = own_study.of_study(frame, results.root, "double_descent")
    assert len(kept) == len(frame) and own_study.note(kept) == []
    assert [trial["m_z"] for trial in unmeasured(frame)] == [1, 2]
    assert [trial["m_z"] for trial in unmeasured(kept)] == [1]


def longer(results):
    """Two studies of the same trials; the second trains one of them for twice the epochs."""
    results.fill({(1, 2): 9.0, (1, 4): 5.0}, seeds=[0, 1])
    results.close()
    key = min(results.requested)
    rows = results.root / "trials" / key / "rows.jsonl"
    last = json.loads(rows.read_text().splitlines()[-1])
    more = last | {"epoch": 2 * last["epoch"], "test_elbo": -1.0}
    rows.write_text(f"{rows.read_text()}{json.dumps(more)}\n")
    done = rows.with_name("done.json")
    done.write_text(json.dumps(json.loads(done.read_text()) | {"epoch": more["epoch"], "rows": []}))
    about = json.loads((results.study / "study.json").read_text())
    other = results.root / "other"
    other.mkdir()
    epochs = {key: {"epochs": more["epoch"]}}
    (other / "study.json").write_text(json.dumps(about | {"study": "mixtures", "trials": epochs}))
    return key, last, more


def test_a_trial_that_another_study_trained_further_is_cut_at_the_own_epochs(results):
    key, last, more = longer(results)
    file = compact(results.root, output=results.root / "all.parquet")
    alone = load(results.study)
    for path in (results.root, file):
        kept = own_study.of_study(load(path), path, "double_descent")
        assert kept.loc[kept["key"] == key, "epoch"].max() == last["epoch"]
        assert curves.final(kept)["test_elbo"].equals(curves.final(alone)["test_elbo"])
        other = own_study.of_study(load(path), path, "mixtures")
        assert other.loc[other["key"] == key, "epoch"].max() == more["epoch"]


def test_a_trial_that_failed_after_the_own_epochs_is_done(results):
    key, _, more = longer(results)
    done = results.root / "trials" / key / "done.json"
    done.write_text(json.dumps({"state": "failed", "epoch": more["epoch"], "error": "nan"}))
    kept = own_study.of_study(load(results.root), results.root, "double_descent")
    assert set(kept["state"]) == {"done"}
    assert set(load(results.root)["state"]) == {"done", "failed"}


def test_no_mean_joins_trials_of_different_epochs(results):
    """Without the study's record nothing says where to cut."""
    longer(results)
    with pytest.raises(ResultsError, match="trained for .* and .* epochs.* --where 'epoch<="):
        curves.final(load(results.root))
    curves.final(
        load(results.root), epochs=curves.LAST, place=["source", "m_z", "n_c", "seed", "epoch"]
    )


def test_what_a_study_chose_comes_with_it(results):
    results.fill({(1, 2): 9.0, (1, 4): 5.0}, seeds=[0])
    results.close()
    text = json.loads((results.study / "study.json").read_text())
    rates = {"study": "learning_rate", "fixed": [], "tuned": []}
    (results.study / "study.json").write_text(json.dumps(text | {"rates": rates}))
    file = compact(results.root, output=results.root / "all.parquet")
    for path in (results.root, file):
        assert studies.about(path, "double_descent")["rates"] == rates
        assert "rates" not in studies.about(path, "mixtures")
