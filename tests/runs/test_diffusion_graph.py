"""A diffusion model's replayed steps train as eager ones do, and wait for no number."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch

from scaling.models import edm
from scaling.models.cuda_graph import WARM_UP, Graphed
from scaling.runs.diffusion import DiffusionRun
from scaling.runs.gradients import Gradients
from scaling.trial import DiffusionTrial
from tests.conftest import assert_same_state, timeless
from tests.models.test_cuda_graph import eagerly, recorded
from tests.narrow import not_none


@pytest.fixture
def trial() -> DiffusionTrial:
    return DiffusionTrial(
        "digits", train_size=45, channels=4, multipliers=(1, 2), blocks=1, attention=(),
        batch=20, lr=3e-3, ramp_images=150, ema_images=50, dropout=0.3, recipe="published",
    )  # fmt: skip


def head_of(denoiser):
    """Returns the last bias of the denoiser's network."""
    network: Any = denoiser.network
    return network.head[2].bias


def rate_on_device(run):
    """Makes the learning rate a tensor, as on a GPU, which is set before each step."""
    for group in run.optimizer.param_groups:
        group["lr"] = torch.tensor(group["lr"])


@pytest.mark.parametrize("micro_batch", [None, 8])
def test_replayed_steps_give_the_rows_and_weights_of_eager_steps(trial, tiny, micro_batch):
    calls: list[Any] = []
    runs = [DiffusionRun(trial, tiny, 4, 2, micro_batch=micro_batch) for _ in range(2)]
    for run in runs:
        rate_on_device(run)
    runs[1].descend = Graphed(runs[1]._descend, trial.batch, eagerly, recorded(calls))
    eager, replayed = ([timeless(row) for row in run] for run in runs)
    assert replayed == eager
    for part in ("model", "averaged"):
        assert_same_state(runs[1].parts[part].state_dict(), runs[0].parts[part].state_dict())
    assert calls.count(("replay", 20)) == 4 * 2 - WARM_UP
    assert len(calls) == 1 + 4 * 2 - WARM_UP  # partial batches of 5 are never replayed


def test_numbers_that_change_between_steps_are_set_outside_of_the_replayed_part(trial, tiny):
    """A graph keeps the numbers of its capture, but the learning rate and the half-life change."""
    run, seen = DiffusionRun(trial, tiny, 3, 3), []
    rate_on_device(run)
    rate = run.optimizer.param_groups[0]["lr"]

    def replay(images):
        seen.append(rate.item())
        return torch.zeros(())

    run.descend = replay
    before = head_of(run.denoiser).clone()
    with torch.no_grad():
        head_of(run.model).add_(1)
    for step in range(3):
        run._step(run.train[:20], 20 * step)
    assert seen == pytest.approx([3e-3 * n / 150 for n in (0, 20, 40)])
    kept = 0.0
    for half_life in (1.0, 2.0):  # the half-life is 5 % of the images seen
        kept = kept * 0.5 ** (20 / half_life)
    moved = head_of(run.denoiser) - before
    torch.testing.assert_close(moved, torch.full_like(moved, 1 - kept))


@pytest.mark.parametrize("micro_batch", [None, 8])
@pytest.mark.parametrize("fields", [{}, {"recipe": "mean_loss"}, {"precision": "tf32"}])
def test_no_step_waits_for_a_number_of_the_device(trial, tiny, fields, micro_batch, monkeypatch):
    """A capture fails if the host waits for a value, and a tensor on `meta` has no value."""
    run = DiffusionRun(replace(trial, **fields), tiny, 1, micro_batch=micro_batch)
    run.model.to("meta")
    run.gradients = Gradients(run.model)
    monkeypatch.setattr(run, "optimizer", torch.optim.SGD(run.model.parameters(), lr=0.1))
    run.model.train()
    x = run.train[: trial.batch].to("meta")
    assert run._descend(x).shape == ()
    with pytest.raises(RuntimeError, match="meta"):
        run._descend(x).item()


def test_a_state_saved_on_a_gpu_can_be_trained_on_a_cpu(trial, tiny):
    run = DiffusionRun(trial, tiny, 2, 1)
    next(iter(run))
    state = copy.deepcopy(run.state_dict())
    for group in state["optimizer"]["param_groups"]:  # as a GPU writes it
        group["capturable"], group["lr"] = True, torch.tensor(group["lr"])
    other = DiffusionRun(trial, tiny, 2, 1)
    other.load_state_dict(state)
    expected, found = list(run), list(other)
    assert [timeless(row) for row in found] == [timeless(row) for row in expected]
    assert isinstance(other.optimizer.param_groups[0]["lr"], float)


def test_gradients_are_in_one_buffer_in_the_layout_of_their_weights(trial, tiny):
    run = DiffusionRun(trial, tiny, 1)
    list(run)
    start = run.gradients.buffer.data_ptr()
    end = start + run.gradients.buffer.numel() * 4
    for parameter in run.model.parameters():
        assert start <= not_none(parameter.grad).data_ptr() < end
        assert not_none(parameter.grad).stride() == parameter.stride()
    network: Any = run.model.network
    weight = network.stem.weight
    weight.grad.fill_(7.0)
    assert (run.gradients.buffer == 7).sum() == weight.numel()
    run.gradients.clear()
    assert not any(not_none(parameter.grad).any() for parameter in run.model.parameters())


def test_averaging_all_weights_at_once_equals_averaging_each(trial, tiny):
    run = DiffusionRun(trial, tiny, 1)
    with torch.no_grad():
        for parameter in run.model.parameters():
            parameter.add_(torch.randn_like(parameter))
    expected = [
        mean.lerp(value, 1 - 0.5 ** (20 / 70.0))
        for mean, value in zip(run.denoiser.parameters(), run.model.parameters(), strict=True)
    ]
    edm.update_average(run.averaged, run.weights, 20, 70.0)
    for mean, value in zip(run.denoiser.parameters(), expected, strict=True):
        assert torch.equal(mean, value)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("fields", [{}, {"precision": "bf16"}, {"precision": "tf32"}])
@pytest.mark.parametrize("micro_batch", [None, 8])
def test_on_a_gpu_a_graph_trains_as_eager_steps_do(trial, tiny, fields, micro_batch):
    trial = replace(trial, **fields)
    runs = [DiffusionRun(trial, tiny, 8, 2, "cuda", micro_batch=micro_batch) for _ in range(2)]
    assert isinstance(runs[0].descend, Graphed)
    runs[1].descend = runs[1]._descend
    graph, eager = ([row["test_loss"] for row in run] for run in runs)
    assert runs[0].descend.replay is not None and not runs[0].descend.failed
    assert graph == pytest.approx(eager, rel=1e-2)
