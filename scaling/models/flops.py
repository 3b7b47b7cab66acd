"""Counts the floating-point operations of training.

An addition or a multiplication in a linear map is one operation, as in `torch.utils.flop_counter`;
the forward pass and both gradients count. Activations, normalizations, the likelihood, the
optimizer's update and all measurements are left out.
"""

from collections.abc import Sequence

from scaling.models.counted import Counted
from scaling.models.layers import Layer, halves, layers
from scaling.trial import Trial, VaeTrial
from scaling.trial.catalog import DatasetEntry


def training_flops(trial: Trial, entry: DatasetEntry | None = None) -> int:
    """Returns the operations per image in a gradient step.

    They are the forward pass and the gradients by weights and by inputs, without that by the image
    itself. `entry` describes the images, by default those of the trial's data set.
    """
    return int(sum((1 + layer.gradients) * layer.flops for layer in layers(trial, entry)))


def half_asleep_flops(trial: VaeTrial, entry: DatasetEntry | None = None) -> int:
    """Returns the operations per image of D_train in a step of reverse half asleep.

    Encoder and decoder run once to draw a sample. The encoder is then trained on image and sample,
    or on the sample alone, through a decoder whose weights get no gradient.
    """
    both = halves(trial, entry)
    encoder, decoder = (_forward(half) for half in both)
    first = both[0][0].flops
    images = 1 if trial.half_asleep_mix == "only_samples" else 2
    return encoder + decoder + images * (3 * encoder - first + 2 * decoder)


def trained_flops(trial: Trial, entry: DatasetEntry, images: int, epochs: int) -> int:
    """Returns the operations of the gradient steps of `epochs` epochs with `images` images each.

    Epochs after `half_asleep_from` train only the encoder, with samples of the decoder. Raises
    UsageError if torch cannot count a user's network.
    """
    asleep = trial.half_asleep_from if isinstance(trial, VaeTrial) else 0
    if not isinstance(trial, VaeTrial) or not 0 < asleep < epochs:
        return epochs * images * training_flops(trial, entry)
    awake = asleep * training_flops(trial, entry)
    return images * (awake + (epochs - asleep) * half_asleep_flops(trial, entry))


def _forward(half: Sequence[Layer | Counted]) -> int:
    return sum(layer.flops for layer in half)
