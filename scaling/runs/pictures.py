"""The pictures of a finished trial, made again from its model where `arrays.npz` was lost."""

from scaling.data.datasets import Dataset
from scaling.runs.execute import Job, make_run
from scaling.storage import checkpoints
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import TwoSampleTrial


def are_lost(folder: TrialFolder) -> bool:
    """Whether the trial has finished, and what it left for pictures is gone."""
    done = folder.done() or {}
    return done.get("state") == "done" and not (folder.path / "arrays.npz").exists()


def made_again(folder: TrialFolder, data: Dataset) -> bool:
    """Writes `arrays.npz` from the model of the last epoch; False where that cannot be read.

    Arrays that costly metrics had put there are not made again: their numbers are in the rows.
    """
    trial, epoch = folder.trial(), int((folder.done() or {}).get("epoch", 0))
    state = checkpoints.at(folder.path, epoch)
    if state is None or isinstance(trial, TwoSampleTrial):  # which needs its pool too
        return False
    run = make_run(trial, data, Job(epoch, epoch), None)
    try:
        run.load_state_dict(state)
    except (KeyError, RuntimeError, ValueError):
        return False
    folder.merge_arrays(run.arrays())
    return True
