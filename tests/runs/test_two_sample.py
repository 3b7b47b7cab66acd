"""The two-sample test: known answers, the compared images, bit-equal resuming."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from scaling.data.datasets import split
from scaling.errors import UsageError
from scaling.runs.two_sample import TwoSampleRun
from scaling.seeds import derive
from scaling.trial import TwoSampleTrial
from tests.conftest import assert_same_state, reload, timeless


@pytest.fixture
def trial() -> TwoSampleTrial:
    return TwoSampleTrial(
        "digits", train_size=45, pool="theirs", stages=2, channels=4, lr=1e-2, batch=20
    )


def chunks(images, size=45):
    """Returns a `read_chunk` for a pool of these images."""
    return [images[start : start + size] for start in range(0, len(images), size)].__getitem__


@pytest.fixture
def pool(tiny):
    return chunks(tiny.test[:45])


def rows_of(part):
    return {tuple(image) for image in part.images.flatten(1).tolist()}


def accuracy(trial, data, images, seed=0):
    """Returns the accuracy on the 120 held-out images."""
    trial = replace(trial, channels=8, seed=seed)
    run = TwoSampleRun(trial, data, 20, 20, read_chunk=chunks(images))
    assert len(run.held_out.labels) == 120
    return list(run)[-1]["accuracy"]


COIN_ERROR = 0.5 / math.sqrt(120)  # standard error of guessing


@pytest.mark.parametrize("seed", [0, 1])
def test_equal_distributions_cannot_be_distinguished(trial, digits, seed):
    data = split(digits, 300, 0)
    assert abs(accuracy(trial, data, data.test, seed) - 0.5) < 4 * COIN_ERROR


def test_digits_are_distinguished_from_independent_pixels(trial, digits):
    data = split(digits, 300, 0)
    pixels = np.random.default_rng(0).permuted(data.train.reshape(300, 64), axis=0)
    assert accuracy(trial, data, pixels.reshape(data.train.shape)) > 0.9


def test_copies_of_the_real_images_are_below_chance(trial, digits):
    """A held-out image of one class was trained on with the label of the other."""
    data = split(digits, 300, 0)
    assert accuracy(trial, data, data.train) < 0.5 - 4 * COIN_ERROR


def test_training_equals_the_obvious_loop(trial, tiny, pool):
    trial = replace(trial, weight_decay=0.5)
    run, twin = (TwoSampleRun(trial, tiny, 2, 1, read_chunk=pool) for _ in range(2))
    rows = list(run)
    model = twin.model.train()
    velocity = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for epoch in (1, 2):
        torch.manual_seed(derive(trial.seed, epoch, "train"))
        order, losses = torch.randperm(72), []
        for start in (0, 20, 40, 60):
            batch = order[start : start + 20]
            score = model(twin.train.images[batch] / 16.0)
            each = -F.log_softmax(score, 1)[range(len(batch)), twin.train.labels[batch]]
            gradients = torch.autograd.grad(each.mean(), list(model.parameters()))
            with torch.no_grad():
                for (name, p), g in zip(model.named_parameters(), gradients, strict=True):
                    velocity[name] = 0.9 * velocity[name] + g + 0.5 * p
                    p.sub_(1e-2 * velocity[name])
            losses += each.tolist()
        assert rows[epoch - 1]["loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    for name, value in run.model.state_dict().items():
        torch.testing.assert_close(value, model.state_dict()[name], rtol=1e-3, atol=1e-5)


def test_reported_accuracies_use_running_statistics(trial, tiny, pool):
    run = TwoSampleRun(trial, tiny, 6, 6, read_chunk=pool)
    (row,) = run
    run.model.eval()
    for name, part in (("train_accuracy", run.train), ("accuracy", run.held_out)):
        with torch.no_grad():
            scores = [run.model(image[None] / 16.0)[0] for image in part.images]
        right = [int(s.argmax()) == y for s, y in zip(scores, part.labels, strict=True)]
        assert row[name] == np.mean(right)
    assert row["parameters"] == sum(p.numel() for p in run.model.parameters())
    run.seconds = 4.0
    assert run.measure() | {"seconds": 4.0, "images_per_s": 6 * 72 / 4.0} == run.measure()


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_resumed_run_is_bit_equal(trial, tiny, pool, stop):
    whole = TwoSampleRun(trial, tiny, 4, 1, read_chunk=pool)
    expected = [timeless(row) for row in whole]
    first = TwoSampleRun(trial, tiny, stop, 1, read_chunk=pool)
    rows = [timeless(row) for row in first]
    second = TwoSampleRun(trial, tiny, 4, 1, read_chunk=pool)
    second.load_state_dict(reload(first.state_dict()))
    assert timeless(second.last_row) == timeless(second.measure()) == rows[-1]
    rows += [timeless(row) for row in second]
    assert rows == expected
    for part in ("model", "optimizer"):
        assert_same_state(second.state_dict()[part], whole.state_dict()[part])


def test_rows_do_not_depend_on_the_interval_of_rows_or_the_callers_generator(trial, tiny, pool):
    often = [timeless(row) for row in TwoSampleRun(trial, tiny, 3, 1, read_chunk=pool)]
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    rare = [timeless(row) for row in TwoSampleRun(trial, tiny, 3, 2, read_chunk=pool)]
    assert torch.equal(before, torch.random.get_rng_state())
    assert rare == often[1:]


def test_a_fifth_of_each_class_is_held_out(trial, tiny, pool):
    run = TwoSampleRun(trial, tiny, 0, read_chunk=pool)
    assert run.held_out.labels.bincount().tolist() == [9, 9]
    assert run.train.labels.bincount().tolist() == [36, 36]
    for label, images in ((0, tiny.test[:45]), (1, tiny.train)):
        parts = [part.images[part.labels == label] for part in (run.held_out, run.train)]
        together = torch.cat(parts).flatten(1).tolist()
        assert sorted(together) == sorted(images.reshape(45, 64).tolist())
    assert not rows_of(run.held_out) & rows_of(run.train)


def test_the_split_depends_on_the_seed_only(trial, tiny, pool):
    def held_out(**options):
        run = TwoSampleRun(replace(trial, **options), tiny, 0, read_chunk=pool)
        return rows_of(run.held_out)

    assert held_out() == held_out(lr=1.0, channels=2)
    assert held_out() != held_out(seed=1)


@pytest.mark.parametrize(
    ("real", "images", "count"), [("train", None, 45), ("train", 20, 20), ("test", 50, 50)]
)
def test_the_requested_number_of_images_is_compared(trial, tiny, digits, real, images, count):
    pool = split(digits, 200, 1).train
    run = TwoSampleRun(replace(trial, real=real, images=images), tiny, 1, read_chunk=chunks(pool))
    (row,) = run
    assert row["images"] == count == (len(run.train.labels) + len(run.held_out.labels)) // 2
    images = torch.cat([run.train.images, run.held_out.images]).flatten(1)
    labels = torch.cat([run.train.labels, run.held_out.labels])
    assert sorted(images[labels == 0].tolist()) == sorted(pool[:count].reshape(-1, 64).tolist())
    whole = (tiny.train if real == "train" else tiny.test).reshape(-1, 64).tolist()
    chosen = images[labels == 1].tolist()
    assert all(image in whole for image in chosen)
    assert len({tuple(image) for image in chosen}) == count  # no image occurs twice


def test_images_that_cannot_be_compared_are_refused(trial, tiny, pool):
    refused = [
        (replace(trial, real="test", images=50), pool, "theirs has 45 images, and 50 are needed"),
        (replace(trial, images=46), pool, "At most --set images=45"),
        (trial, None, "needs a pool"),
        (trial, chunks(np.zeros((45, 3, 8, 8), np.uint8)), "Choose another"),
        (replace(trial, stages=4), pool, "Give at most --set stages=3"),
    ]
    for wrong, read_chunk, message in refused:
        with pytest.raises(UsageError, match=message):
            TwoSampleRun(wrong, tiny, 1, read_chunk=read_chunk)


def test_a_loss_that_is_not_finite_is_an_error(trial, tiny, pool):
    run = TwoSampleRun(replace(trial, lr=1e30), tiny, 5, read_chunk=pool)
    with pytest.raises(FloatingPointError, match="epoch 1; a smaller lr"):
        list(run)


def test_pictures_are_the_held_out_images_judged_most_and_least_real(trial, digits):
    data = split(digits, 300, 0)
    noise = np.random.default_rng(0).integers(0, 17, data.train.shape, dtype=np.uint8)
    run = TwoSampleRun(replace(trial, channels=8), data, 10, 10, read_chunk=chunks(noise))
    (row,) = run
    assert row["accuracy"] > 0.99
    arrays = run.arrays()
    real, generated = ({image.tobytes() for image in part} for part in (data.train, noise))
    assert {image.tobytes() for image in arrays["seem_real"]} <= real
    assert {image.tobytes() for image in arrays["seem_generated"]} <= generated
    assert all(a.shape == (16, 1, 8, 8) and a.dtype == np.uint8 for a in arrays.values())


def test_the_data_are_not_changed(trial, tiny, pool):
    arrays = (tiny.train, pool(0))
    before = [array.copy() for array in arrays]
    list(TwoSampleRun(trial, tiny, 1, read_chunk=pool))
    assert all((array == old).all() for array, old in zip(arrays, before, strict=True))


@pytest.mark.parametrize("part", ["measure", "train_epoch"])
def test_a_gpu_does_not_round_to_tf32(trial, tiny, pool, monkeypatch, part):
    run, seen = TwoSampleRun(trial, tiny, 1, 1, read_chunk=pool), []
    model = run.model.forward
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr(
        run.model, "forward", lambda x: seen.append(torch.backends.cudnn.allow_tf32) or model(x)
    )
    for weights in run.model.parameters():  # in the backward pass
        weights.register_hook(lambda gradient: seen.append(torch.backends.cudnn.allow_tf32))
    getattr(run, part)()
    assert seen and not any(seen) and torch.backends.cudnn.allow_tf32


def test_rows_name_the_precision(trial, tiny, pool):
    assert [row["precision"] for row in TwoSampleRun(trial, tiny, 1, 1, read_chunk=pool)] == [
        "float32"
    ]
