"""Training a diffusion model: the obvious loop, bit-equal resuming, equal image budgets."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from scaling.data.datasets import Dataset
from scaling.models import edm
from scaling.runs.diffusion import DiffusionRun, load_denoiser, share_of_train
from scaling.seeds import derive, seeded
from scaling.trial import DiffusionTrial
from tests.conftest import assert_same_state, reload, timeless


@pytest.fixture
def trial() -> DiffusionTrial:
    return DiffusionTrial(
        "digits", train_size=45, channels=4, multipliers=(1, 2), blocks=1, attention=(),
        batch=20, lr=3e-3, ramp_images=100, ema_images=50,
    )  # fmt: skip


def spy(run, monkeypatch):
    """Records the images of every step."""
    seen = []
    step = run._step
    monkeypatch.setattr(run, "_step", lambda x, n: (seen.append(x), step(x, n))[1])
    return seen


@pytest.mark.parametrize("stop", [1, 2, 3])
@pytest.mark.parametrize("options", [{}, {"share": 0.4, "dropout": 0.5}])
def test_a_resumed_run_is_bit_equal(trial, tiny, stop, options):
    trial = replace(trial, **options)
    whole = DiffusionRun(trial, tiny, 4, 1)
    expected = [timeless(row) for row in whole]
    first = DiffusionRun(trial, tiny, stop, 1)
    rows = [timeless(row) for row in first]
    second = DiffusionRun(trial, tiny, 4, 1)
    second.load_state_dict(reload(first.state_dict()))
    assert timeless(second.last_row) == rows[-1]
    assert timeless(second.measure()) == rows[-1]
    rows += [timeless(row) for row in second]
    assert rows == expected
    for part in ("model", "averaged", "optimizer"):
        assert_same_state(second.state_dict()[part], whole.state_dict()[part])


def test_rows_do_not_depend_on_the_interval_of_rows_or_the_callers_generator(trial, tiny):
    often = {row["epoch"]: timeless(row) for row in DiffusionRun(trial, tiny, 3, 1)}
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    rare = {row["epoch"]: timeless(row) for row in DiffusionRun(trial, tiny, 3, 2)}
    assert torch.equal(before, torch.random.get_rng_state())
    assert sorted(rare) == [2, 3]
    assert all(rare[epoch] == often[epoch] for epoch in rare)


def test_seeds_differ(trial, tiny):
    (one,) = DiffusionRun(trial, tiny, 1)
    (two,) = DiffusionRun(replace(trial, seed=1), tiny, 1)
    assert one["loss"] != two["loss"]


def test_training_equals_the_obvious_loop(trial, tiny):
    run, twin = DiffusionRun(trial, tiny, 2), DiffusionRun(trial, tiny, 2)
    (row,) = run
    model = twin.model.train()
    adam = torch.optim.Adam(model.parameters(), betas=(0.9, 0.999), eps=1e-8)
    average = {name: value.clone() for name, value in model.state_dict().items()}
    seen = 0
    for epoch in (1, 2):
        torch.manual_seed(derive(trial.seed, epoch, "train"))
        order, losses = torch.randperm(45), []
        for start in (0, 20, 40):
            x = twin.train[order[start : start + 20]].double() / 8 - 1
            sigma = (-1.2 + 1.2 * torch.randn(len(x))).exp()
            level = sigma[:, None, None, None]
            noise = torch.randn(x.shape)
            error = (model(x + level * noise, sigma) - x) ** 2
            weighted = error * (level**2 + 0.25) / (level * 0.5) ** 2
            adam.param_groups[0]["lr"] = trial.lr * min(1, (seen + len(x)) / 100)
            adam.zero_grad()
            weighted.mean().backward()
            adam.step()
            kept = 0.5 ** (len(x) / min(50, 0.05 * seen)) if seen else 0
            for name, value in model.state_dict().items():
                average[name] = kept * average[name] + (1 - kept) * value
            losses += weighted.mean((1, 2, 3)).tolist()
            seen += len(x)
    assert row["loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    for state, mine in ((model.state_dict(), run.model), (average, run.denoiser)):
        for name, value in mine.state_dict().items():
            torch.testing.assert_close(value, state[name], rtol=1e-3, atol=1e-5)


def test_losses_are_measured_with_averaged_weights_and_the_same_noise(trial, tiny):
    run = DiffusionRun(trial, tiny, 2)
    (row,) = run
    for name, images in (("train_loss", run.train), ("test_loss", run.test)):
        x = edm.from_levels(images, 17)
        with seeded(run.device, trial.seed, "measure"):
            loss = edm.loss(run.denoiser, x).mean().item()
            other = edm.loss(run.model.eval(), x).mean().item()
        assert row[name] == pytest.approx(loss, rel=1e-6)
        assert row[name] != pytest.approx(other, rel=1e-6)
    assert timeless(run.measure()) == timeless(row)
    assert row["parameters"] == sum(p.numel() for p in run.model.parameters())
    run.seconds = 3.0
    assert run.measure() | {"seconds": 3.0, "images_per_s": 30.0} == run.measure()


def test_an_untrained_network_has_the_loss_of_predicting_0(trial, tiny):
    # F = 0: the loss is the squared training target
    run = DiffusionRun(trial, tiny, 0)
    x = edm.from_levels(run.test, 17)
    with seeded(run.device, trial.seed, "measure"):
        sigma = (-1.2 + 1.2 * torch.randn(len(x))).exp()[:, None, None, None]
        noise = torch.randn_like(x)
    target = (x - (x + sigma * noise) * 0.25 / (sigma**2 + 0.25)) / (
        sigma * 0.5 / (sigma**2 + 0.25).sqrt()
    )
    assert run.measure()["test_loss"] == pytest.approx(target.square().mean().item(), rel=1e-3)


@pytest.mark.parametrize("share", [1.0, 0.6, 0.3, 0.01])
def test_every_share_has_the_same_image_budget(trial, tiny, share, monkeypatch):
    run = DiffusionRun(replace(trial, share=share), tiny, 2)
    seen = spy(run, monkeypatch)
    list(run)
    assert [len(x) for x in seen] == [20, 20, 5] * 2
    size = max(1, round(share * 45))
    assert len(run.train) == size
    first, second = torch.cat(seen[:3]).flatten(1).tolist(), torch.cat(seen[3:]).flatten(1).tolist()
    for images in (first, second):
        counts = [images.count(image) for image in run.train.flatten(1).tolist()]
        assert sum(counts) == 45
        assert set(counts) <= {45 // size, 45 // size + 1}
    assert first != second or size == 1


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_with_budget_epochs_every_share_has_the_same_number_of_passes(trial, tiny, share):
    short = replace(trial, share=share, budget="epochs")
    run = DiffusionRun(short, tiny, 2)
    assert sorted(run._order().tolist()) == list(range(round(share * 45)))
    assert run.epoch_images == short.epoch_images(45)
    assert list(run)[-1]["epoch"] == 2


def test_a_larger_share_contains_the_images_of_a_smaller_one(trial, tiny):
    def images(share, **options):
        part = share_of_train(replace(trial, share=share, **options), tiny.train)
        return [image.tobytes() for image in part]

    shares = [images(share) for share in (0.1, 0.3, 0.5, 0.9, 1.0)]
    assert [len(part) for part in shares] == [4, 14, 22, 40, 45]
    assert all(
        large[: len(small)] == small for small, large in zip(shares, shares[1:], strict=False)
    )
    assert sorted(shares[-1]) == sorted(image.tobytes() for image in tiny.train)
    assert images(0.3, seed=5, lr=1e-4) == shares[1]
    assert images(0.3, split=1) != shares[1]


@pytest.mark.parametrize("ramp, expected", [(100, [0.2, 0.4, 0.45, 0.65, 0.85, 0.9]), (0, [1] * 6)])
def test_the_learning_rate_grows_with_the_images_seen(trial, tiny, ramp, expected, monkeypatch):
    run, rates = DiffusionRun(replace(trial, ramp_images=ramp), tiny, 2), []
    step = run.optimizer.step
    group = run.optimizer.param_groups[0]
    monkeypatch.setattr(run.optimizer, "step", lambda: (rates.append(group["lr"]), step()))
    list(run)
    assert rates == pytest.approx([3e-3 * ramped for ramped in expected])


def test_gradients_that_are_not_finite_count_as_zero(trial, tiny):
    run = DiffusionRun(trial, tiny, 1)
    broken = next(run.model.parameters())
    before = broken.detach().clone()
    broken.register_hook(lambda gradient: torch.full_like(gradient, float("nan")))
    list(run)
    assert torch.equal(broken, before)


def test_a_loss_that_is_not_finite_is_an_error(trial, tiny):
    run = DiffusionRun(replace(trial, lr=1e30), tiny, 5)
    with pytest.raises(FloatingPointError, match="epoch 1; a smaller lr"):
        list(run)


def test_bf16_changes_the_losses_little(trial, tiny):
    (full,) = DiffusionRun(trial, tiny, 3)
    (half,) = DiffusionRun(replace(trial, precision="bf16"), tiny, 3)
    assert half["loss"] != full["loss"]
    assert half["loss"] == pytest.approx(full["loss"], rel=0.02)
    assert half["test_loss"] == pytest.approx(full["test_loss"], rel=0.02)


def test_a_checkpoint_gives_the_same_samples_as_the_run(trial, tiny):
    run = DiffusionRun(trial, tiny, 2)
    list(run)
    state = reload(run.state_dict())
    denoiser = load_denoiser(trial, (1, 8, 8), state)
    assert not denoiser.training and not any(p.requires_grad for p in denoiser.parameters())
    seeds = range(70, 80)
    images = edm.sample(denoiser, seeds, (1, 8, 8), 17)
    np.testing.assert_array_equal(images, run.sample(seeds))
    arrays = run.arrays()
    assert arrays["samples"].shape == (16, 1, 8, 8)
    assert arrays["samples"].dtype == np.uint8 and arrays["samples"].max() <= 16


def test_the_data_are_not_changed(trial, tiny):
    tiny.train.flags.writeable = False
    before = tiny.train.copy()
    list(DiffusionRun(trial, tiny, 1))
    assert (tiny.train == before).all()


def test_a_trained_model_draws_samples_like_its_data(trial):
    """The data are two bars with a little noise, and samples of the trained model are such bars."""
    random = np.random.default_rng(0)
    bars = np.zeros((2, 1, 8, 8), int)
    bars[0, :, :, 1:3], bars[1, :, 5:7] = 14, 14
    images = (bars[np.arange(80) % 2] + random.integers(0, 3, (80, 1, 8, 8))).astype(np.uint8)
    data = Dataset("bars", images[:64], images[64:], np.zeros(64), np.zeros(16), 17)
    run = DiffusionRun(replace(trial, channels=8, batch=16, dropout=0.0), data, 60, 60)
    untrained, before = run.sample(range(50)), run.measure()["test_loss"]
    (row,) = run

    def distances(samples):
        return np.abs(samples[:, None] - (bars + 1.0)).mean((2, 3, 4))

    nearest = distances(run.sample(range(50)))
    assert nearest.min(1).mean() < 1.5 < 4 < distances(untrained).min(1).mean()
    assert 10 <= (nearest.argmin(1) == 0).sum() <= 40
    assert row["test_loss"] < 0.6 * before
