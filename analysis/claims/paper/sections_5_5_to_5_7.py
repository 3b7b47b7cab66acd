"""Lists the claims of sections 5.5 to 5.7: parameters next to the latent, other ones, both.

The paper's m_z = 1, n_c = 256 and m_z = 64 are translated to the measured grid: its smallest m_z,
the n_c at which m_z takes most values (the corner of Figure 8's path), and its largest m_z.
"""

import math
from dataclasses import replace

from analysis.claims.claim import CIFAR, DOUBLE_DESCENT, GAPS, Claim, higher, lower, measured_on
from analysis.claims.rules.at_least import OFTEN, Mostly
from analysis.claims.rules.gains import SimilarGain
from analysis.claims.rules.regions import BELOW, equal, no_loss
from analysis.claims.rules.rule import Differs
from analysis.claims.rules.shapes import DoubleDescends, Peaks
from analysis.claims.rules.single_axis import NoDecline, NoDoubleDescent
from analysis.claims.rules.steps import Monotone
from analysis.claims.rules.terms import Term
from analysis.claims.trials.arms import DMAAPX, NORMAL, Along, Arm, Each
from analysis.claims.trials.arms import Near as Nearest

CORNER = Arm(n_c="corner")
NARROW, TENFOLD, SIXTEEN, WIDEST = (
    replace(CORNER, m_z=m_z) for m_z in ("first", Nearest(10), 16, "last")
)
SAMPLED, BOTH = replace(NARROW, real_share=0.0), replace(TENFOLD, real_share=0.0)
EVERYWHERE = replace(DMAAPX, m_z=Each(), n_c=Each())
WHOLE_GRID = DOUBLE_DESCENT.replace("cifar10", "paper")
LATENT_WIDTH = "scaling-vae study latent_width --preset cifar10"
FIG_6, FIG_7 = "5.5, Figure 6", "5.5, Figure 7 a, b"
WIDTHS = "5.6, Figure 7 c, d"


def over_m_z(column: str, arm: Arm = NORMAL, high: float = math.inf) -> Term:
    """Returns a column along m_z at the corner's n_c."""
    return Term(column, replace(arm, m_z=Along(high=high), n_c="corner"))


def over_n_c(column: str, m_z: str | int | Each, upper: bool = False) -> Term:
    """Returns a column along n_c, or along the upper half of its values, at one m_z."""
    return Term(column, replace(NORMAL, m_z=m_z, n_c=Along(upper=upper)))


def each_m_z(arm: Arm, low: float = -math.inf) -> Arm:
    """Returns the arm at each m_z of at least `low`, at the corner's n_c."""
    return replace(arm, m_z=Each(low), n_c="corner")


LATENT = [
    Claim(
        "m_z tenfold: test ELBO",
        "m_z = 10 (or the nearest measured) gives a higher test ELBO than the smallest m_z, at the "
        "same n_c.",
        FIG_6,
        higher("test_elbo", TENFOLD, NARROW),
        LATENT_WIDTH,
    ),
    *(
        Claim(
            f"m_z tenfold: like samples, {name}",
            f"m_z = 10 (or the nearest measured) improves the {name} about as much as diffusion "
            "samples do at the smallest m_z, at the same n_c.",
            "5.5, Figures 2, 6",
            SimilarGain(Term(column, TENFOLD), Term(column, SAMPLED), Term(column, NARROW), sign),
            LATENT_WIDTH,
        )
        for column, name, sign in (
            ("test_elbo", "test ELBO", 1),
            *((column, gap, -1) for column, gap in GAPS.items()),
        )
    ),
    *(
        Claim(
            f"m_z tenfold: {gap}",
            f"m_z = 10 (or the nearest measured) has a smaller {gap} than the smallest m_z, at the "
            "same n_c.",
            FIG_6,
            lower(column, TENFOLD, NARROW),
            LATENT_WIDTH,
        )
        for column, gap in GAPS.items()
    ),
    Claim(
        "m_z up to 16: test ELBO",
        "Under normal training the test ELBO rises with m_z up to 16.",
        FIG_7,
        Monotone(over_m_z("test_elbo", high=16)),
        DOUBLE_DESCENT,
    ),
    Claim(
        "m_z from 16: plateau",
        "Under normal training the test ELBO stays the same from m_z = 16 to the largest m_z.",
        FIG_7,
        higher("test_elbo", WIDEST, SIXTEEN, region=equal()),
        DOUBLE_DESCENT,
    ),
    Claim(
        "m_z: generalization gap",
        "Under normal training the generalization gap shrinks as m_z grows.",
        "5.5, 5.6, Figure 7 b, d",
        Monotone(over_m_z("generalization_gap"), region=BELOW),
        DOUBLE_DESCENT,
    ),
    Claim(
        "m_z: benefit of samples",
        "The gain in test ELBO from diffusion samples diminishes as m_z grows up to 16.",
        FIG_7,
        Monotone(over_m_z("test_elbo", DMAAPX, 16), (over_m_z("test_elbo", high=16),), BELOW),
        DOUBLE_DESCENT,
    ),
    Claim(
        "m_z from 16: samples, normal",
        "For m_z of 16 and more, diffusion samples and normal training have the same test ELBO.",
        FIG_7,
        higher("test_elbo", each_m_z(DMAAPX, 16), each_m_z(NORMAL, 16), region=equal()),
        DOUBLE_DESCENT,
    ),
    Claim(
        "m_z: samples have the smaller gap",
        "At every m_z the generalization gap is smaller with diffusion samples.",
        FIG_7,
        lower("generalization_gap", each_m_z(DMAAPX), each_m_z(NORMAL)),
        DOUBLE_DESCENT,
    ),
]

