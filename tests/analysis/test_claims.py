"""Verdicts on every claim of the paper in made-up results, and on published digits."""

import numpy as np
import pandas as pd
import pytest

from analysis import results
from analysis.claims import CLAIMS, ledger
from analysis.claims.rules.judging import FAILS, HOLDS, NOT_RUN, UNDECIDED
from analysis.columns import COLUMNS
from analysis.double_descent import descent
from tests.analysis.claim_verdicts import DECIDABLE, DIGITS, NAMES, ROOT, judge, verdicts
from tests.analysis.claim_worlds import Trained, contrary, frame, true

METRICS = {  # columns of metrics that analysis.columns does not list
    *("amortization_gap", "robustness_gap", "psnr_mean", "psnr_sample", "roughness", "seconds"),
    *("fid", "inception_score", "accuracy", "interpolation_log_q"),
    *(f"accuracy_{name}" for name in ("logistic", "svm_linear", "svm_rbf", "knn")),
}


@pytest.fixture(scope="module")
def judged(world):
    """Returns verdicts by claim in results where all are true, none is, noise, and one seed."""
    frames = {HOLDS: world, FAILS: frame(contrary), "noise": frame(true, noise=1e5)}
    frames["one seed"] = world[world["seed"] == 0]
    return {name: verdicts(each) for name, each in frames.items()}


@pytest.fixture(scope="module")
def digits():
    return results.load(DIGITS)


def test_claims_have_different_names_and_statements():
    assert len(CLAIMS) >= 25
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    assert len({claim.statement for claim in CLAIMS}) == len(CLAIMS)


@pytest.mark.parametrize("name", NAMES)
def test_a_true_claim_holds(judged, name):
    assert judged[HOLDS][name] == HOLDS


@pytest.mark.parametrize("name", NAMES)
def test_an_untrue_claim_fails(judged, name):
    assert judged[FAILS][name] == FAILS


@pytest.mark.parametrize("name", [name for name in NAMES if name != "double descent"])
def test_in_noise_a_claim_is_not_decided(judged, name):
    assert judged["noise"][name] == UNDECIDED


@pytest.mark.parametrize("name", NAMES)
def test_one_seed_decides_nothing(judged, name):
    assert judged["one seed"][name] == UNDECIDED


def test_nothing_measured_is_not_run_and_says_what_to_run(world):
    found = ledger(world.assign(state="partial"))
    assert len(found) == len(CLAIMS) and set(found["verdict"]) == {NOT_RUN}
    commands = found["command"].str.extract(r"scaling-vae study (\S+) --preset (\w+)")
    for study, preset in commands.to_numpy():
        assert f'"{preset}"' in (ROOT / "scaling" / "presets.py").read_text()
        assert (ROOT / "studies" / f"{study}.py").is_file()
    assert found[["difference", "low", "high"]].isna().all(axis=None)


@pytest.mark.parametrize("claim", DECIDABLE, ids=NAMES)
def test_needs_are_known_columns_without_which_a_claim_is_not_run(claim):
    assert claim.needs and claim.trials
    for name in claim.needs:
        assert name.split("__")[0] in METRICS | set(COLUMNS)


def test_a_missing_column_costs_the_claims_that_need_it(world):
    gaps = {"amortization_gap", "robustness_gap"}
    asked = [claim for claim in DECIDABLE if gaps & set(claim.needs)]
    found = ledger(world.drop(columns="amortization_gap"), asked).set_index("claim")["verdict"]
    lost = [claim.name for claim in asked if "amortization_gap" in claim.needs]
    assert len(lost) == 5 and set(found[lost]) == {NOT_RUN}
    assert set(found.drop(lost)) == {HOLDS}


def test_a_column_that_is_not_measured_does_not_count_as_zero(world):
    found = judge(world.assign(robustness_gap=np.nan), "robustness gap: diffusion samples, normal")
    assert found["verdict"] == NOT_RUN


def test_settings_are_judged_apart(world):
    """Of two splits, one has the contrary: two rows, and no difference across them."""
    other = frame(contrary).assign(split=1)
    other["key"] += "-other"
    both = pd.concat([world.assign(split=0), other])
    assert judge(both, "test ELBO: diffusion samples, normal")["verdict"].to_dict() == {
        "cifar10, split=0": HOLDS,
        "cifar10, split=1": FAILS,
    }


