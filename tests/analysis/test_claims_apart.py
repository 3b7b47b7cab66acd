"""Results that claims never compare: other settings, data, or ways of measuring."""

import numpy as np
import pandas as pd
import pytest

from analysis.claims import CLAIMS, ELSEWHERE, PAPERS, ledger
from analysis.claims.page import text
from analysis.claims.rules.judging import FAILS, HOLDS, NOT_RUN
from tests.analysis.claim_verdicts import judge


@pytest.mark.parametrize("field", ["split", "lr", "data", "epoch"])
def test_no_difference_is_taken_across_settings(figure_2, field):
    normal = figure_2["source"] == "normal"
    value = {"split": 0, "lr": 1e-4, "data": "official", "epoch": 1000}[field]
    apart = {"split": 1, "lr": 2e-4, "data": "jpeg", "epoch": 500}[field]
    found = figure_2.assign(**{field: np.where(normal, np.array(apart), np.array(value))})
    assert judge(found, "test ELBO: diffusion samples, normal")["verdict"] == NOT_RUN


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
def test_a_claim_about_some_data_sets_is_not_judged_on_others(figure_2, claim, changed, verdict):
    assert judge(figure_2.assign(**changed), claim)["verdict"] == verdict


def test_results_on_other_data_answer_no_claim_and_are_listed_separately(figure_2):
    name = "reconstructions"
    for dataset in ("digits", "mnist"):
        claims = [claim for claim in CLAIMS if claim.name == name]
        absent, shown = ledger(figure_2.assign(dataset=dataset), claims).to_dict("records")
        assert (absent["verdict"], absent["data"]) == (NOT_RUN, PAPERS)
        assert absent["compared"] == f"not measured on cifar10; {dataset} cannot answer it"
        assert (shown["verdict"], shown["data"], shown["dataset"]) == (HOLDS, ELSEWHERE, dataset)
    output = text(ledger(figure_2.assign(dataset="digits"), claims))
    assert "On the paper's data: holds 0" in " ".join(output.split())
    assert "On other data (digits): holds 1" in " ".join(output.split())


def test_precisions_extractors_estimators_and_options_are_not_compared(figure_2):
    normal = figure_2["source"] == "normal"
    for name, column in {
        "samples: FID like normal": "sample_quality_extractor",
        "amortization gap: diffusion samples, normal": "amortization_estimator",
        "test ELBO: diffusion samples, normal": "precision",
        "robustness gap: diffusion samples, normal": "robustness_options",
        "samples: inception score": "sample_quality_options",
        "representations: knn": "representation_options",
        "reconstruction: diffusion samples": "psnr_options",
    }.items():
        assert judge(figure_2.assign(**{column: "a"}), name)["verdict"] == HOLDS
        mixed = figure_2.assign(**{column: np.where(normal, "a", "b")})
        assert judge(mixed, name)["verdict"] == NOT_RUN


def test_ways_of_one_method_are_judged_separately(figure_2):
    """Half of the draws augment more often, with an opposite effect."""
    tuned = (figure_2["source"] == "tuned") | (figure_2["source_augment"] == "tuned")
    often = tuned & (figure_2["seed"] % 2 == 1)
    changed = figure_2.assign(
        source_augment_probability=np.where(often, 0.5, np.nan),
        generalization_gap=figure_2["generalization_gap"] + 1000 * often,
    )
    claims = [each for each in CLAIMS if each.name == "generalization gap: augmentation, normal"]
    found = ledger(changed, claims).set_index("dataset")
    assert found["difference"].astype(float).lt(0).to_dict() == {
        "cifar10, augment_probability=0.5": True,
        "cifar10, augment_probability=default": False,
    }
    assert found["n"].astype(int).sum() == judge(figure_2, claims[0].name)["n"]


def test_flags_of_methods_are_named_true_or_false(figure_2):
    tuned = figure_2["source_augment"] == "tuned"
    kept = figure_2.assign(source_keep_real=tuned & (figure_2["seed"] % 2 == 1))
    claims = [each for each in CLAIMS if each.name == "generalization gap: augmentation, normal"]
    assert set(ledger(kept, claims)["dataset"]) == {
        "cifar10, keep_real=False",
        "cifar10, keep_real=True",
    }


def test_a_claim_about_each_value_is_not_judged_at_one(world, figure_2):
    """Without mixtures, a share of 1 says nothing of every share of real images above 0."""
    for claim in (
        "mixtures: augmentation, gap",
        "mixtures: best test ELBO",
        "sizes: samples do no harm",
        "two samples: distinguishable",
    ):
        assert judge(world, claim)["verdict"] == HOLDS
        whole = world[world["share"].isna() | (world["share"] == 1)]
        alone = figure_2 if claim.startswith(("mixtures", "sizes")) else whole
        assert judge(alone, claim)["verdict"] == NOT_RUN


@pytest.mark.parametrize(
    "field, claim",
    [
        ("half_asleep_from", "half asleep: normal"),
        ("source_mollify_epochs", "mollification: normal"),
    ],
)
def test_a_phase_that_has_not_begun_is_not_judged(world, field, claim):
    """Such a trial is still one of another method, here normal training or noisy images."""
    assert judge(world, claim)["verdict"] != NOT_RUN
    used = world[field].fillna(0) > 0
    late = world.assign(**{field: np.where(used, world["epoch"], world[field].fillna(0))})
    assert judge(late, claim)["verdict"] == NOT_RUN


def test_values_of_different_epochs_are_not_compared(figure_2):
    """One arm was measured only half way, and its last value is that of an earlier epoch."""
    name = "amortization gap: diffusion samples, normal"
    half = figure_2.assign(epoch=figure_2["epoch"] // 2)
    normal = figure_2["source"] == "normal"
    both = pd.concat([half, figure_2.assign(
        amortization_gap=figure_2["amortization_gap"].where(~normal)
    )])  # fmt: skip
    assert judge(pd.concat([half, figure_2]), name)["verdict"] == HOLDS
    assert judge(both, name)["verdict"] == NOT_RUN


def test_both_comparisons_of_a_two_sample_test_are_named(world):
    """Copies of training images pass for real ones in a comparison with those images."""
    classifiers = world[world["kind"] == "two_sample"]
    old = classifiers.assign(real=None, accuracy=0.2, key="old" + classifiers["key"])
    found = judge(pd.concat([classifiers, old]), "two samples: distinguishable")
    assert found["verdict"].to_dict() == {
        "cifar10, real=test": HOLDS,
        "cifar10, real=train": FAILS,
    }


def test_claims_about_shares_say_how_near_samples_are_to_training_images(world):
    near = world.assign(pool_nearest=0.05, pool_nearest_test=0.1, pool_near_copies=0.25)
    output = judge(near, "subsets: 30 %, gap")["beside"]
    assert "share 0.3: 0.05, test images 0.1, near copies 25.0%" in output
    assert judge(world, "subsets: 30 %, gap")["beside"] == ""
    assert judge(near, "test ELBO: diffusion samples, normal")["beside"] == ""


def test_margins_that_the_paper_does_not_state_are_marked(world):
    found = ledger(world.assign(state="partial")).set_index("claim")["assumed"]
    assert "10% of normal training's generalization_gap" in found["m_z from 16: plateau"]
    assert "85%" in found["corruptions: almost all, knn"]
    assert "factor of at most 2" in found["m_z tenfold: like samples, test ELBO"]
    assert found["test ELBO: diffusion samples, normal"] == found["double descent"] == ""
