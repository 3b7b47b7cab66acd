"""Classifies the latent means of corrupted images (Fig 4 left, Fig 19, Appendix G)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch

from scaling.data.corruptions import cifar10_c as corruptions
from scaling.errors import UsageError
from scaling.metrics import representation
from scaling.metrics.representation import CLASSIFIERS, accuracies, latent_means
from scaling.metrics.subject import Subject
from scaling.trial.bounds import WholeNumber, whole

COLUMNS = tuple(
    f"accuracy_{classifier}__{name}"
    for name in (*corruptions.NAMES, corruptions.OVERALL)
    for classifier in CLASSIFIERS
)
FOLDER = "CIFAR-10-C"  # folder in the data root, next to CIFAR-10


SEVERITY = whole(min(corruptions.SEVERITIES), max(corruptions.SEVERITIES))


@dataclass(frozen=True)
class Settings(representation.Settings):
    """Holds the options of the corruptions and of the classifiers."""

    severity: Annotated[int, SEVERITY] = 5  # "the strongest degree of corruption"
    seed: WholeNumber = 0  # of generated corruptions and the overall set, for all models
    folder: str | None = None  # of the official files; None: CIFAR-10-C in the data root

    def used(self, subject: Subject) -> dict[str, object]:
        """Returns all options but the folder; `corruptions` says whether its files are used."""
        used = super().used(subject)
        return {name: value for name, value in used.items() if name != "folder"}


DEFAULT = Settings()


def measure(
    subject: Subject, settings: Settings = DEFAULT
) -> tuple[dict[str, float | str], dict[str, np.ndarray]]:
    """Returns accuracies in [0, 1] per corruption and overall, each with classifiers of its own.

    The column `corruptions` is `official` or `generated`, the origin of the images;
    `corruption_absent` is the reason if there are no accuracies.
    """
    labels = subject.data.test_labels[: settings.images]
    reason = representation.unfit(labels, settings)
    if subject.data.test.shape[1:] != corruptions.SHAPE or subject.data.levels != 256:
        reason = "corruptions are for RGB images of 32x32 pixels only"
    if reason:
        return {"corruption_absent": reason}, {}
    folder = _official(subject, settings)
    clean = subject.data.test[: settings.images]
    test = corruptions.CorruptedTest(clean, settings.severity, settings.seed, folder)
    row: dict[str, float | str] = {"corruptions": "official" if folder else "generated"}
    for name, images in test:
        features = latent_means(subject.vae, torch.from_numpy(images).to(subject.device))
        scores = accuracies(features, labels, settings)
        row |= {f"accuracy_{classifier}__{name}": value for classifier, value in scores.items()}
    return row, {}


def _official(subject: Subject, settings: Settings) -> Path | None:
    """Returns the folder of the official files, after checks, if it exists and fits the test set.

    Raises UsageError for a folder given by a setting that cannot be used.
    """
    root = subject.data.root
    folder = Path(settings.folder) if settings.folder else root and root / FOLDER
    whole = subject.data.name == "cifar10" and len(subject.data.test) == corruptions.TEST_IMAGES
    if not whole or not folder or not folder.is_dir():
        if settings.folder:
            why = "is no folder" if whole else "fits the whole test set of cifar10 only"
            raise UsageError(f"folder={settings.folder} {why}. Correct it, or leave it out.")
        return None
    corruptions.check_official(folder, subject.data.test, subject.data.test_labels)
    return folder
