"""Lists the claims of Appendices F and G: representations, reconstructions, corruptions."""

from analysis.claims.claim import CIFAR, TASKS, Claim, higher, lower, measured_on
from analysis.claims.rules.at_least import ALMOST_ALL, Mostly
from analysis.claims.rules.regions import DECIBELS, Margin, equal
from analysis.claims.rules.rule import InEach
from analysis.claims.trials.arms import AUG_NAIVE, AUG_TUNED, DMAAPX, NORMAL
from analysis.columns import CLASSIFIERS, SINGLE_CORRUPTIONS

OTHERS = (NORMAL, AUG_TUNED, AUG_NAIVE)
AUGMENTED = (AUG_TUNED, AUG_NAIVE)
LINEAR, CURVED = ("logistic", "svm_linear"), ("svm_rbf", "knn")
CLEAN = tuple(f"accuracy_{name}" for name in CLASSIFIERS)


def corrupted(names: tuple[str, ...], what: str = "*") -> tuple[str, ...]:
    """Returns the accuracy columns of classifiers on corrupted images."""
    return tuple(f"accuracy_{name}__{what}" for name in names)


def best_in_each(name: str) -> InEach:
    """Returns the rule that a classifier is best on diffusion samples under each corruption."""
    return InEach(
        higher(f"accuracy_{name}__*", DMAAPX, *OTHERS),
        tuple(f"accuracy_{name}__{corruption}" for corruption in SINGLE_CORRUPTIONS),
    )


USES = [
    *(
        Claim(
            f"representations: {name}",
            f"Representations learned on diffusion samples are classified best ({title}).",
            "F, Table 11",
            higher(f"accuracy_{name}", DMAAPX, *OTHERS),
            TASKS,
        )
        for name, title in CLASSIFIERS.items()
    ),
    Claim(
        "representations: augmentation",
        "Averaged over four classifiers, augmentation makes representations worse.",
        "F, Table 11",
        higher(CLEAN, NORMAL, *AUGMENTED),
        TASKS,
    ),
    Claim(
        "reconstruction: diffusion samples",
        "VAEs trained on diffusion samples reconstruct best (PSNR of sampled images).",
        "F, Table 11",
        higher("psnr_sample", DMAAPX, *OTHERS),
        TASKS,
    ),
    Claim(
        "reconstruction: augmentation",
        "VAEs trained with augmentation reconstruct as well as with normal training.",
        "F, Table 11",
        higher("psnr_sample", NORMAL, *AUGMENTED, region=equal(DECIBELS)),
        TASKS,
    ),
    Claim(
        "samples: FID",
        "VAEs trained on diffusion samples have the smallest Frechet inception distance.",
        "F, Table 11",
        lower("fid", DMAAPX, *OTHERS),
        TASKS,
    ),
    Claim(
        "samples: FID like normal",
        "The Frechet inception distance on diffusion samples is that of normal training.",
        "F, Table 11",
        higher("fid", DMAAPX, NORMAL, region=equal(Margin(column="fid"))),
        TASKS,
    ),
    Claim(
        "samples: FID, augmentation",
        "VAEs trained with augmentation have a larger Frechet inception distance than normal ones.",
        "F, Table 11",
        lower("fid", NORMAL, *AUGMENTED),
        TASKS,
    ),
    Claim(
        "samples: inception score",
        "VAEs trained normally have the highest inception score.",
        "F, Table 11",
        higher("inception_score", NORMAL, DMAAPX, *AUGMENTED),
        TASKS,
    ),
]

CORRUPTED = [
    *(
        Claim(
            f"corruptions: each, {name}",
            "Under each of the corruptions, representations learned on diffusion samples are "
            f"classified best ({CLASSIFIERS[name]}).",
            "G, Figure 19",
            best_in_each(name),
            TASKS,
        )
        for name in LINEAR
    ),
    Claim(
        "corruptions: linear classifiers",
        "Averaged over the corruptions and the linear classifiers, diffusion samples are best.",
        "G, Figure 19",
        higher(corrupted(LINEAR), DMAAPX, *OTHERS),
        TASKS,
    ),
    *(
        Claim(
            f"corruptions: almost all, {name}",
            "Under almost all of the corruptions, representations learned on diffusion samples are "
            f"classified best ({CLASSIFIERS[name]}).",
            "G, Figure 19",
            Mostly(best_in_each(name), ALMOST_ALL),
            TASKS,
        )
        for name in CURVED
    ),
    Claim(
        "corruptions: mixed",
        "With a random corruption per image, averaged over four classifiers, diffusion samples "
        "are best.",
        "G, Figure 19",
        higher(corrupted(tuple(CLASSIFIERS), "overall"), DMAAPX, *OTHERS),
        TASKS,
    ),
]

CLAIMS = measured_on(CIFAR, *USES, *CORRUPTED)
