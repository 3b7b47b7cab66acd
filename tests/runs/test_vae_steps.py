"""The networks that a VAE's steps use: the VAE itself, a copy in bf16, or compiled ones."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from scaling.models import compiled
from scaling.models.compiled import Compiled, CompiledAt
from scaling.models.cuda_graph import Graphed
from scaling.runs import vae_steps
from scaling.runs.vae import VaeRun
from scaling.runs.vae_steps import VaeSteps
from tests.conftest import assert_same_state, timeless
from tests.models.test_cuda_graph import eagerly, recorded


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """Replays steps in Python as a GPU does, with an optimizer that the CPU has."""

    def adam(self: Any, module: Any) -> torch.optim.Adam:
        return torch.optim.Adam(module.parameters(), lr=self.trial.lr, fused=True)

    calls: list[Any] = []
    replays = property(lambda self: self.trial.replays_steps and not self.half_asleep)
    monkeypatch.setattr(VaeSteps, "replays", replays)
    monkeypatch.setattr(VaeSteps, "_adam", adam)
    monkeypatch.setattr(
        vae_steps, "graphed", lambda step, n: Graphed(step, n, eagerly, recorded(calls))
    )
    return calls


def rows(trial, data, epochs=4):
    run = VaeRun(trial, data, epochs=epochs, measure_every=2)
    return run, [timeless(row) for row in run]


def test_replayed_float32_steps_give_the_same_rows(trial, tiny, request):
    trial = replace(trial, precision="float32")
    plain, expected = rows(trial, tiny)
    calls = request.getfixturevalue("as_on_a_gpu")
    run, found = rows(trial, tiny)
    assert found == expected and run.bf16_copy is None and calls
    assert_same_state(run.vae.state_dict(), plain.vae.state_dict())


def test_replayed_bf16_steps_use_a_copy_and_give_the_numbers_of_autocast(trial, tiny, request):
    trial = replace(trial, precision="bf16", grad_clip=1.0)
    plain, expected = rows(trial, tiny)
    assert plain.bf16_copy is None
    request.getfixturevalue("as_on_a_gpu")
    run, found = rows(trial, tiny)
    assert run.bf16_copy is not None
    np.testing.assert_allclose(
        [row["test_elbo"] for row in found], [row["test_elbo"] for row in expected], rtol=2e-3
    )


def test_steps_of_reverse_half_asleep_use_the_vae_itself(trial, tiny, as_on_a_gpu):
    trial = replace(trial, precision="bf16", half_asleep_from=2)
    run, found = rows(trial, tiny)
    assert len(found) == 2 and run.bf16_copy is None


def test_a_resumed_run_continues_as_an_uninterrupted_one(trial, tiny, as_on_a_gpu):
    trial = replace(trial, precision="bf16")
    _, expected = rows(trial, tiny)
    first = VaeRun(trial, tiny, epochs=4, measure_every=2)
    next(iter(first))
    second = VaeRun(trial, tiny, epochs=4, measure_every=2)
    second.load_state_dict(first.state_dict())
    assert [timeless(row) for row in second] == expected[1:]


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_long_trials_compile_their_networks_for_whole_batches(
    trial, tiny, as_on_a_gpu, precision, monkeypatch
):
    trial = replace(trial, precision=precision)
    _, expected = rows(trial, tiny)
    sizes: list[int] = []

    def compiling(function: Any) -> Any:
        return lambda x: (sizes.append(len(x)), function(x))[1]

    monkeypatch.setattr(Compiled, "failed", False)
    monkeypatch.setattr(compiled, "_compile", compiling)
    monkeypatch.setattr(vae_steps, "COMPILED_STEPS", 4 * 3)
    run, found = rows(trial, tiny)
    assert isinstance(run.trained.encoder, CompiledAt) and run.steps == 12
    assert found == expected and set(sizes) == {trial.batch}
    assert len(tiny.train) % trial.batch  # partial batches are not compiled
    monkeypatch.setattr(vae_steps, "COMPILED_STEPS", 4 * 3 + 1)
    assert not isinstance(rows(trial, tiny)[0].trained.encoder, CompiledAt)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("steps", [1, 10**9])
def test_on_a_gpu_copied_and_compiled_steps_train_as_autocast_does(trial, tiny, steps, monkeypatch):
    trial = replace(trial, precision="bf16", n_c=8)
    monkeypatch.setattr(vae_steps, "COMPILED_STEPS", steps)
    made = [VaeRun(trial, tiny, epochs=8, measure_every=2, device="cuda") for _ in range(2)]
    monkeypatch.setattr(vae_steps, "can_copy", lambda vae: False)
    made[1]._set_phase(0)
    assert made[0].bf16_copy is not None and made[1].bf16_copy is None
    copied, autocast = ([row["test_elbo"] for row in run] for run in made)
    np.testing.assert_allclose(copied, autocast, rtol=1e-2)
