"""Reverse half asleep: a frozen decoder, a new optimizer, M images and M samples per step."""

import copy
from dataclasses import replace

import pytest
import torch

from scaling.errors import UsageError
from scaling.runs.half_asleep import with_samples
from scaling.runs.vae import VaeRun
from scaling.trial import VaeTrial
from tests.conftest import timeless


def parts(run):
    """Copies all values of decoder and encoder, running statistics included."""
    state = {name: value.clone() for name, value in run.vae.state_dict().items()}
    decoder = {name: v for name, v in state.items() if name.startswith("decoder")}
    return decoder, {name: v for name, v in state.items() if name.startswith("encoder")}


def same(left, right):
    return all(torch.equal(left[name], right[name]) for name in left)


def test_training_is_normal_until_half_asleep_and_then_of_the_encoder_alone(trial, tiny):
    half = VaeRun(replace(trial, half_asleep_from=2), tiny, 4, 1)
    normal = [timeless(row) for row in VaeRun(trial, tiny, 2, 1)]
    seen = {}
    for row in half:
        seen[row["epoch"]] = (timeless(row), *parts(half))
    assert [seen[1][0], seen[2][0]] == normal
    for epoch in (3, 4):
        assert same(seen[epoch][1], seen[2][1])
        assert not same(seen[epoch][2], seen[epoch - 1][2])
    trained = {id(p) for group in half.optimizer.param_groups for p in group["params"]}
    assert trained == {id(p) for p in half.vae.encoder.parameters()}


def test_a_run_in_half_asleep_can_load_a_state_from_before(trial, tiny):
    trial = replace(trial, half_asleep_from=2)
    whole = VaeRun(trial, tiny, 3, 1)
    expected = [timeless(row) for row in whole]
    early = VaeRun(trial, tiny, 2, 1)
    list(early)
    whole.load_state_dict(copy.deepcopy(early.state_dict()))
    assert [timeless(row) for row in whole] == expected[2:]


def test_a_resumed_run_clips_the_same_gradients(trial, tiny):
    """Gradients of the frozen decoder, left from before, do not enter the norm."""
    trial = replace(trial, half_asleep_from=1, grad_clip=1e-2)
    whole = VaeRun(trial, tiny, 4, 1)
    states, expected = {}, []
    for row in whole:
        states[row["epoch"]] = copy.deepcopy(whole.state_dict())
        expected.append(timeless(row))
    resumed = VaeRun(trial, tiny, 4, 1)
    resumed.load_state_dict(states[2])
    assert [timeless(row) for row in resumed] == expected[2:]


def test_the_schedule_of_the_learning_rate_starts_again(trial, tiny):
    run = VaeRun(replace(trial, half_asleep_from=2, lr_decay_epochs=2), tiny, 3, 1)
    list(run)
    assert run.optimizer.param_groups[0]["lr"] == trial.lr


def test_a_step_has_the_batch_and_as_many_samples(trial, tiny):
    run = VaeRun(replace(trial, half_asleep_from=1), tiny, 1, 1)
    list(run)
    x = run.train[:20]
    both = with_samples(run.vae, run.trial, x)
    assert both.dtype == torch.uint8
    assert torch.equal(both[:20], x)
    assert len(both) == 40
    assert both.max() < 17
    alone = replace(run.trial, half_asleep_mix="only_samples")
    assert len(with_samples(run.vae, alone, x)) == 20


def test_samples_are_reconstructions_or_come_from_the_prior(trial, tiny):
    run = VaeRun(replace(trial, n_c=16, half_asleep_from=60), tiny, 60, 60)
    list(run)
    run.half_asleep, x = True, run.train

    def error(source):
        samples = with_samples(run.vae, replace(run.trial, half_asleep_source=source), x)[len(x) :]
        return (samples.float() - x.float()).square().mean().item()

    assert error("qz") < 0.8 * error("prior")


def test_samples_of_a_gaussian_are_floats(tiny):
    trial = VaeTrial("digits", likelihood="gaussian", n_c=2, batch=20, half_asleep_from=1)
    run = VaeRun(trial, tiny, 2, 1)
    assert all(torch.isfinite(torch.tensor(row["test_elbo"])) for row in run)
    both = with_samples(run.vae, trial, run.train[:4])
    assert both.dtype == torch.float32
    torch.testing.assert_close(both[:4] * 16, run.train[:4].float())


def test_options_without_half_asleep_are_refused():
    with pytest.raises(UsageError, match="half_asleep_from only"):
        VaeTrial("digits", half_asleep_source="prior")


def test_drawing_samples_uses_running_statistics_without_changing_them(trial, tiny):
    run = VaeRun(replace(trial, half_asleep_from=1), tiny, 1, 1)
    list(run)
    run.vae.encoder.train()
    _, before = parts(run)
    with_samples(run.vae, run.trial, run.train[:20])
    assert same(before, parts(run)[1])
    assert run.vae.encoder.training
