"""Lists the claims of sections 5.2 to 5.4: synthetic data, smoothness, number of samples."""

from dataclasses import replace

from analysis.claims.claim import (
    CIFAR,
    CORRUPTED,
    GAPS,
    SMOOTHNESS,
    TASKS,
    Claim,
    higher,
    lower,
    measured_on,
)
from analysis.claims.rules.regions import BELOW, equal, no_gain
from analysis.claims.rules.steps import Monotone
from analysis.claims.rules.terms import Term
from analysis.claims.trials.arms import AUG_NAIVE, AUG_TUNED, DMAAPX, NORMAL, Along, Near

FIG_2 = "5.2, B.3, Figures 2, 10, 11"
RHA, DMAAPX_RHA = replace(NORMAL, half_asleep=True), replace(DMAAPX, half_asleep=True)
RHA_COMMAND = "scaling-vae study reverse_half_asleep --preset cifar10"
ONCE, TEN, UP_TO_TEN, MOST = (
    replace(DMAAPX, k=k) for k in (1.0, Near(10), Along(high=10), "largest")
)
K_COMMAND = "scaling-vae study sample_budget --preset cifar10"

SOURCES = [
    Claim(
        "test ELBO: diffusion samples, normal",
        "Training on diffusion samples gives a higher test ELBO than normal training.",
        FIG_2,
        higher("test_elbo", DMAAPX, NORMAL),
    ),
    Claim(
        "test ELBO: diffusion samples, augmentation",
        "Training on diffusion samples gives a higher test ELBO than either augmentation.",
        FIG_2,
        higher("test_elbo", DMAAPX, AUG_TUNED, AUG_NAIVE),
    ),
    Claim(
        "test ELBO: augmentation, normal",
        "Both augmentations give a higher test ELBO than normal training.",
        FIG_2,
        lower("test_elbo", NORMAL, AUG_TUNED, AUG_NAIVE),
    ),
]
for _column, _gap in GAPS.items():
    SOURCES += [
        Claim(
            f"{_gap}: diffusion samples, normal",
            f"Training on diffusion samples has a smaller {_gap} than normal training.",
            f"{FIG_2}, Table 7",
            lower(_column, DMAAPX, NORMAL),
        ),
        Claim(
            f"{_gap}: diffusion samples, augmentation",
            f"Training on diffusion samples has a smaller {_gap} than either augmentation.",
            f"{FIG_2}, Table 7",
            lower(_column, DMAAPX, AUG_TUNED, AUG_NAIVE),
        ),
        Claim(
            f"{_gap}: augmentation, normal",
            f"Both augmentations have a smaller {_gap} than normal training.",
            f"{FIG_2}, Table 7",
            higher(_column, NORMAL, AUG_TUNED, AUG_NAIVE),
        ),
    ]

DOWNSTREAM = [
    Claim(
        "corruptions: diffusion samples, normal",
        "Averaged over 19 corruptions and four classifiers, representations learned on diffusion "
        "samples are classified better than those of normal training.",
        "5.2, Figure 4 left",
        higher(CORRUPTED, DMAAPX, NORMAL),
        TASKS,
    ),
    Claim(
        "corruptions: augmentation, normal",
        "Averaged over 19 corruptions and four classifiers, augmentation makes representations "
        "worse than normal training does.",
        "5.2, Figure 4 left",
        higher(CORRUPTED, NORMAL, AUG_TUNED, AUG_NAIVE),
        TASKS,
    ),
    Claim(
        "half asleep: diffusion samples",
        "Diffusion samples give a higher test ELBO than reverse half asleep on real images.",
        "5.2, Figure 5",
        higher("test_elbo", DMAAPX, RHA),
        RHA_COMMAND,
    ),
    Claim(
        "half asleep: normal",
        "Reverse half asleep raises the test ELBO of normal training.",
        "5.2, Figure 5",
        higher("test_elbo", RHA, NORMAL),
        RHA_COMMAND,
    ),
    Claim(
        "half asleep: on top",
        "Reverse half asleep on top of diffusion samples does not raise the test ELBO.",
        "5.2, Figure 5",
        higher("test_elbo", DMAAPX_RHA, DMAAPX, region=no_gain()),
        RHA_COMMAND,
    ),
    Claim(
        "smoothness",
        "On a line between two latents the density of q is smoother after training on diffusion "
        "samples than after normal training.",
        "5.3, Figure 3",
        lower("roughness", DMAAPX, NORMAL),
        SMOOTHNESS,
    ),
    Claim(
        "density",
        "On a line between two latents the density of q is higher after training on diffusion "
        "samples than after normal training.",
        "5.3, Figure 3",
        higher("interpolation_log_q", DMAAPX, NORMAL),
        SMOOTHNESS,
    ),
]

SAMPLES = [
    Claim(
        "samples: once",
        "As many samples as training images (k = 1) give the test ELBO of normal training.",
        "5.4, Figure 4 right",
        higher("test_elbo", ONCE, NORMAL, region=equal()),
        K_COMMAND,
    ),
    Claim(
        "samples: more up to ten",
        "Up to k = 10, more distinct samples raise the test ELBO.",
        "5.4, Figure 4 right",
        Monotone(Term("test_elbo", UP_TO_TEN)),
        K_COMMAND,
    ),
    Claim(
        "samples: smaller gap up to ten",
        "Up to k = 10, more distinct samples shrink the generalization gap.",
        "5.4, Figure 4 right",
        Monotone(Term("generalization_gap", UP_TO_TEN), region=BELOW),
        K_COMMAND,
    ),
    Claim(
        "samples: test ELBO plateau",
        "From k = 10 (or the nearest measured) to the largest k the test ELBO stays the same.",
        "5.4, Figure 4 right",
        higher("test_elbo", MOST, TEN, region=equal()),
        K_COMMAND,
    ),
    Claim(
        "samples: gap plateau",
        "From k = 10 (or the nearest measured) to the largest k the generalization gap stays the "
        "same.",
        "5.4, Figure 4 right",
        higher("generalization_gap", MOST, TEN, region=equal()),
        K_COMMAND,
    ),
]

CLAIMS = (*SOURCES, *measured_on(CIFAR, *DOWNSTREAM, *SAMPLES))
