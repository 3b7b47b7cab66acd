"""Pools of one kind differ in chance alone: the draw and the seed of their diffusion models."""

import pandas as pd
import pytest

from analysis.statistics.pool_kinds import kinds, mixed, of_trials
from scaling.presets import DIGITS_EDM
from scaling.trial import grid, key
from scaling.trial.schedule import pool_name

MODELS = grid(DIGITS_EDM, replicate=[0, 3], seed=[0, 12], share=[0.3, 1.0])


def names(models, epochs=40):
    return [pool_name(model, epochs) for model in models]


def frame(pools):
    return pd.DataFrame({"kind": "vae", "key": "", "source_pool": pools})


def test_draw_seed_and_share_of_a_model_are_no_part_of_its_kind():
    assert len(set(names(MODELS))) == 8
    assert set(kinds(frame(names(MODELS))).values()) == {"digits-edm-c16, 40 epochs"}


def test_mixed_names_one_pool_of_each_kind():
    alike = [model for model in MODELS if model.share == 1.0]
    assert mixed(frame([*names(alike), None]), "source_pool") == []
    longer = names(alike, 41)
    assert mixed(frame([*names(alike), *longer]), "source_pool") == [names(alike)[0], longer[0]]
    assert mixed(frame(["gan-0123456789ab", "gan-ba9876543210"]), "source_pool") == [
        "gan-0123456789ab", "gan-ba9876543210"
    ]  # fmt: skip


@pytest.mark.parametrize("recipe", ["mean_loss", "published"])
def test_a_model_in_the_frame_tells_its_recipe(recipe):
    (model,) = grid(DIGITS_EDM, replicate=[0], recipe=[recipe])
    trials = frame(names([model]))
    trial = {"kind": "diffusion", "key": key(model), "recipe": recipe, "source_pool": None}
    both = pd.concat([trials, pd.DataFrame([trial])], ignore_index=True)
    kind = "digits-edm-c16, 40 epochs" + ", recipe=published" * (recipe == "published")
    assert list(of_trials(both, kinds(both))) == [kind, ""]
