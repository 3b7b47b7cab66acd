"""Plans that this machine cannot run are refused before Ray starts."""

from argparse import Namespace
from contextlib import nullcontext

import pytest

from scaling.cli import planned
from scaling.errors import UsageError
from scaling.planning import plan
from scaling.planning.costs import GPU
from scaling.planning.speeds import Speeds
from scaling.trial import VaeTrial
from scaling.trial.schedule import schedule


@pytest.mark.parametrize(("state", "refused"), [("new", True), ("partial", True), ("done", False)])
def test_the_planned_gpu_is_needed_only_if_a_trial_is_left_to_run(monkeypatch, state, refused):
    scheduled = schedule([VaeTrial("cifar10", n_c=8)], 10, 5, None)
    made = plan.make(scheduled, Speeds(GPU), {scheduled[0].key: state})
    assert made.trials[0].gpus > 0
    monkeypatch.setattr(planned, "has_gpu", lambda: False)
    words = Namespace(cpus=None, cpus_per_trial=1.0, gpus_per_trial=None)
    with pytest.raises(UsageError, match="planned for a GPU") if refused else nullcontext():
        planned.check_here(words, made)


@pytest.mark.parametrize("address", ["local", "auto"])
def test_a_dry_run_begins_with_why_this_machine_refuses_the_plan(monkeypatch, capsys, address):
    made = plan.make(schedule([VaeTrial("cifar10", n_c=8)], 10, 5, None), Speeds(GPU), {})
    monkeypatch.setattr(planned, "has_gpu", lambda: False)
    words = Namespace(
        cpus=None, cpus_per_trial=1.0, gpus_per_trial=None, address=address, json=False
    )
    planned.show(made, words, [])
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("Refused here: ") == (address == "local"), first
