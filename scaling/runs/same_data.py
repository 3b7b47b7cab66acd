"""Checks that a trial continues with the images that it began with."""

from scaling.data.datasets import OWN, Dataset
from scaling.errors import UsageError
from scaling.storage.rows import last_fingerprint
from scaling.storage.trial_folder import TrialFolder


def check_same_data(folder: TrialFolder, data: Dataset) -> None:
    """Raises UsageError if the trial's rows are of other images, such as a JPEG copy."""
    check_fingerprint(folder, last_fingerprint(folder.path / "rows.jsonl"), data)


def check_fingerprint(folder: TrialFolder, fingerprint: str | None, data: Dataset) -> None:
    """Raises UsageError if the images have another fingerprint than a row or checkpoint names."""
    if fingerprint and fingerprint != data.fingerprint:
        own = data.name.endswith(OWN)
        advice = "Put the earlier file back" if own else "Give that --data-root again"
        raise UsageError(
            f"The trial {folder.key} began on other images of {data.name} (fingerprint "
            f"{fingerprint}, now {data.fingerprint}). {advice}, or give another --results."
        )
