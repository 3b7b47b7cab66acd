"""A user's file has one key however its path is spelled, and another key for other content."""

import os
from dataclasses import fields, replace

import pytest

from scaling.errors import UsageError
from scaling.trial import DiffusionTrial, Source, TwoSampleTrial, VaeTrial, key
from scaling.trial.own_files import content, identified
from scaling.trial.schedule import Diffusion, schedule


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "data" / "images.npz"
    path.parent.mkdir()
    path.write_bytes(b"one")
    monkeypatch.chdir(tmp_path)
    return path


@pytest.mark.parametrize("kind", [VaeTrial, DiffusionTrial, TwoSampleTrial])
def test_spellings_of_one_path_give_one_key(file, kind):
    os.symlink(file, "other.npz")
    spelled = ["data/images.npz", "./data/../data/images.npz", str(file), "other.npz"]
    keys = {key(identified(kind(path))) for path in spelled}
    assert len(keys) == 1
    assert len({key(kind(path)) for path in spelled}) == len(spelled)
    file.write_bytes(b"two")
    assert key(identified(kind(str(file)))) not in keys


def test_pools_and_diffusion_models_are_named_by_the_content_too(file):
    model = DiffusionTrial("digits", channels=8)
    made = [
        schedule([VaeTrial(path, source=Source(real_share=0.0))], 4, 2, Diffusion(model, 4, 2))
        for path in ("data/images.npz", str(file))
    ]
    assert [item.key for item in made[0]] == [item.key for item in made[1]]
    assert made[0][0].pool == made[1][0].pool == made[0][1].trial.reads_pool


def test_a_folder_is_identified_by_its_files_names_and_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    first = content(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert content(tmp_path) != first


def test_known_data_sets_and_missing_files_have_no_content_hash(file):
    for name in ("digits", "missing.npz"):
        assert identified(VaeTrial(name)) == VaeTrial(name)
    with pytest.raises(UsageError, match="content=abc"):
        VaeTrial("digits", content="abc")
    with pytest.raises(UsageError, match="other content"):
        identified(VaeTrial(str(file), content="abc"))


# The default of every field when it was added. If one changed, old keys would name other trials:
# a new value belongs in presets.
DEFAULTS = {
    VaeTrial: "m_z=1 n_c=256 seed=0 train_size=None split=0 replicate=None content=None "
    "partition=train_and_test network=residual likelihood=mixture mixtures=10 mol_mix=joint "
    "sigma=0.03 gauss_mean_act=none latent_reading=m_z_channels res_inplace_quirk=False "
    "res_second_kernel=3 batch_norm=False binarise=threshold lr=0.0001 batch=100 "
    "weight_decay=0.0 grad_clip=None lr_decay_epochs=0 precision=auto half_asleep_from=0 "
    "half_asleep_source=qz half_asleep_mix=half",
    DiffusionTrial: "train_size=None split=0 replicate=None content=None "
    "partition=train_and_test share=1.0 budget=images seed=0 channels=128 multipliers=(2, 2, 2) "
    "blocks=4 attention=(16,) dropout=0.13 lr=0.001 batch=512 ramp_images=10000000 "
    "ema_images=500000 precision=float32",
    TwoSampleTrial: "train_size=None split=0 replicate=None content=None "
    "partition=train_and_test share=1.0 pool=None seed=0 real=train images=None stages=4 "
    "channels=64 lr=0.001 momentum=0.9 batch=256 weight_decay=0.0005",
}


@pytest.mark.parametrize("kind", DEFAULTS)
def test_no_default_changes_its_meaning(kind):
    now = {field.name: f"{field.name}={field.default}" for field in fields(kind)}
    text = DEFAULTS[kind]
    assert [word for word in now.values() if word in text and word.partition("=")[0] != "dataset"]
    import re

    for name in re.findall(r"(\w+)=", text):
        assert now[name] in text


@pytest.mark.parametrize("kind", [VaeTrial, DiffusionTrial, TwoSampleTrial])
def test_every_field_that_is_changed_changes_the_key(kind):
    base = kind("digits")
    for name in ("seed", "split", "lr", "batch"):
        assert key(replace(base, **{name: getattr(base, name) + 1})) != key(base)
    assert key(replace(base, partition="disjoint")) != key(base)
    assert key(replace(base, replicate=0)) != key(base)
