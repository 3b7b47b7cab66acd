"""Recreates the pictures of a finished trial from its model if `arrays.npz` was lost."""

from scaling.data.datasets import Dataset
from scaling.data.partition import divided
from scaling.runs.execute import Job, make_run
from scaling.storage import checkpoints
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import TwoSampleTrial


def are_lost(folder: TrialFolder) -> bool:
    """Returns True if the trial has finished and its arrays for pictures are lost."""
    done = folder.done() or {}
    return done.get("state") == "done" and not (folder.path / "arrays.npz").exists()


def made_again(folder: TrialFolder, data: Dataset) -> bool:
    """Writes `arrays.npz` from the model of the last epoch; returns False if that is unreadable.

    Arrays that costly metrics had added are not recreated: their numbers are in the rows.
    """
    trial, epoch = folder.trial(), int((folder.done() or {}).get("epoch", 0))
    state = checkpoints.at(folder.path, epoch)
    if state is None or isinstance(trial, TwoSampleTrial):  # the latter needs its pool too
        return False
    run = make_run(trial, divided(data, trial.part), Job(epoch, epoch), None)
    try:
        run.load_state_dict(state)
    except (KeyError, RuntimeError, ValueError):
        return False
    folder.merge_arrays(run.arrays())
    return True
