"""Which diffusion models a study's trials bring with them."""

from dataclasses import replace

from scaling.presets import DIGITS_EDM
from scaling.trial import DMAAPX, VaeTrial, grid
from scaling.trial.schedule import Diffusion, schedule

MODEL = Diffusion(DIGITS_EDM, epochs=3, k=2)
BASE = VaeTrial("digits", train_size=300, partition="disjoint", source=DMAAPX)


def models(trials):
    return [item.trial for item in schedule(trials, 4, 2, MODEL) if item.trial.makes_pools]


def test_every_replicate_has_a_diffusion_model_of_its_own():
    made = models(grid(BASE, replicate=[0, 1, 2], n_c=[2, 4]))
    assert [model.replicate for model in made] == [0, 1, 2]
    assert {(model.partition, model.draw) for model in made} == {("disjoint", n) for n in range(3)}


def test_seeds_of_a_replicate_share_its_diffusion_model():
    assert len(models(grid(replace(BASE, replicate=1), seed=[0, 1, 2]))) == 1


def test_a_vae_reads_the_samples_of_its_own_replicate():
    found = schedule(grid(BASE, replicate=[0, 1]), 4, 2, MODEL)
    pools = {item.trial.replicate: item.pool for item in found if item.pool}
    read = {item.trial.replicate: item.trial.reads_pool for item in found if not item.pool}
    assert read == pools
    assert len(set(pools.values())) == 2
