"""Several studies in one place: each figure is drawn from the trials of its own study."""

from pathlib import Path

import pytest

import analysis
from analysis import figures, own_study
from analysis.compact import compact
from analysis.results import load

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
    frame, named = load(ALL), own_study.studies(ALL)
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
    assert own_study.studies(first) == {}


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
    assert len(kept) == len(frame)