OTHERS = [
    Claim(
        "n_c: U at the smallest m_z",
        "At the smallest m_z the test ELBO of normal training first rises with n_c, then drops.",
        WIDTHS,
        Peaks(over_n_c("test_elbo", "first")),
        DOUBLE_DESCENT,
    ),
    Claim(
        "n_c: U at m_z = 2",
        "At m_z = 2 the test ELBO of normal training first rises with n_c, then drops.",
        WIDTHS,
        Peaks(over_n_c("test_elbo", 2)),
        WHOLE_GRID,
    ),
    Claim(
        "n_c: no decline at m_z = 8",
        "At m_z = 8 the test ELBO of normal training no longer declines at larger n_c.",
        WIDTHS,
        NoDecline(over_n_c("test_elbo", 8)),
        WHOLE_GRID,
    ),
    Claim(
        "n_c: m_z lifts the right side",
        "Over the larger half of the n_c measured at both, the test ELBO changes more favourably "
        "with n_c at the largest m_z than at the smallest.",
        WIDTHS,
        Differs(
            over_n_c("test_elbo", "last", upper=True), (over_n_c("test_elbo", "first", upper=True),)
        ),
        DOUBLE_DESCENT,
    ),
    Claim(
        "n_c: rise at the largest m_z",
        "At the largest m_z the test ELBO of normal training rises with n_c.",
        WIDTHS,
        Monotone(over_n_c("test_elbo", "last")),
        DOUBLE_DESCENT,
    ),
    Claim(
        "n_c: generalization gap",
        "At every m_z the generalization gap of normal training grows with n_c.",
        WIDTHS,
        Monotone(over_n_c("generalization_gap", Each())),
        DOUBLE_DESCENT,
    ),
    Claim(
        "both: against m_z alone",
        "At the largest m_z, a larger n_c than the corner's raises the test ELBO further.",
        "5.6, 5.7, Figures 7 c, 8",
        higher("test_elbo", Arm(m_z="last", n_c="last"), WIDEST),
        DOUBLE_DESCENT,
    ),
    Claim(
        "both: against n_c alone",
        "At n_c = 512 the largest m_z gives a higher test ELBO than the smallest.",
        "5.6, Figure 7 c",
        higher("test_elbo", Arm(m_z="last", n_c=512), Arm(m_z="first", n_c=512)),
        WHOLE_GRID,
    ),
    Claim(
        "sizes: samples do no harm",
        "At every m_z and n_c measured, diffusion samples do not lower the test ELBO.",
        WIDTHS,
        higher("test_elbo", EVERYWHERE, replace(EVERYWHERE, real_share=1.0), region=no_loss()),
        DOUBLE_DESCENT,
    ),
    Claim(
        "sizes: samples often improve",
        "Over the m_z and n_c measured, diffusion samples often raise the test ELBO.",
        WIDTHS,
        Mostly(higher("test_elbo", EVERYWHERE, replace(EVERYWHERE, real_share=1.0)), OFTEN),
        DOUBLE_DESCENT,
    ),
    Claim(
        "both: samples and m_z",
        "Diffusion samples and m_z = 10 (or the nearest measured) together give a higher test ELBO "
        "than either of them alone.",
        "6",
        higher("test_elbo", BOTH, SAMPLED, TENFOLD),
        DOUBLE_DESCENT,
        contradicted="5.5 says that the benefit of samples for the test ELBO diminishes with m_z",
    ),
    Claim(
        "both: samples and m_z, gap",
        "Diffusion samples and m_z = 10 (or the nearest measured) together have a smaller "
        "generalization gap than m_z = 10 alone.",
        "5.5, 6",
        lower("generalization_gap", BOTH, TENFOLD),
        DOUBLE_DESCENT,
    ),
    Claim(
        "sizes: gaps near zero",
        "At every m_z and n_c measured, the generalization gap on diffusion samples is near zero.",
        WIDTHS,
        Differs(Term("generalization_gap", EVERYWHERE), region=equal()),
        DOUBLE_DESCENT,
    ),
    Claim(
        "double descent",
        "The negative test ELBO goes down, up and down again along n_c, then m_z, then n_c.",
        "5.7, Figure 8",
        DoubleDescends(),
        DOUBLE_DESCENT,
    ),
    Claim(
        "double descent: on neither axis alone",
        "Along n_c alone, at each m_z at which it varies, and along m_z alone the test ELBO is "
        "U-shaped or L-shaped: there is no double descent.",
        "5.7, Figure 7 a, c",
        NoDoubleDescent((over_n_c("test_elbo", Each()), over_m_z("test_elbo"))),
        DOUBLE_DESCENT,
    ),
]

CLAIMS = measured_on(CIFAR, *LATENT, *OTHERS)
