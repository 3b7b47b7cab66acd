"""Extractors for FID and Inception Score: images as features and as logits of classes.

Inception is the network of the published scores, with weights that torch-fidelity knows. Where it
makes no sense (grey images, digits) a small classifier is trained on D_train instead.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scaling.metrics.subject import Subject
from scaling.seeds import seeded

# (B, C, H, W) in [0, 1] -> features (B, D) and logits (B, classes)
Extractor = Callable[[Tensor], tuple[Tensor, Tensor]]

WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"  # released by torch-fidelity
WEIGHTS_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
CLASSIFIER_SEED = 0  # the same classifier for all models trained on the same D_train
CLASSIFIER_IMAGES = 10_000
CLASSIFIER_EPOCHS, CLASSIFIER_BATCH, CLASSIFIER_LR = 10, 50, 1e-3
CLASSIFIER_FEATURES = 64


class Missing(Exception):
    """Why an extractor is not to be had here, in one sentence."""


def inception(subject: Subject, weights: str | None) -> Extractor:
    """InceptionV3 of torch-fidelity; `weights` are a file, None: PyTorch's cache of downloads.

    Raises Missing without the package or the weights; nothing is downloaded.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError:
        raise Missing("torch-fidelity is not installed (pip install torch-fidelity)") from None
    file = Path(weights) if weights else Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS
    _verify(file)
    names = ["2048", "logits_unbiased"]
    # the package unpickles the file, which the checksum has just shown to be the published one
    network = FeatureExtractorInceptionV3("inception", names, str(file)).to(subject.device)

    def extract(x: Tensor) -> tuple[Tensor, Tensor]:
        x = (x * 255).round().to(torch.uint8)
        return network(x.expand(-1, 3, -1, -1))

    return extract


def _verify(file: Path) -> None:
    if not file.is_file():
        place = str(file).replace(
            os.path.expanduser("~"), "~"
        )  # it stands in results that are published
        raise Missing(f"the Inception weights are not at {place}")
    with open(file, "rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise Missing(f"{file} is not the published file: its SHA-256 is {found}")


def classifier(subject: Subject, weights: str | None = None) -> Extractor:
    """A small convolutional classifier trained here on D_train; its last hidden layer.

    Raises Missing where D_train has no classes.
    """
    known = subject.data.train_labels[:CLASSIFIER_IMAGES]
    classes, indices = np.unique(known, return_inverse=True)
    if len(classes) < 2:
        raise Missing("the training images have no classes to train an extractor on")
    images, labels = subject.train[: len(known)], torch.from_numpy(indices).to(subject.device)
    with torch.enable_grad(), seeded(subject.device, CLASSIFIER_SEED, "classifier"):
        network = _network(images.shape[1], len(classes)).to(subject.device)
        optimizer = torch.optim.Adam(network.parameters(), CLASSIFIER_LR)
        for _ in range(CLASSIFIER_EPOCHS):
            for batch in torch.randperm(len(images), device=subject.device).split(CLASSIFIER_BATCH):
                optimizer.zero_grad()
                logits = network(images[batch] / (subject.data.levels - 1))
                F.cross_entropy(logits, labels[batch]).backward()
                optimizer.step()
    hidden, head = network[:-1].requires_grad_(False), network[-1].requires_grad_(False)

    def extract(x: Tensor) -> tuple[Tensor, Tensor]:
        features = hidden(x)
        return features, head(features)

    return extract


def _network(channels: int, classes: int) -> nn.Sequential:
    width = CLASSIFIER_FEATURES
    return nn.Sequential(
        nn.Conv2d(channels, width // 2, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width // 2, width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, classes),
    )


EXTRACTORS = {"inception": inception, "classifier": classifier}