def test_two_trials_for_one_seed_decide_nothing_and_say_why(figure_2):
    twin = figure_2[figure_2["source"] == "naive"]
    both = pd.concat([figure_2, twin.assign(key=twin["key"] + "-twin")])
    row = judge(both, "augmentations: robustness")
    assert row["verdict"] == UNDECIDED
    assert "several trials of aug_naive" in row["compared"]
    assert "differ in key" in row["compared"]


def test_the_default_model_is_the_base(world):
    row = judge(world, "test ELBO: diffusion samples, normal")
    arms = [Trained(), Trained(0.0, 1000)]
    normal, dmaapx = (true(arm)["test_elbo"] for arm in arms)
    assert row["difference"] == pytest.approx(dmaapx - normal, abs=1e-3)
    assert row["compared"].endswith("m_z=1, n_c=256") and row["n"] == 5


def test_without_the_default_model_the_widest_at_the_smallest_m_z_is_the_base(world):
    small = world[(world["n_c"] != 256) & (world["n_c"] != 512)]
    row = judge(small, "test ELBO: diffusion samples, normal")
    assert row["compared"].endswith("m_z=1, n_c=128")


def test_claims_that_table_7_contradicts_are_marked(world):
    found = ledger(world.assign(state="partial")).set_index("claim")["contradicted"]
    table = found[found.str.contains("Table 7 for")]
    assert table.to_dict() == {
        "robustness gap: diffusion samples, normal": (
            "Table 7 for BinaryMNIST: dmaapx 0.5, normal 0.49"
        ),
        "robustness gap: diffusion samples, augmentation": (
            "Table 7 for FashionMNIST (Gaussian): dmaapx 0.31, aug_tuned 0.21, aug_naive 0.11"
        ),
        "robustness gap: augmentation, normal": (
            "Table 7 for BinaryMNIST: normal 0.49, aug_tuned 0.79, aug_naive 0.74"
        ),
        "augmentations: robustness": "Table 7 for CIFAR-10: aug_naive 0.35, aug_tuned 0.35",
    }


def test_the_papers_numbers_are_those_of_the_data_set(figure_2):
    name = "generalization gap: diffusion samples, normal"
    on_cifar = judge(figure_2.assign(dataset="cifar10"), name)
    assert on_cifar["paper"] == "CIFAR-10: dmaapx 5.44, normal 841.54"
    elsewhere = judge(figure_2.assign(dataset="digits"), name)
    assert "BinaryMNIST: dmaapx 0.78, normal 25.76" in elsewhere["paper"]


def test_a_verdict_on_published_digits_equals_that_by_hand(digits):
    """The values are means of the last 10 % of 80 epochs at (1, 32), paired by seed."""
    last = digits[(digits["epoch"] > 72) & (digits["m_z"] == 1) & (digits["n_c"] == 32)]
    wide = last.groupby(["seed", "source"])["generalization_gap"].mean().unstack()
    difference = (wide["dmaapx"] - wide["normal"]).dropna()
    row = judge(digits, "generalization gap: diffusion samples, normal")
    assert row["difference"] == pytest.approx(difference.mean())
    half = 4.302653 * difference.std() / np.sqrt(3)  # the t quantile of 2 degrees of freedom
    assert row["high"] - row["difference"] == pytest.approx(half, rel=1e-6)
    assert (row["verdict"], row["n"], row["dataset"]) == (UNDECIDED, 3, "digits")
    assert row["decided"].startswith("first planned n = 5; by seeds on one data set only")


def test_published_digits_agree_with_the_verdict_of_figure_8(digits):
    found = judge(digits, "double descent")
    figure = descent.verdict(digits)
    assert found["verdict"] == figure.decision.verdict
    assert found["difference"] == min(move.crossfit.mean for move in figure.moves)


def test_published_digits_do_not_decide_what_was_not_trained(digits):
    """Two shares are no mixture, one diffusion model no subset, one k no plateau."""
    found = ledger(digits)
    parts = ("mixtures", "subsets", "samples: ", "half asleep", "mollification", "augmentations")
    others = found[found["claim"].str.startswith(parts) & ~found["where"].str.startswith("F,")]
    assert len(others) > 20 and set(others["verdict"]) == {NOT_RUN}
