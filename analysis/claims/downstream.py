"""The claims of Appendices F and G: representations, reconstructions, samples, corruptions."""

from analysis.claims.arms import AUG_NAIVE, AUG_TUNED, DMAAPX, NORMAL
from analysis.claims.claim import AFTERWARDS, CLASSIFIERS, Claim, higher, lower
from analysis.claims.regions import Margin, equal

OTHERS = (NORMAL, AUG_TUNED, AUG_NAIVE)
AUGMENTED = (AUG_TUNED, AUG_NAIVE)
DECIBELS = Margin(number=0.5)  # dB; Table 11's means lie within 0.45
LINEAR, CURVED = ("logistic", "svm_linear"), ("svm_rbf", "knn")
CLEAN = tuple(f"accuracy_{name}" for name in CLASSIFIERS)


def corrupted(names: tuple[str, ...], what: str = "*") -> tuple[str, ...]:
    """The accuracy columns of classifiers on corrupted images."""
    return tuple(f"accuracy_{name}__{what}" for name in names)


TASKS = [
    *(
        Claim(
            f"representations: {name}",
            f"Representations learned on diffusion samples are classified best ({title}).",
            "F, Table 11",
            higher(f"accuracy_{name}", DMAAPX, *OTHERS),
            f"{AFTERWARDS} representation",
        )
        for name, title in CLASSIFIERS.items()
    ),
    Claim(
        "representations: augmentation",
        "Averaged over four classifiers, augmentation makes representations worse.",
        "F, Table 11",
        higher(CLEAN, NORMAL, *AUGMENTED),
        f"{AFTERWARDS} representation",
    ),
    Claim(
        "reconstruction: diffusion samples",
        "VAEs trained on diffusion samples reconstruct best (PSNR of sampled images).",
        "F, Table 11",
        higher("psnr_sample", DMAAPX, *OTHERS),
        f"{AFTERWARDS} psnr",
    ),
    Claim(
        "reconstruction: augmentation",
        "VAEs trained with augmentation reconstruct as well as with normal training.",
        "F, Table 11",
        higher("psnr_sample", NORMAL, *AUGMENTED, region=equal(DECIBELS)),
        f"{AFTERWARDS} psnr",
    ),
    Claim(
        "samples: FID",
        "VAEs trained on diffusion samples have the smallest Frechet inception distance.",
        "F, Table 11",
        lower("fid", DMAAPX, *OTHERS),
        f"{AFTERWARDS} sample_quality",
    ),
    Claim(
        "samples: FID like normal",
        "The Frechet inception distance on diffusion samples is that of normal training.",
        "F, Table 11",
        higher("fid", DMAAPX, NORMAL, region=equal(Margin(column="fid"))),
        f"{AFTERWARDS} sample_quality",
    ),
    Claim(
        "samples: FID, augmentation",
        "VAEs trained with augmentation have a larger Frechet inception distance than normal ones.",
        "F, Table 11",
        lower("fid", NORMAL, *AUGMENTED),
        f"{AFTERWARDS} sample_quality",
    ),
    Claim(
        "samples: inception score",
        "VAEs trained normally have the highest inception score.",
        "F, Table 11",
        higher("inception_score", NORMAL, DMAAPX, *AUGMENTED),
        f"{AFTERWARDS} sample_quality",
    ),
]

CORRUPTIONS = [
    Claim(
        "corruptions: linear classifiers",
        "Averaged over the corruptions and the linear classifiers, diffusion samples are best.",
        "G, Figure 19",
        higher(corrupted(LINEAR), DMAAPX, *OTHERS),
        f"{AFTERWARDS} corruption",
    ),
    Claim(
        "corruptions: other classifiers",
        "Averaged over the corruptions and the non-linear classifiers, diffusion samples are best.",
        "G, Figure 19",
        higher(corrupted(CURVED), DMAAPX, *OTHERS),
        f"{AFTERWARDS} corruption",
    ),
    Claim(
        "corruptions: mixed",
        "With a random corruption per image, averaged over four classifiers, diffusion samples "
        "are best.",
        "G, Figure 19",
        higher(corrupted(tuple(CLASSIFIERS), "overall"), DMAAPX, *OTHERS),
        f"{AFTERWARDS} corruption",
    ),
]

CLAIMS = (*TASKS, *CORRUPTIONS)
