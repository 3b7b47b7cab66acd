"""Diffusion models that a study trains for its VAEs."""

from dataclasses import replace

from scaling.presets import DIGITS_EDM
from scaling.trial import DMAAPX, NORMAL, DiffusionTrial, VaeTrial, grid
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


def test_seeds_of_a_replicate_can_have_diffusion_models_of_their_own():
    trials = grid(replace(BASE, replicate=1), seed=[0, 2], source=[NORMAL, DMAAPX])
    made = schedule(trials, 4, 2, replace(MODEL, per_seed=True))
    pools = {item.trial.seed: item.pool for item in made if item.pool}
    assert list(pools) == [0, 2]
    read = {item.trial.seed: item.trial.reads_pool for item in made if item.trial.reads_pool}
    assert read == pools
    assert {item.key for item in schedule(trials[:2], 4, 2, MODEL)} < {item.key for item in made}


def test_a_vae_reads_the_samples_of_its_own_replicate():
    found = schedule(grid(BASE, replicate=[0, 1]), 4, 2, MODEL)
    pools = {item.trial.replicate: item.pool for item in found if item.pool}
    read = {item.trial.replicate: item.trial.reads_pool for item in found if not item.pool}
    assert read == pools
    assert len(set(pools.values())) == 2


def test_equal_images_give_a_small_set_more_epochs():
    """With 80 images a diffusion model trains four times as many epochs as with 320."""
    base = VaeTrial("digits", partition="disjoint", replicate=0)
    trials = grid(base, source=[NORMAL, DMAAPX], train_size=[80, 320])
    model = Diffusion(DiffusionTrial("digits", partition="disjoint"), epochs=30, k=2)
    made = schedule(trials, 10, 5, model, ("psnr",), 5, equal_images=True)
    found = {(one.trial.kind, one.trial.train_size): one for one in made}
    assert {place: one.epochs for place, one in found.items()} == {
        ("vae", 80): 40, ("vae", 320): 10, ("diffusion", 80): 120, ("diffusion", 320): 30,
    }  # fmt: skip
    assert found["vae", 80].measure_every == 20 and found["vae", 80].kept_epochs == (20, 40)
    assert [one.trial.kind for one in made] == ["diffusion"] * 2 + ["vae"] * 4
    readers = [one.trial.reads_pool for one in made if one.trial.reads_pool]
    assert {pool.rpartition("-e")[2] for pool in readers} == {"120", "30"}
    plain = schedule(trials, 10, 5, model, ("psnr",), 5)
    assert {one.epochs for one in plain} == {10, 30}
