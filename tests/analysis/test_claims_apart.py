"""What is never compared: other settings, other data, other ways of measuring."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.claims import CLAIMS, ELSEWHERE, PAPERS, ledger
from analysis.claims.judging import FAILS, HOLDS, NOT_RUN
from analysis.claims.page import text
from tests.analysis.claim_worlds import frame, true

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "analysis" / "published" / "digits" / "double_descent.parquet"
METRICS = {  # of the metric modules, where analysis.columns does not list them
    *("amortization_gap", "robustness_gap", "psnr_mean", "psnr_sample", "roughness", "seconds"),
    *("fid", "inception_score", "accuracy", "interpolation_log_q"),
    *(f"accuracy_{name}" for name in ("logistic", "svm_linear", "svm_rbf", "knn")),
}
DECIDABLE = [claim for claim in CLAIMS if claim.terms]
NAMES = [claim.name for claim in DECIDABLE]


@pytest.fixture(scope="module")
def world():
    return frame(true)


def verdicts(frame, claims=DECIDABLE):
    """Verdicts by claim, each on a data set of its own: as if the frame were of that one."""
    parts = [
        ledger(frame.assign(dataset=name), [c for c in claims if name == _home(c)])
        for name in ("cifar10", "mnist", "fashion_mnist")
    ]
    return pd.concat([each for each in parts if len(each)]).set_index("claim")["verdict"]


def _home(claim):
    return "cifar10" if "cifar10" in claim.datasets else claim.datasets[0]


@pytest.fixture(scope="module")
def figure_2(world):
    """The default model on the four training distributions."""
    default = (world["m_z"] == 1) & (world["n_c"] == 256) & (world["source"] != "other")
    return world[default & (world["source_diffusion_share"] == 1)]


def _judge(frame, name):
    """The row of one claim; a series of them where it has several.

    Where it is measured on other data only, the row that says that it is not run is left out.
    """
    found = ledger(frame, [claim for claim in CLAIMS if claim.name == name])
    measured = found[found["verdict"] != NOT_RUN]
    found = measured if len(measured) else found
    return found.iloc[0] if len(found) == 1 else found.set_index("dataset")


@pytest.mark.parametrize("field", ["split", "lr", "data", "epoch"])
def test_no_difference_is_taken_across_settings(figure_2, field):
    normal = figure_2["source"] == "normal"
    value = {"split": 0, "lr": 1e-4, "data": "official", "epoch": 1000}[field]
    apart = {"split": 1, "lr": 2e-4, "data": "jpeg", "epoch": 500}[field]
    found = figure_2.assign(**{field: np.where(normal, np.array(apart), np.array(value))})
    assert _judge(found, "test ELBO: diffusion samples, normal")["verdict"] == NOT_RUN


@pytest.mark.parametrize(
    ("claim", "changed", "verdict"),
    [
        ("FashionMNIST with a mixture", {"dataset": "fashion_mnist"}, HOLDS),
        (
            "FashionMNIST with a mixture",
            {"dataset": "fashion_mnist", "likelihood": "gaussian"},
            NOT_RUN,
        ),
        ("FashionMNIST with a mixture", {"dataset": "digits"}, NOT_RUN),
        ("augmentations: gap", {"dataset": "cifar10"}, NOT_RUN),
        ("augmentations: gap", {"dataset": "digits"}, NOT_RUN),
        ("augmentations: gap", {"dataset": "mnist"}, HOLDS),
        ("training ELBO: aug_naive", {"dataset": "digits"}, NOT_RUN),
        ("augmentations: robustness", {"dataset": "cifar10"}, HOLDS),
    ],
)
def test_a_claim_about_some_data_sets_leaves_the_others_alone(figure_2, claim, changed, verdict):
    assert _judge(figure_2.assign(**changed), claim)["verdict"] == verdict


def test_other_data_answer_no_claim_and_stand_apart(figure_2):
    name = "reconstructions"
    for dataset in ("digits", "mnist"):
        claims = [claim for claim in CLAIMS if claim.name == name]
        absent, shown = ledger(figure_2.assign(dataset=dataset), claims).to_dict("records")
        assert (absent["verdict"], absent["data"]) == (NOT_RUN, PAPERS)
        assert absent["compared"] == f"not measured on cifar10; {dataset} cannot answer it"
        assert (shown["verdict"], shown["data"], shown["dataset"]) == (HOLDS, ELSEWHERE, dataset)
    said = text(ledger(figure_2.assign(dataset="digits"), claims))
    assert "On the paper's data: holds 0" in " ".join(said.split())
    assert "On other data (digits): holds 1" in " ".join(said.split())


def test_precisions_extractors_and_estimators_are_not_compared(figure_2):
    normal = figure_2["source"] == "normal"
    for name, column in {
        "samples: FID like normal": "sample_quality_extractor",
        "amortization gap: diffusion samples, normal": "amortization_estimator",
        "test ELBO: diffusion samples, normal": "precision",
    }.items():
        assert _judge(figure_2.assign(**{column: "a"}), name)["verdict"] == HOLDS
        mixed = figure_2.assign(**{column: np.where(normal, "a", "b")})
        assert _judge(mixed, name)["verdict"] == NOT_RUN


def test_both_comparisons_of_a_two_sample_test_are_named(world):
    """Against the images that the diffusion model was trained on copies pass for real."""
    classifiers = world[world["kind"] == "two_sample"]
    old = classifiers.assign(real=None, accuracy=0.2, key="old" + classifiers["key"])
    found = _judge(pd.concat([classifiers, old]), "two samples: told apart")
    assert found["verdict"].to_dict() == {
        "cifar10, real=test": HOLDS,
        "cifar10, real=train": FAILS,
    }


def test_claims_about_shares_say_how_near_samples_are_to_training_images(world):
    near = world.assign(pool_nearest=0.05, pool_nearest_test=0.1, pool_near_copies=0.25)
    said = _judge(near, "subsets: 30 %, gap")["beside"]
    assert "share 0.3: 0.05, test images 0.1, near copies 25.0%" in said
    assert _judge(world, "subsets: 30 %, gap")["beside"] == ""
    assert _judge(near, "test ELBO: diffusion samples, normal")["beside"] == ""


def test_margins_that_the_paper_does_not_state_are_marked(world):
    found = ledger(world.assign(state="partial")).set_index("claim")["assumed"]
    assert "10% of normal training's generalization_gap" in found["m_z from 16: plateau"]
    assert "85%" in found["corruptions: almost all, knn"]
    assert "factor of at most 2" in found["m_z tenfold: like samples, test ELBO"]
    assert found["test ELBO: diffusion samples, normal"] == found["double descent"] == ""
