"""Which images trials would be trained on now, each data set read once."""

from collections.abc import Callable

from scaling.data.datasets import Dataset
from scaling.data.partition import divided
from scaling.trial import Data, Trial, data_of


def fingerprints(load: Callable[[str, str], Dataset]) -> Callable[[Trial], str]:
    """Returns what gives the fingerprint of a trial's images; `load` reads a data set."""
    read: dict[Data, Dataset] = {}

    def fingerprint(trial: Trial) -> str:
        data = data_of(trial)
        if data not in read:
            read[data] = load(*data)
        return divided(read[data], trial.part).fingerprint

    return fingerprint
