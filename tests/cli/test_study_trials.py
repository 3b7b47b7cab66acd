"""The work of a study without a search: a fixed list of trials, whatever is on disk."""

from dataclasses import replace
from functools import partial

from scaling.cli.study_trials import StudyTrials
from scaling.presets import DIGITS_EDM
from scaling.storage.store import Store
from scaling.trial import DMAAPX, VaeTrial, grid, key
from scaling.trial.schedule import Diffusion, schedule

MODEL = Diffusion(DIGITS_EDM, epochs=3, k=2)
MAKE = partial(schedule, epochs=4, measure_every=2, diffusion=MODEL)
BASE = VaeTrial("digits", train_size=300, partition="disjoint")


def test_now_expected_and_scheduled_are_the_same_trials(tmp_path):
    trials = grid(BASE, seed=[0, 1])
    study_trials, store = StudyTrials(trials, MAKE), Store(tmp_path)
    assert (
        study_trials.now(store)
        == study_trials.expected(store)
        == study_trials.scheduled
        == MAKE(trials)
    )
    assert study_trials.record(store) == {"search": None, "rates": None}
    assert study_trials.notes() == []


def test_a_key_is_that_of_the_trial_with_its_pool_filled_in():
    reader = replace(BASE, source=DMAAPX)
    study_trials = StudyTrials([reader], MAKE)
    assert study_trials.key(reader) == study_trials.scheduled[-1].key != key(reader)
    assert study_trials.key(BASE) == key(BASE)
