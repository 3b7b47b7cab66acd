"""Families of q: a step in units of the spread, computed by hand, and averaged values."""

import torch

from scaling.metrics.q_families import WIDTHS_RATE, Finetuned, PerImage
from scaling.models.vae import diagonal_normal


def test_a_step_moves_the_mean_by_spreads_and_the_log_spread_by_itself():
    mean, std = torch.randn(3, 2).double(), torch.rand(3, 2).double() + 0.1
    family = PerImage(diagonal_normal(mean, std), lr=0.4)
    assert [group["lr"] for group in family.optimizer.param_groups] == [0.4, 0.4 * WIDTHS_RATE]
    with torch.no_grad():
        family.shift.fill_(2.0)
        family.growth.fill_(-1.0)
    moving = family.q(slice(1, 3))
    family.settle()
    settled = family.q(slice(1, 3))
    for q in (moving, settled):
        torch.testing.assert_close(q.mean, (mean + 2 * std)[1:])
        torch.testing.assert_close(q.stddev, (std / torch.e)[1:])
    assert not family.shift.any() and not family.growth.any()


def test_settling_keeps_the_tensors_of_a_captured_graph():
    family = PerImage(diagonal_normal(torch.zeros(2, 2), torch.ones(2, 2)), lr=0.1)
    known = [value.data_ptr() for value in (*family.values(), family.shift, family.growth)]
    family.settle()
    assert known == [value.data_ptr() for value in (*family.values(), family.shift, family.growth)]


def test_finetuning_changes_a_copy_of_the_encoder(trained):
    x = trained.test[:4]
    before = trained.vae.encode(x).mean.detach().clone()
    family = Finetuned(trained.vae, x, lr=0.1)
    torch.testing.assert_close(family.q(slice(0, 4)).mean, before)
    family.assign([torch.zeros_like(value) for value in family.values()])
    assert not family.q(slice(0, 4)).mean.any()
    torch.testing.assert_close(trained.vae.encode(x).mean, before)
