"""Micro-batches that the planner chooses for the paper's model on 11 GB, and typed ones."""

from dataclasses import replace

import pytest

from scaling.cli.options import parser
from scaling.cluster.gpu_memory import sentence
from scaling.errors import UsageError
from scaling.planning import fit, plan, speeds
from scaling.planning.costs import GPU, memory, training_work
from scaling.planning.table import plan_lines
from scaling.presets import ONE_GPU_EDM, PAPER_EDM
from scaling.trial import DiffusionTrial, VaeTrial, key
from scaling.trial.schedule import Scheduled
from studies.diffusion import PRESETS

PAPER = replace(PAPER_EDM, partition="train_and_test")


def planned(trial, machine=GPU, **options):
    made = plan.make([Scheduled(trial, 10, 1)], speeds.Speeds(machine), {}, **options)
    return made.trials[0], plan_lines("study", made)


def test_the_paper_model_fits_an_11_gb_card():
    row, lines = planned(PAPER)
    assert memory(PAPER, GPU) > 5 * GPU.bytes  # images at once
    assert row.advice is None and row.gpus == 1
    assert row.memory_bytes * fit.MARGIN <= GPU.bytes
    assert memory(PAPER, GPU, (), 2 * row.micro_batch) * fit.MARGIN > GPU.bytes
    (message,) = (line for line in lines if line.startswith(row.key))
    assert f"--micro-batch {row.micro_batch}" in message and "of 512" not in message
    assert row.to_dict()["micro_batch"] == row.micro_batch
    assert row.key == key(PAPER)


@pytest.mark.parametrize("trial", [ONE_GPU_EDM, DiffusionTrial("digits", channels=16, batch=50)])
def test_a_batch_that_fits_is_not_divided(trial):
    row, lines = planned(replace(trial, partition="train_and_test"), replace(GPU, bytes=80 << 30))
    assert row.micro_batch is None
    assert not any("--micro-batch" in line for line in lines)


def test_a_requested_micro_batch_is_used_and_an_advised_one_fits():
    row, lines = planned(PAPER, micro=256)
    assert row.micro_batch == 256
    (message,) = (line for line in lines if line.startswith("Does not fit"))
    advised = int(message.partition("--micro-batch ")[2].split()[0])
    followed, lines = planned(PAPER, micro=advised)
    assert followed.micro_batch == advised and followed.advice is None
    assert not any(line.startswith("Does not fit") for line in lines)
    assert planned(PAPER, micro=512)[0].micro_batch is None  # the whole batch
    assert planned(VaeTrial("digits"), micro=8)[0].micro_batch is None


def test_a_network_that_is_too_large_has_no_micro_batch():
    row, lines = planned(replace(PAPER, channels=2048))
    assert row.micro_batch is None
    assert "--micro-batch" not in row.advice and "a device of" in row.advice


def test_memory_grows_with_the_part_and_masks_with_the_batch():
    """Outputs grow with the part, masks of a byte with the batch, if there is dropout."""
    dry = replace(PAPER, dropout=0.0)
    at = {size: memory(dry, GPU, (), size) for size in (8, 16, 32)}
    assert at[32] - at[16] == pytest.approx(2 * (at[16] - at[8]), rel=1e-6)
    # Appendix D: 4 and 5 blocks a level of 256 channels, 3 to 4 more between and in the middle
    dropped = 256 * (9 * 32**2 + 32**2 + 9 * 16**2 + 2 * 16**2 + 9 * 8**2 + 3 * 8**2)
    masks = memory(PAPER, GPU, (), 16) - at[16]
    assert masks == pytest.approx(512 * dropped, rel=0.01)
    assert memory(PAPER, GPU, (), 512) == memory(PAPER, GPU)


def test_micro_batches_take_more_launches_and_the_same_arithmetic():
    whole, parts = training_work(PAPER, 1), training_work(PAPER, 1, 16)
    assert parts.launches == pytest.approx(32 * whole.launches, rel=0.01)
    assert parts.flops == whole.flops
    assert planned(PAPER, micro=16)[0].hours > planned(PAPER, micro=256)[0].hours


@pytest.mark.parametrize(("word", "found"), [("16", 16), ("auto", None)])
def test_a_micro_batch_can_be_typed(word, found):
    made = parser("about", PRESETS)
    assert made.parse_args(["--micro-batch", word]).micro_batch == found


@pytest.mark.parametrize("word", ["0", "-3", "1.5", "many"])
def test_other_micro_batches_are_refused(word):
    with pytest.raises(UsageError, match="is not a whole number at least 1"):
        parser("about", PRESETS).parse_args([f"--micro-batch={word}"])


def test_if_memory_runs_out_half_of_the_micro_batch_is_advised():
    assert "--micro-batch 256" in sentence(PAPER, "cuda")
    assert "--micro-batch 8)" in sentence(PAPER, "cuda", 16)
    assert "--micro-batch" not in sentence(PAPER, "cuda", 1)
