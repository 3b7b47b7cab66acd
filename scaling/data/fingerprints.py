"""Computes fingerprints of the images on which trials would be trained now."""

from collections.abc import Callable

from scaling.data.datasets import Dataset
from scaling.data.partition import divided
from scaling.trial import Data, Trial, data_of


def fingerprints(load: Callable[[str, str], Dataset]) -> Callable[[Trial], str]:
    """Returns a function from a trial to the fingerprint of its images.

    `load` reads a data set; it is called once for each.
    """
    read: dict[Data, Dataset] = {}

    def fingerprint(trial: Trial) -> str:
        data = data_of(trial)
        if data not in read:
            read[data] = load(*data)
        return divided(read[data], trial.part).fingerprint

    return fingerprint
