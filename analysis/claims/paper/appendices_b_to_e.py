"""Lists the claims of Appendices B to E: ablations, diffusion samples, augmentation."""

from dataclasses import replace

from analysis.claims.claim import CIFAR, DATA_SOURCES, TASKS, Claim, higher, lower, measured_on
from analysis.claims.rules.regions import BELOW, DECIBELS, Margin, equal, no_gain
from analysis.claims.rules.rule import Differs
from analysis.claims.rules.steps import Monotone
from analysis.claims.rules.terms import Term
from analysis.claims.trials.arms import (
    AUG_NAIVE,
    AUG_TUNED,
    DMAAPX,
    MOLLIFY,
    NORMAL,
    Along,
    Arm,
    Each,
)

MNISTS = ("mnist", "fashion_mnist")
SOME_REAL, MIXED = Each(low=0.01), Arm(real_share=Along())
OTHER_MIXTURES = (  # all of B.7's but diffusion samples alone
    Arm(SOME_REAL),
    Arm(SOME_REAL, augment="tuned"),
    Arm(real_share=0.0, augment="tuned"),
)
MIX_COMMAND, SUBSET_COMMAND, MOLLIFY_COMMAND, C2ST_COMMAND = (
    f"scaling-vae study {study} --preset cifar10"
    for study in ("mixtures", "diffusion_subsets", "mollification", "two_sample")
)

BEST_IS_PLAIN = (
    "B.7 says that augmentation improves on all mixtures, and that the best is the one without "
    "real images and without augmentation"
)


def saw(share: float | Each) -> Arm:
    """Returns the arm with samples of a diffusion model that saw a share of D_train."""
    return replace(DMAAPX, diffusion_share=share)


ABLATIONS = [
    Claim(
        "reconstructions",
        "The reconstructions of diffusion samples and normal training hardly differ.",
        "B.2, Figure 9",
        higher("psnr_mean", DMAAPX, NORMAL, region=equal(DECIBELS)),
        TASKS,
        datasets=CIFAR,
    ),
    Claim(
        "FashionMNIST with a mixture",
        "With a mixture of logistics on FashionMNIST, diffusion samples have the smallest "
        "generalization gap, as with a Gaussian.",
        "B.4, Figure 12",
        lower("generalization_gap", DMAAPX, NORMAL, AUG_TUNED, AUG_NAIVE),
        DATA_SOURCES.replace("cifar10", "fashion_mnist"),
        datasets=("fashion_mnist",),
        names_data=True,
        likelihood="mixture",
    ),
    *(
        Claim(
            f"training ELBO: {arm.name}",
            f"For {arm.name} the test ELBO is higher than the ELBO on the training distribution.",
            "B.5, Figure 13",
            Differs(Term("test_elbo", arm), (Term("source_elbo", arm),)),
            DATA_SOURCES.replace("cifar10", "mnist"),
            datasets=MNISTS,
            names_data=True,
        )
        for arm in (AUG_TUNED, AUG_NAIVE)
    ),
]

MOLLIFICATION = [
    Claim(
        "mollification: normal",
        "Mollification gives the same test ELBO as normal training.",
        "B.6, Figure 14",
        higher("test_elbo", MOLLIFY, NORMAL, region=equal()),
        MOLLIFY_COMMAND,
    ),
    Claim(
        "mollification: on top",
        "Mollification on top of diffusion samples does not raise the test ELBO.",
        "B.6, Figure 14",
        higher("test_elbo", replace(DMAAPX, mollified=True), DMAAPX, region=no_gain()),
        MOLLIFY_COMMAND,
    ),
    Claim(
        "mollification: gap",
        "Mollification and diffusion samples have similarly small generalization gaps.",
        "B.6",
        higher("generalization_gap", MOLLIFY, DMAAPX, region=equal()),
        MOLLIFY_COMMAND,
        contradicted="Figure 14's caption likens mollification to normal training, whose gap in "
        "Table 7 is 841.54 on CIFAR-10, compared with 5.44 for diffusion samples",
    ),
]

