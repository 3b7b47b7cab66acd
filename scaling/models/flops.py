"""Counts the floating-point operations that training takes.

An addition or a multiplication of the linear maps is one operation, as `torch.utils.flop_counter`
counts them: forward and both gradients. Activations, normalizations, the likelihood, the
optimizer's update and all measuring are left out.
"""

from collections.abc import Sequence

from scaling.models.counted import Counted
from scaling.models.layers import Layer, halves, layers
from scaling.trial import Trial, VaeTrial
from scaling.trial.catalog import DatasetRow


def training_flops(trial: Trial, row: DatasetRow | None = None) -> int:
    """Returns the operations that one image takes in a gradient step.

    Those are the forward pass and both gradients, none by the image itself. `row` has the shape of
    the images, by default what the catalog says of the trial's data set.
    """
    return int(sum((1 + layer.gradients) * layer.flops for layer in layers(trial, row)))


def half_asleep_flops(trial: VaeTrial, row: DatasetRow | None = None) -> int:
    """Returns the operations of one image of D_train in a step of reverse half asleep.

    Encoder and decoder run once to draw a sample; then a step of the encoder follows on image and
    sample, or on the sample alone, through a decoder without gradients by its weights.
    """
    both = halves(trial, row)
    encoder, decoder = (_forward(half) for half in both)
    first = both[0][0].flops
    images = 1 if trial.half_asleep_mix == "only_samples" else 2
    return encoder + decoder + images * (3 * encoder - first + 2 * decoder)


def trained_flops(trial: Trial, row: DatasetRow, images: int, epochs: int) -> int:
    """Returns the operations of the gradient steps of so many epochs of `images` images each.

    Epochs after `half_asleep_from` train the encoder alone, on samples made for it. Raises
    UsageError where a network of the user's cannot be counted.
    """
    asleep = trial.half_asleep_from if isinstance(trial, VaeTrial) else 0
    if not isinstance(trial, VaeTrial) or not 0 < asleep < epochs:
        return epochs * images * training_flops(trial, row)
    awake = asleep * training_flops(trial, row)
    return images * (awake + (epochs - asleep) * half_asleep_flops(trial, row))


def _forward(half: Sequence[Layer | Counted]) -> int:
    return sum(layer.flops for layer in half)
