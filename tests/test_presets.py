"""Presets of the studies: VAEs of Appendix B.1, diffusion models, replicates."""

from typing import Any

import pytest

from scaling import presets
from scaling.models.layers import images_of_trial
from scaling.planning.costs import parameters
from scaling.presets import Preset, everywhere, vae
from scaling.trial.catalog import DATASETS

NAMES = ("digits", "mnist-small", "mnist", "fashion_mnist", "cifar10", "paper", "smoke")
MADE = everywhere(Preset, changes={"cifar10": {"epochs": 70}, "smoke": {"seeds": (4,)}}, pool_k=3)


def test_every_study_has_presets_for_every_data_set():
    assert tuple(MADE) == NAMES
    assert {preset.base.dataset for preset in MADE.values()} == set(DATASETS)
    assert all(preset.pool_k == 3 for preset in MADE.values())
    assert (MADE["cifar10"].epochs, MADE["fashion_mnist"].epochs) == (70, 200)
    assert MADE["smoke"].seeds == (4,)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_and_its_diffusion_model_use_the_same_images(name):
    preset = MADE[name]
    assert preset.about
    assert preset.base.partition == "disjoint"  # presets with validation images
    assert preset.diffusion is not None
    assert preset.diffusion.trial.dataset == preset.base.dataset
    assert preset.diffusion.trial.recipe == "published"
    assert 1 <= preset.measure_every <= preset.epochs
    side = images_of_trial(preset.base).side
    depth = len(preset.diffusion.trial.multipliers)
    assert side % 2 ** (depth - 1) == 0
    assert set(preset.diffusion.trial.attention) <= {side >> level for level in range(depth)}


@pytest.mark.parametrize("name", NAMES)
def test_only_presets_for_a_cpu_are_planned_without_a_gpu(name):
    small = name in ("digits", "mnist-small", "smoke")
    assert MADE[name].on_gpu is not small


def test_vaes_have_the_settings_of_appendix_b1():
    mnist, fashion, cifar = (vae(name) for name in ("mnist", "fashion_mnist", "cifar10"))
    assert (mnist.network, mnist.likelihood, mnist.n_c) == ("fully_connected", "bernoulli", 512)
    assert (fashion.network, fashion.likelihood) == ("fully_connected", "gaussian")
    assert (cifar.network, cifar.likelihood, cifar.mixtures) == ("residual", "mixture", 10)
    assert [(t.lr, t.batch) for t in (mnist, fashion, cifar)] == [
        (1e-3, 100), (1e-3, 100), (1e-4, 100)
    ]  # fmt: skip
    assert vae("mnist", n_c=64, lr=0.1).n_c == 64


def test_the_diffusion_model_has_the_settings_of_appendix_d():
    model = presets.paper()["diffusion"]
    assert model.epochs * 50_000 == 200_000_000  # training images
    assert parameters(model.trial)["parameters"] == 55_732_739
    assert (presets.paper()["epochs"], model.trial.batch, model.trial.dropout) == (1000, 512, 0.13)


def test_replicates_have_one_seed_each_and_seeds_one_replicate():
    shared: dict[str, Any] = {
        "base": vae("digits"),
        "epochs": 2,
        "measure_every": 1,
        "about": "made up",
    }
    drawn = Preset(**shared, replicates=(0, 1, 2), seeds=(7, 8))
    assert drawn.chance() == {"replicate": (0, 1, 2), "seed": (0,)}
    assert drawn.chance(2) == {"replicate": (0, 1), "seed": (0,)}
    assert Preset(**shared, seeds=(7, 8)).chance(1) == {"seed": (7,)}
    assert Preset(**shared).chance() == {"seed": (0,)}
