"""Training a VAE: equal to the obvious loop, and bit-equal when stopped and resumed."""

import math
from dataclasses import replace

import pytest
import torch

from scaling.errors import UsageError
from scaling.runs.vae import VaeRun
from scaling.seeds import derive
from scaling.trial import VaeTrial
from tests.conftest import assert_same_state, reload, timeless


@pytest.mark.parametrize("stop", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "options", [{}, {"lr_decay_epochs": 4, "grad_clip": 1.0}, {"half_asleep_from": 2}]
)
def test_a_resumed_run_is_bit_equal(trial, tiny, stop, options):
    trial = replace(trial, **options)
    whole = VaeRun(trial, tiny, 5, 1)
    expected = [timeless(row) for row in whole]
    first = VaeRun(trial, tiny, stop, 1)
    rows = [timeless(row) for row in first]
    second = VaeRun(trial, tiny, 5, 1)
    second.load_state_dict(reload(first.state_dict()))
    rows += [timeless(row) for row in second]
    assert rows == expected
    for part in ("vae", "optimizer"):
        assert_same_state(second.state_dict()[part], whole.state_dict()[part])


def test_rows_do_not_depend_on_the_interval_of_rows_or_the_callers_generator(trial, tiny):
    often = {row["epoch"]: timeless(row) for row in VaeRun(trial, tiny, 5, 1)}
    torch.manual_seed(99)
    rare = {row["epoch"]: timeless(row) for row in VaeRun(trial, tiny, 5, 2)}
    assert sorted(rare) == [2, 4, 5]
    assert all(rare[epoch] == often[epoch] for epoch in rare)
    before = torch.random.get_rng_state()
    list(VaeRun(trial, tiny, 1, 1))
    assert torch.equal(before, torch.random.get_rng_state())


def test_two_runs_that_alternate_do_not_disturb_each_other(trial, tiny):
    other = replace(trial, seed=1)
    alone = [timeless(row) for row in VaeRun(trial, tiny, 3, 1)]
    both = zip(VaeRun(trial, tiny, 3, 1), VaeRun(other, tiny, 3, 1), strict=True)
    in_turn = [(timeless(a), timeless(b)) for a, b in both]
    assert [a for a, _ in in_turn] == alone
    assert all(a["test_elbo"] != b["test_elbo"] for a, b in in_turn)


def test_training_equals_the_obvious_loop(trial, tiny):
    run = VaeRun(trial, tiny, 2, 1)
    twin = VaeRun(trial, tiny, 2, 1)
    list(run)
    twin.vae.train()
    adam = torch.optim.Adam(twin.vae.parameters(), lr=trial.lr, betas=(0.9, 0.999), eps=1e-8)
    for epoch in (1, 2):
        draw = torch.Generator().manual_seed(derive(trial.seed, epoch, "source"))
        order = torch.randperm(45, generator=draw)
        torch.manual_seed(derive(trial.seed, epoch, "train"))
        for start in (0, 20, 40):
            x = twin.train[order[start : start + 20]]
            mean, rho = twin.vae.encoder(x.float() / 16).chunk(2, 1)
            std = torch.log1p(rho.exp()) + 1e-7
            z = mean + std * torch.randn_like(std)
            kl = (0.5 * (mean**2 + std**2 - 1) - std.log()).sum((1, 2, 3))
            loss = (kl - twin.vae.decode(z).log_prob(x)).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
    for name, value in run.vae.state_dict().items():
        torch.testing.assert_close(value, twin.vae.state_dict()[name], rtol=1e-4, atol=1e-5)


def test_every_image_is_used_once_per_epoch(trial, tiny, monkeypatch):
    seen = []
    run = VaeRun(trial, tiny, 1, 1)
    step = run._step
    monkeypatch.setattr(run, "step", lambda x: (seen.append(x), step(x))[1])
    list(run)
    assert [len(x) for x in seen] == [20, 20, 5]
    images = torch.cat(seen).flatten(1)
    assert sorted(images.tolist()) == sorted(run.train.flatten(1).tolist())
    assert images.tolist() != run.train.flatten(1).tolist()


def test_reported_numbers_use_running_statistics(trial, tiny):
    run = VaeRun(trial, tiny, 1, 1)
    (row,) = run
    run.vae.eval()
    kl = _kl(run)
    assert row["test_kl"] == pytest.approx(kl, rel=1e-6)
    run.vae.train()
    assert abs(_kl(run) - kl) > 1e-3 * abs(kl)


def _kl(run):
    with torch.no_grad():
        q = run.vae.encode(run.test)
    mean, variance = q.mean.double(), q.variance.double()
    return 0.5 * (mean**2 + variance - 1 - variance.log()).sum((1, 2, 3)).mean().item()


def test_a_row_is_consistent(trial, tiny):
    row = list(VaeRun(trial, tiny, 3, 3))[-1]
    assert row["generalization_gap"] == row["train_elbo"] - row["test_elbo"]
    assert row["source_elbo"] == row["train_elbo"]
    assert row["test_reconstruction"] - row["test_kl"] == pytest.approx(row["test_elbo"])
    assert row["test_bits_per_dim"] == pytest.approx(-row["test_elbo"] / (64 * math.log(2)))
    assert row["d_z"] == 4
    assert row["parameters"] == row["parameters_z"] + row["parameters_rest"]


def test_training_improves_the_elbo(trial, tiny):
    rows = list(VaeRun(replace(trial, n_c=8), tiny, 30, 10))
    assert rows[-1]["train_elbo"] > rows[0]["train_elbo"] + 5


def test_an_elbo_that_is_not_finite_is_an_error(trial, tiny):
    run = VaeRun(replace(trial, lr=1e30), tiny, 5, 1)
    with pytest.raises(FloatingPointError, match="smaller lr"):
        list(run)


def test_pictures_are_levels(trial, tiny):
    run = VaeRun(trial, tiny, 1, 1)
    list(run)
    arrays = run.arrays()
    assert {name: a.shape for name, a in arrays.items()} == {
        "test_images": (16, 1, 8, 8),
        "reconstructions": (16, 1, 8, 8),
    }
    assert all(a.dtype == "uint8" and a.max() <= 16 for a in arrays.values())


def test_the_data_are_not_changed(trial, tiny):
    tiny.train.flags.writeable = False
    before = tiny.train.copy()
    list(VaeRun(trial, tiny, 2, 2))
    assert (tiny.train == before).all()


def test_measured_epochs_are_denser_in_the_last_tenth(trial, tiny):
    measured = [row["epoch"] for row in VaeRun(trial, tiny, 20, 8)]
    assert measured == [8, 16, 20]
    measured = [row["epoch"] for row in VaeRun(trial, tiny, 40, 16)]
    assert measured == [16, 32, 40]
    measured = [row["epoch"] for row in VaeRun(trial, tiny, 41, 8)]
    assert measured == [8, 16, 24, 32, 38, 40, 41]


def test_a_last_batch_of_one_image_is_refused_with_batch_norm(tiny):
    normed = VaeTrial("digits", network="fully_connected", n_c=4, batch=22, batch_norm=True)
    with pytest.raises(UsageError, match="BatchNorm needs two"):
        VaeRun(normed, tiny, 1, 1)  # 45 images: 22, 22 and 1
    assert len(list(VaeRun(replace(normed, batch=20), tiny, 1, 1))) == 1
    assert len(list(VaeRun(replace(normed, batch_norm=False), tiny, 1, 1))) == 1
