"""Checks that the names in a VaeTrial are known and that every changed field has an effect."""

from typing import Any

from scaling.errors import UsageError, did_you_mean, listed
from scaling.trial import extensions
from scaling.trial.base import check_dataset
from scaling.trial.catalog import LIKELIHOODS

NETWORKS = ("residual", "fully_connected")  # the user's modules may add others
# Only these networks, likelihoods or data sets read the field; others must keep its default.
READ_WHERE = {
    "mixtures": ("likelihood", ("mixture",)),
    "mol_mix": ("likelihood", ("mixture",)),
    "sigma": ("likelihood", ("gaussian",)),
    "gauss_mean_act": ("likelihood", ("gaussian",)),
    "latent_reading": ("network", ("residual",)),
    "res_inplace_quirk": ("network", ("residual",)),
    "res_second_kernel": ("network", ("residual",)),
    "batch_norm": ("network", ("fully_connected",)),
    "binarise": ("dataset", ("mnist",)),
}
HALF_ASLEEP = ("half_asleep_source", "half_asleep_mix")  # read only with half_asleep_from
STOPPING = {  # read only with these values of stop_when
    "stop_after": ("collapsed", "diverged", "either"),
    "stop_kl": ("collapsed", "either"),
}


def check_names(trial: Any) -> None:
    """Raises UnknownName for a data set, network or likelihood that no loaded module defines."""
    check_dataset(trial)
    for name, built_in in (("network", NETWORKS), ("likelihood", LIKELIHOODS)):
        value = getattr(trial, name)
        if value not in built_in and value not in (names := extensions.known(name, built_in)):
            raise extensions.UnknownName(
                f"Unknown {name} {value!r}. {did_you_mean(value, names)}Known: {listed(names)}. "
                f"{extensions.HINT}."
            )


def check_read(trial: Any) -> None:
    """Raises UsageError if a field that the trial's run would not read is not at its default."""
    if not trial.half_asleep_from:
        for name in HALF_ASLEEP:
            if getattr(trial, name) != type(trial).__dataclass_fields__[name].default:
                raise UsageError(
                    f"{name}={getattr(trial, name)} is read with half_asleep_from only. "
                    "Give that too."
                )
    for name, read_by in STOPPING.items():
        default = type(trial).__dataclass_fields__[name].default
        if getattr(trial, name) != default and trial.stop_when not in read_by:
            raise UsageError(
                f"{name}={getattr(trial, name)} is read with stop_when {listed(read_by)} only, and "
                f"this trial has stop_when={trial.stop_when}. Give that too, or leave it out."
            )
    for name, (owner, readers) in READ_WHERE.items():
        default = type(trial).__dataclass_fields__[name].default
        if getattr(trial, name) != default and getattr(trial, owner) not in readers:
            raise UsageError(
                f"{name}={getattr(trial, name)} is read by {owner} {listed(readers)} only, "
                f"and this trial has {owner}={getattr(trial, owner)}. "
                f"Leave it at its default, {name}={default}."
            )


def check_source(trial: Any) -> None:
    """Raises UsageError if the likelihood cannot model the images that the source provides."""
    on_request = trial.likelihood_entry.floats == "on_request"
    if trial.source.keep_real and not on_request:
        raise UsageError(
            "source.keep_real=True is read by the likelihood bernoulli only, and this trial "
            f"has likelihood={trial.likelihood}. Leave keep_real out."
        )
    if not trial.source.requantise and not on_request:
        raise UsageError(
            "source.requantise=False is read by the likelihood bernoulli only: a mixture gives "
            "probabilities to levels, a Gaussian never sees rounded noise. Leave it out."
        )
    if trial.binarise != "threshold" and trial.source.real_share < 1:
        raise UsageError(
            f"binarise={trial.binarise} cannot be combined with samples: diffusion models are "
            "trained on thresholded images, unlike the test set. Give --source normal."
        )
