"""A step in micro-batches equals the step of the whole batch, up to rounding."""

from dataclasses import replace

import pytest
import torch

from scaling.models import edm
from scaling.models.unet import Dropout
from scaling.runs.diffusion import DiffusionRun
from scaling.runs.execute import Job, make_run
from scaling.runs.gradients import DropoutMasks
from scaling.trial import DiffusionTrial, VaeTrial, key
from tests.narrow import not_none


@pytest.fixture
def trial() -> DiffusionTrial:
    return DiffusionTrial(
        "digits", train_size=45, channels=4, multipliers=(1, 2), blocks=1, attention=(4,),
        batch=20, lr=3e-3, ramp_images=20, ema_images=50, dropout=0.3, recipe="published",
    )  # fmt: skip


def images_at_once(run):
    """Records how many images each forward pass in training has."""
    seen = []
    run.model.register_forward_pre_hook(
        lambda model, args: seen.append(len(args[0])) if model.training else None
    )
    return seen


@pytest.mark.parametrize("recipe", ["published", "mean_loss"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize(("size", "parts"), [(7, [7, 7, 6, 7, 7, 6, 5]), (1, [1] * 45)])
def test_micro_batches_give_the_losses_gradients_and_weights_of_the_batch(
    trial, tiny, recipe, dropout, size, parts
):
    trial = replace(trial, recipe=recipe, dropout=dropout)
    whole, taken = (DiffusionRun(trial, tiny, 1, 1, micro_batch=m) for m in (None, size))
    for run in (whole, taken):  # Adam's root would amplify rounding of sums in another order
        run.optimizer.param_groups[0]["eps"] = 1e-2
    seen = images_at_once(taken)
    (expected,), (row,) = whole, taken
    assert seen == parts
    for name in ("loss", "train_loss", "test_loss"):
        assert row[name] == pytest.approx(expected[name], rel=1e-5)
    for mine, theirs in zip(taken.model.parameters(), whole.model.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(taken.gradients.buffer, whole.gradients.buffer, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_drawn_masks_equal_what_one_pass_of_the_batch_drops(trial, tiny, precision):
    run = DiffusionRun(replace(trial, precision=precision), tiny, 1)
    x = edm.from_levels(run.train[:6], 17)
    noisy, sigma = edm.with_noise(x)
    dropped = []
    layers = [layer for layer in run.model.modules() if isinstance(layer, Dropout)]
    hooks = [
        layer.register_forward_hook(
            lambda _, args, out: dropped.append((out == 0) & (args[0] != 0))
        )
        for layer in layers
    ]
    run.model.train()
    torch.manual_seed(5)
    run._losses(x, noisy, sigma)
    for hook in hooks:
        hook.remove()
    torch.manual_seed(5)
    masks = run._masks(noisy, sigma).draw(6, x.device)
    assert len(masks) == len(layers) == len(dropped) > 5
    for mask, gone in zip(masks, dropped, strict=True):
        assert torch.equal(~mask, gone)
        assert 0 < gone.sum() < gone.numel()
    assert run.model.training


def test_masks_are_used_inside_the_block_only_and_exist_only_with_dropout(trial, tiny):
    run = DiffusionRun(trial, tiny, 1)
    x, sigma = torch.zeros(4, 1, 8, 8), torch.ones(4)
    masks = DropoutMasks(run.model, x[:1], sigma[:1])
    with masks.given(masks.draw(4, x.device), slice(1, 3)):
        assert {not_none(layer.given).shape[0] for layer in masks.layers} == {2}
    assert all(layer.given is None for layer in masks.layers)
    none = DiffusionRun(replace(trial, dropout=0.0), tiny, 1)
    assert DropoutMasks(none.model, x[:1], sigma[:1]).draw(4, x.device) == []


def test_a_micro_batch_as_large_as_the_batch_needs_no_masks(trial, tiny):
    for size in (20, 64):
        run = DiffusionRun(trial, tiny, 1, micro_batch=size)
        list(run)
        assert run.masks is None


def test_a_run_can_continue_with_another_micro_batch(trial, tiny):
    """The size is no part of the state or the key."""
    whole = make_run(trial, tiny, Job(2, 1), None)
    expected = [row["test_loss"] for row in whole]
    first = make_run(trial, tiny, Job(1, 1, micro_batch=6), None)
    rows = [row["test_loss"] for row in first]
    second = make_run(trial, tiny, Job(2, 1, micro_batch=9), None)
    second.load_state_dict(first.state_dict())
    rows += [row["test_loss"] for row in second]
    assert isinstance(first, DiffusionRun) and isinstance(second, DiffusionRun)
    assert (first.micro_batch, second.micro_batch) == (6, 9)
    assert rows == pytest.approx(expected, rel=1e-4)
    assert "micro_batch" not in vars(trial) and key(trial) == key(replace(trial))


def test_other_kinds_do_not_divide_their_batch(tiny):
    vae = VaeTrial("digits", n_c=2, mixtures=2, batch=20, train_size=45)
    assert list(make_run(vae, tiny, Job(1, 1, micro_batch=6), None))
