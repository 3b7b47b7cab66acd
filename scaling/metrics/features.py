"""Extracts features and class logits of images, for FID and Inception Score.

Inception is the network of the published scores, with the weights of torch-fidelity. Where it is
not meaningful (grey images, digits) a small classifier is trained on D_train instead.
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

# Maps (B, C, H, W) in [0, 1] to features (B, D) and logits (B, classes).
Extractor = Callable[[Tensor], tuple[Tensor, Tensor]]

WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"  # released by torch-fidelity
WEIGHTS_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
CLASSIFIER_SEED = 0  # constant, so that all models on the same D_train share a classifier
CLASSIFIER_IMAGES = 10_000
CLASSIFIER_EPOCHS, CLASSIFIER_BATCH, CLASSIFIER_LR = 10, 50, 1e-3
CLASSIFIER_FEATURES = 64


class Missing(Exception):
    """Gives the reason why an extractor is not available, in one sentence."""


def inception(subject: Subject, weights: str | None) -> Extractor:
    """Returns InceptionV3 of torch-fidelity; `weights` is a file, None: in PyTorch's cache.

    Raises Missing without the package or the weights; nothing is downloaded.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError:
        raise Missing("torch-fidelity is not installed (pip install torch-fidelity)") from None
    file = Path(weights) if weights else Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS
    _verify(file)
    names = ["2048", "logits_unbiased"]
    # The package unpickles the file, which by its checksum is the published one.
    network = FeatureExtractorInceptionV3("inception", names, str(file)).to(subject.device)

    def extract(x: Tensor) -> tuple[Tensor, Tensor]:
        x = (x * 255).round().to(torch.uint8)
        return network(x.expand(-1, 3, -1, -1))

    return extract


def _verify(file: Path) -> None:
    if not file.is_file():
        # The message is written into results, which should not reveal a user's name.
        place = str(file).replace(os.path.expanduser("~"), "~")
        raise Missing(f"the Inception weights are not at {place}")
    with open(file, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != WEIGHTS_SHA256:
        raise Missing(f"{file} is not the published file: its SHA-256 is {digest}")


def classifier(subject: Subject, weights: str | None = None) -> Extractor:
    """Trains a small convolutional classifier on D_train and returns its last hidden layer.

    Raises Missing if D_train has fewer than two classes.
    """
    raw_labels = subject.data.train_labels[:CLASSIFIER_IMAGES]
    classes, indices = np.unique(raw_labels, return_inverse=True)
    if len(classes) < 2:
        fault = "are of one class" if len(classes) else "have no classes"
        raise Missing(f"the training images {fault}, and an extractor needs several")
    images, labels = subject.train[: len(raw_labels)], torch.from_numpy(indices).to(subject.device)
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
