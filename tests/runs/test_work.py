"""FLOPs and images in rows, compared with torch's own counter on real gradient steps."""

from dataclasses import replace

import pytest
from torch.utils.flop_counter import FlopCounterMode

from scaling.models.networks import NETWORKS, ResidualEncoder
from scaling.runs.execute import Job, make_run
from scaling.trial import DiffusionTrial, VaeTrial
from tests.planning.test_costs import ATTENTION, STEPS, made_up

SIZE = 6  # images of D_train, so that the last batch is smaller
EPOCHS = 3
BUDGET = DiffusionTrial(
    "digits", channels=16, multipliers=(1, 1), blocks=1, attention=(), share=0.5, budget="epochs"
)


@pytest.mark.parametrize("trial", [*STEPS, BUDGET], ids=lambda t: f"{t.kind}-{t.dataset}-{t.batch}")
def test_a_row_has_the_flops_of_all_steps_so_far(trial, monkeypatch):
    """All epochs count, including those of reverse half asleep."""
    trial = replace(trial, train_size=SIZE, batch=4)
    data = made_up(trial, SIZE)
    run = make_run(trial, data, Job(EPOCHS, 1), lambda index: data.train)
    measure, found = run.measure, []
    monkeypatch.setattr(run, "measure", dict)
    with FlopCounterMode(display=False, custom_mapping=ATTENTION) as counter:
        for _ in run:
            found.append((counter.get_total_flops(), run.epoch))
    rows = []
    for counted, epoch in found:
        run.epoch = epoch
        row = measure()
        rows.append(row)
        assert row["training_flops"] == pytest.approx(counted, rel=0.02)
        assert isinstance(row["training_flops"], int)
    epoch_images = 2 * (SIZE - 1) if trial.kind == "two_sample" else SIZE
    if trial.kind == "diffusion" and trial.budget == "epochs":
        epoch_images = SIZE // 2
    assert [row["images_seen"] for row in rows] == [epoch_images * n for n in (1, 2, 3)]
    assert rows[0]["parameters"] > 0


def test_flops_are_those_of_the_loaded_images(tiny, trial):
    """The count depends on the shape of the images, not on the catalog's entry of the name."""
    run = make_run(trial, tiny, Job(1, 1), None)
    (row,) = run
    side = tiny.side
    larger = replace(tiny, train=tiny.train.repeat(2, axis=2).repeat(2, axis=3),
                     test=tiny.test.repeat(2, axis=2).repeat(2, axis=3))  # fmt: skip
    assert larger.side == 2 * side
    (other,) = make_run(trial, larger, Job(1, 1), None)
    assert other["training_flops"] == 4 * row["training_flops"]


def test_rows_of_a_network_that_cannot_be_counted_have_no_flops(tiny, trial, monkeypatch):
    """Such a network is trained, and only a plan refuses it."""
    _, decoder = NETWORKS["residual"]

    class Picky(ResidualEncoder):
        def forward(self, x):
            if x.is_meta:
                raise ValueError("numbers are needed")
            return super().forward(x)

    monkeypatch.setitem(NETWORKS, "picky", (Picky, decoder))
    (row,) = make_run(replace(trial, network="picky"), tiny, Job(1, 1), None)
    assert "training_flops" not in row and row["images_seen"] == len(tiny.train)


def test_a_longer_half_asleep_phase_costs_more(tiny):
    trial = VaeTrial("digits", n_c=6, m_z=2, mixtures=2, half_asleep_from=1)
    rows = list(make_run(trial, made_up(trial, 4), Job(3, 1), None))
    first, second, third = (row["training_flops"] for row in rows)
    assert second - first == third - second != first
