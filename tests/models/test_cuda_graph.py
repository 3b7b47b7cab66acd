"""Replayed steps train as eager ones do: the logic on any device, CUDA graphs on a GPU."""

import gc
import weakref
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from scaling.models import cuda_graph
from scaling.models.cuda_graph import WARM_UP, Graphed, graphed
from scaling.runs.vae import VaeRun
from scaling.trial.source import Source
from tests.conftest import assert_same_state, timeless


def recorded(calls):
    """Replaces a CUDA graph's capture: the step on its own buffer, whose result is reused."""

    def capture(step, x):
        calls.append(("capture", x.dtype))
        static, result = x.clone(), torch.zeros(())

        def replay(x):
            calls.append(("replay", len(x)))
            static.copy_(x)
            return result.copy_(step(static))

        return replay

    return capture


def eagerly(step, x):
    return step(x)


def graphed_run(trial, data, calls):
    run = VaeRun(trial, data, epochs=6, measure_every=2)
    run.step = Graphed(run._step, trial.batch, eagerly, recorded(calls))
    return run


def test_replayed_steps_give_the_rows_and_weights_of_eager_steps(trial, tiny):
    calls: list[Any] = []
    eager, replayed = (
        VaeRun(trial, tiny, epochs=6, measure_every=2),
        graphed_run(trial, tiny, calls),
    )
    assert [timeless(row) for row in replayed] == [timeless(row) for row in eager]
    assert_same_state(replayed.vae.state_dict(), eager.vae.state_dict())
    full = 6 * (len(tiny.train) // trial.batch)
    assert calls.count(("capture", torch.uint8)) == 1
    assert calls.count(("replay", trial.batch)) == full - WARM_UP
    assert len(calls) == 1 + full - WARM_UP  # partial batches are never replayed


def test_another_type_of_images_is_captured_again():
    calls: list[Any] = []
    seen: list[Any] = []
    step = Graphed(lambda x: seen.append(x.sum().item()) or x.sum(), 2, eagerly, recorded(calls))
    batches = [torch.full((2,), i, dtype=torch.uint8) for i in range(5)]
    floats = [torch.full((2,), i + 0.5) for i in range(5)]
    results = [step(x).item() for x in (*batches, *floats)]
    assert results == seen == [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
    captures = [what for kind, what in calls if kind == "capture"]
    assert captures == [torch.uint8, torch.float32]


def test_if_capturing_fails_steps_are_eager_and_the_cause_is_printed_once(capfd):
    def capture(step, x):
        try:
            raise RuntimeError("operation not permitted when stream is capturing\nmore lines")
        finally:  # as CUDA does at the end of a capture
            raise RuntimeError("operation failed due to a previous error during capture")

    step = Graphed(lambda x: x.sum(), 2, eagerly, capture)
    assert [step(torch.full((2,), float(i))).item() for i in range(6)] == [0, 2, 4, 6, 8, 10]
    assert capfd.readouterr().err.count("operation not permitted") == 1


def direct(step, x):
    raise torch.OutOfMemoryError("CUDA out of memory")


def at_the_end(step, x):
    try:
        direct(step, x)
    finally:  # as CUDA does at the end of a capture
        raise RuntimeError("operation failed due to a previous error during capture")


@pytest.mark.parametrize("capture", [direct, at_the_end])
def test_lack_of_memory_is_not_hidden(capture):
    step = Graphed(lambda x: x.sum(), 1, eagerly, capture)
    with pytest.raises(torch.OutOfMemoryError):
        for _ in range(WARM_UP + 1):
            step(torch.zeros(1))


def test_all_eager_steps_share_one_side_stream(monkeypatch):
    """Memory that a stream has freed stays with it: with a stream each, steps would add up."""
    made: list[Any] = []

    def stream(device):
        made.append(SimpleNamespace(wait_stream=lambda other: None))
        return made[-1]

    cuda_graph._side_stream.cache_clear()
    monkeypatch.setattr(torch.cuda, "Stream", stream)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: made[0])
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    step = graphed(lambda x: x.sum(), 1)
    assert [step(torch.full((1,), i)).item() for i in range(WARM_UP)] == [0, 1, 2]
    cuda_graph._side_stream.cache_clear()
    assert len(made) == 1


def test_an_earlier_graph_that_only_refers_to_itself_is_freed(trial, tiny, monkeypatch):
    """Its memory on a GPU starts no collection, and PyTorch collects nothing before a capture."""
    monkeypatch.setattr(VaeRun, "replays", True)
    monkeypatch.setattr(VaeRun, "_adam", lambda run, module: torch.optim.SGD(module.parameters()))
    gc.disable()
    try:
        earlier = weakref.ref(VaeRun(trial, tiny, epochs=1).step)
        assert earlier() is not None
        VaeRun(trial, tiny, epochs=1)
        assert earlier() is None
    finally:
        gc.enable()


BERNOULLI = {"likelihood": "bernoulli", "network": "fully_connected", "mixtures": 10}
KINDS = {
    "joint mixture": {},
    "mixture per channel": {"mol_mix": "per_channel"},
    "gaussian": {"likelihood": "gaussian", "mixtures": 10},
    "bernoulli": BERNOULLI,
    "batch norm": BERNOULLI | {"batch_norm": True},
    "clipped": {"grad_clip": 1.0},
}


@pytest.mark.parametrize("fields", KINDS.values(), ids=KINDS)
def test_no_step_waits_for_a_number_of_the_device(trial, tiny, fields, monkeypatch):
    """A capture fails if the host waits for a value, and a tensor on `meta` has no value."""
    trial = replace(trial, **fields)
    binary = replace(tiny, train=tiny.train // 9, test=tiny.test // 9, levels=2)
    run = VaeRun(trial, binary if trial.likelihood == "bernoulli" else tiny, epochs=1)
    run.vae.to("meta")
    monkeypatch.setattr(run, "optimizer", torch.optim.SGD(run.vae.parameters(), lr=0.1))
    x = run.train[: trial.batch].to("meta")
    assert run._step(x).shape == ()
    with pytest.raises(RuntimeError, match="meta"):
        run._step(x).item()


def test_a_state_saved_on_a_gpu_can_be_trained_on_a_cpu(trial, tiny):
    run = VaeRun(trial, tiny, epochs=2, measure_every=1)
    next(iter(run))
    state = run.state_dict()
    state["optimizer"]["param_groups"][0]["capturable"] = True  # as a GPU writes it
    other = VaeRun(trial, tiny, epochs=2, measure_every=1)
    other.load_state_dict(state)
    assert [row["epoch"] for row in other] == [2]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("source", [Source(), Source(mollify_epochs=2)])
def test_on_a_gpu_a_graph_trains_as_eager_steps_do(trial, tiny, source):
    trial = replace(trial, source=source)
    runs = [VaeRun(trial, tiny, epochs=8, measure_every=2, device="cuda") for _ in range(2)]
    assert isinstance(runs[0].step, Graphed)
    runs[1].step = runs[1]._step
    graph, eager = ([row["test_elbo"] for row in run] for run in runs)
    assert runs[0].step.replay is not None and not runs[0].step.failed
    np.testing.assert_allclose(graph, eager, rtol=1e-3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_random_numbers_continue_after_a_broken_capture(capfd):
    stream = torch.cuda.current_stream()
    step = graphed(lambda x: torch.rand((), device="cuda") + x.sum().item(), 2)
    results = [step(torch.ones(2, device="cuda")).item() for _ in range(WARM_UP + 3)]
    assert step.failed and all(2 <= result < 3 for result in results)
    assert len(set(results)) == len(results) and torch.cuda.current_stream() == stream
    assert "capturing" in capfd.readouterr().err
