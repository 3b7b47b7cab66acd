"""Says in a plan how many images trials are trained, validated and tested on."""

from collections.abc import Iterable

from scaling.models.layers import images_of_trial
from scaling.trial import Trial
from scaling.trial.partition import sizes

FEW = 50  # with fewer images for validation or testing, a mean over them says little of a model


def image_lines(trials: Iterable[Trial]) -> list[str]:
    """Returns a line for each data set and number of training images, in the order of the trials.

    The trials' parts must be possible (`sizes` raises UsageError otherwise).
    """
    by_part = {(trial.dataset, trial.part): trial for trial in trials}
    return list(dict.fromkeys(map(_line, by_part.values())))


def _line(trial: Trial) -> str:
    images = images_of_trial(trial)
    size = sizes(trial.part, images, trial.dataset)
    counts = {"validation": size.validation, "testing": size.test}
    texts = [f"{size.train:,} for training"]
    texts += [f"{count:,} for {use}" for use, count in counts.items() if count]
    few = [use for use, count in counts.items() if 0 < count < FEW]
    advice = ", give a smaller --train-size" * (images.official_test is None)
    warning = f"; too few for {' and '.join(few)}{advice}" if few else ""
    return f"images of {trial.dataset}: {', '.join(texts)}{warning}"