MIXTURES = [
    Claim(
        "mixtures: test ELBO",
        "The test ELBO rises as the share of real images falls from 100 % to 0 %.",
        "B.7, Figure 15",
        Monotone(Term("test_elbo", MIXED), region=BELOW),
        MIX_COMMAND,
    ),
    Claim(
        "mixtures: generalization gap",
        "The generalization gap shrinks as the share of real images falls from 100 % to 0 %.",
        "B.7, Figure 15",
        Monotone(Term("generalization_gap", MIXED)),
        MIX_COMMAND,
    ),
    Claim(
        "mixtures: augmentation, test ELBO",
        "At every share of real images above 0, tuned augmentation raises the test ELBO.",
        "B.7, Figure 15",
        higher("test_elbo", Arm(SOME_REAL, augment="tuned"), Arm(SOME_REAL)),
        MIX_COMMAND,
        contradicted=BEST_IS_PLAIN,
    ),
    Claim(
        "mixtures: augmentation, gap",
        "At every share of real images above 0, tuned augmentation shrinks the generalization gap.",
        "B.7, Figure 15",
        lower("generalization_gap", Arm(SOME_REAL, augment="tuned"), Arm(SOME_REAL)),
        MIX_COMMAND,
        contradicted=BEST_IS_PLAIN,
    ),
    Claim(
        "mixtures: best test ELBO",
        "Diffusion samples alone have the highest test ELBO of all mixtures.",
        "B.7, Figure 15",
        higher("test_elbo", DMAAPX, *OTHER_MIXTURES),
        MIX_COMMAND,
    ),
    Claim(
        "mixtures: smallest gap",
        "Diffusion samples alone have the smallest generalization gap of all mixtures.",
        "B.7, Figure 15",
        lower("generalization_gap", DMAAPX, *OTHER_MIXTURES),
        MIX_COMMAND,
    ),
]

SUBSETS_OF_DATA = [
    Claim(
        "subsets: 30 %, test ELBO",
        "Samples of a diffusion model that saw 30 % of D_train give normal training's test ELBO.",
        "B.8, Figure 16",
        higher("test_elbo", saw(0.3), NORMAL, region=equal()),
        SUBSET_COMMAND,
    ),
    Claim(
        "subsets: 30 %, gap",
        "Samples of a diffusion model that saw 30 % of D_train give a smaller generalization gap "
        "than normal training.",
        "B.8, Figure 16",
        lower("generalization_gap", saw(0.3), NORMAL),
        SUBSET_COMMAND,
    ),
    Claim(
        "subsets: more than 30 %",
        "Samples of diffusion models that saw 40 % to 99 % give a higher test ELBO than normal "
        "training.",
        "B.8, Figure 16",
        higher("test_elbo", saw(Each(0.4, 0.99)), NORMAL),
        SUBSET_COMMAND,
    ),
    Claim(
        "subsets: diminishing returns",
        "Beyond 70 % of D_train for the diffusion model, the test ELBO gains almost nothing.",
        "B.8, Figure 16",
        higher("test_elbo", DMAAPX, saw(0.7), region=no_gain()),
        SUBSET_COMMAND,
    ),
    Claim(
        "two samples: distinguishable",
        "Whatever share the diffusion model saw, a classifier distinguishes its samples from real "
        "images in more than half of the cases.",
        "D.3, Figure 18",
        Differs(Term("accuracy", saw(Each())), constant=0.5),
        C2ST_COMMAND,
    ),
    Claim(
        "two samples: trend",
        "The more the diffusion model saw, the lower the accuracy of that classifier.",
        "D.3, Figure 18",
        Monotone(Term("accuracy", saw(Along())), region=BELOW),
        C2ST_COMMAND,
    ),
    Claim(
        "two samples: all data",
        "Samples of the diffusion model that saw all of D_train are the hardest to distinguish.",
        "D.3, Figure 18",
        lower("accuracy", DMAAPX, saw(Each(high=0.99))),
        C2ST_COMMAND,
    ),
]

REST = [
    Claim(
        "FID of the diffusion model",
        "The diffusion model trained on CIFAR-10 has a Frechet inception distance of 3.95.",
        "D.1",
        "not decided here: it needs the Inception network's weights; see scaling-vae pool info",
        "scaling-vae study diffusion --preset paper",
        paper="3.9537",
        datasets=CIFAR,
        names_data=True,
    ),
    Claim(
        "cost",
        "Once samples exist, training on them takes no longer than normal training.",
        "D.2",
        Differs(Term("seconds", DMAAPX), (Term("seconds"),), no_gain(Margin(column="seconds"))),
    ),
    Claim(
        "augmentations: similar",
        "Naive and tuned augmentation give the same test ELBO.",
        "E, Figures 2, 10, 11",
        higher("test_elbo", AUG_NAIVE, AUG_TUNED, region=equal()),
    ),
    Claim(
        "augmentations: gap",
        "Naive augmentation has a smaller generalization gap than tuned augmentation.",
        "E, Table 7",
        lower("generalization_gap", AUG_NAIVE, AUG_TUNED),
        DATA_SOURCES.replace("cifar10", "mnist"),
        datasets=MNISTS,
        names_data=True,
    ),
    Claim(
        "augmentations: robustness",
        "Naive augmentation has a smaller robustness gap than tuned augmentation.",
        "E, Table 7",
        lower("robustness_gap", AUG_NAIVE, AUG_TUNED),
    ),
]

CLAIMS = (*ABLATIONS, *measured_on(CIFAR, *MOLLIFICATION, *MIXTURES, *SUBSETS_OF_DATA), *REST)
