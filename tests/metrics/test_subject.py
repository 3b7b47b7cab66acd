"""A metric measures everything with the members of a Subject: a run, or a notebook's object."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from scaling.data.datasets import Dataset
from scaling.metrics import elbo, psnr, reconstruction, smoothness
from scaling.metrics.subject import Subject
from scaling.models.vae import VAE
from scaling.runs.vae import VaeRun
from scaling.trial import Source, VaeTrial


@dataclass(frozen=True)
class Notebook:
    """An object with the members of a Subject and nothing else."""

    vae: VAE
    trial: VaeTrial
    data: Dataset
    train: Tensor
    validation: Tensor | None
    test: Tensor
    device: torch.device
    epoch: int
    images: Tensor

    def source_images(self) -> Tensor:
        return self.images


def subjects(trial: VaeTrial, data: Dataset) -> tuple[Subject, Subject]:
    """Returns a run after an epoch, and an object with its members alone."""
    run = VaeRun(trial, data, 1, 1)
    list(run)
    members = (run.vae, run.trial, run.data, run.train, run.validation, run.test)
    return run, Notebook(*members, run.device, run.epoch, run.source_images())


@pytest.mark.parametrize("augment", [None, "tuned"])
@pytest.mark.parametrize("metric", [elbo, psnr, reconstruction, smoothness])
def test_a_run_and_its_members_alone_give_the_same_numbers(trial, tiny, metric, augment):
    run, notebook = subjects(replace(trial, source=Source(augment=augment)), tiny)
    np.testing.assert_equal(metric.measure(notebook), metric.measure(run))


def test_source_images_are_those_that_the_epoch_trains_on(trial, tiny):
    plain, _ = subjects(trial, tiny)
    drawn = {image.tobytes() for image in plain.source_images().numpy()}
    assert drawn == {image.tobytes() for image in plain.train.numpy()}  # in the epoch's order
    changed, _ = subjects(replace(trial, source=Source(augment="tuned")), tiny)
    images = changed.source_images()
    assert images.shape == changed.train.shape
    assert drawn != {image.tobytes() for image in images.numpy()}
