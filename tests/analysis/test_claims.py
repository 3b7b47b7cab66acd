from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import descent, results
from analysis.claims import CLAIMS, ledger, main
from analysis.claims.judging import FAILS, HOLDS, NOT_RUN, UNDECIDED
from analysis.claims.page import VERDICTS, only, text, write
from analysis.columns import COLUMNS
from analysis.trial_folder import ResultsError
from tests.analysis.claim_worlds import Trained, contrary, frame, true

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


@pytest.fixture(scope="module")
def judged(world):
    """Verdicts by claim where all claims are true, where none is, in noise, and with one seed."""
    frames = {HOLDS: world, FAILS: frame(contrary), "noise": frame(true, noise=1e5)}
    frames["one seed"] = world[world["seed"] == 0]
    return {name: ledger(each).set_index("claim")["verdict"] for name, each in frames.items()}


@pytest.fixture(scope="module")
def digits():
    return results.load(DIGITS)


@pytest.fixture(scope="module")
def figure_2(world):
    """The default model on the four training distributions."""
    default = (world["m_z"] == 1) & (world["n_c"] == 256) & (world["source"] != "other")
    return world[default & (world["source_diffusion_share"] == 1)]


def _judge(frame, name):
    """The row of one claim; a series of them where it has several."""
    found = ledger(frame, [claim for claim in CLAIMS if claim.name == name])
    return found.iloc[0] if len(found) == 1 else found.set_index("dataset")


def test_every_claim_is_told_apart():
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
    assert len(lost) == 4 and set(found[lost]) == {NOT_RUN}
    assert set(found.drop(lost)) == {HOLDS}


def test_a_column_that_is_not_measured_is_no_zero(world):
    found = _judge(world.assign(robustness_gap=np.nan), "robustness gap: diffusion samples, normal")
    assert found["verdict"] == NOT_RUN


def test_settings_are_judged_apart(world):
    """Of two splits, one has the contrary: two rows, and no difference across them."""
    other = frame(contrary).assign(split=1)
    other["key"] += "-other"
    both = pd.concat([world.assign(split=0), other])
    assert _judge(both, "test ELBO: diffusion samples, normal")["verdict"].to_dict() == {
        "fashion_mnist, split=0": HOLDS,
        "fashion_mnist, split=1": FAILS,
    }


@pytest.mark.parametrize("field", ["split", "lr", "data", "epoch"])
def test_no_difference_is_taken_across_settings(figure_2, field):
    normal = figure_2["source"] == "normal"
    value = {"split": 0, "lr": 1e-4, "data": "official", "epoch": 1000}[field]
    apart = {"split": 1, "lr": 2e-4, "data": "jpeg", "epoch": 500}[field]
    found = figure_2.assign(**{field: np.where(normal, apart, value)})
    assert _judge(found, "test ELBO: diffusion samples, normal")["verdict"] == NOT_RUN


@pytest.mark.parametrize(
    ("claim", "changed", "verdict"),
    [
        ("FashionMNIST with a mixture", {}, HOLDS),
        ("FashionMNIST with a mixture", {"likelihood": "gaussian"}, NOT_RUN),
        ("augmentations: gap", {"dataset": "cifar10"}, NOT_RUN),
        ("augmentations: gap", {"dataset": "digits"}, HOLDS),
        ("augmentations: robustness", {"dataset": "cifar10"}, HOLDS),
    ],
)
def test_a_claim_about_some_data_sets_leaves_the_others_alone(figure_2, claim, changed, verdict):
    assert _judge(figure_2.assign(**changed), claim)["verdict"] == verdict


def test_two_trials_for_one_seed_decide_nothing_and_say_why(figure_2):
    twin = figure_2[figure_2["source"] == "naive"].assign(source_augment_strength="uniform")
    twin["key"] += "-twin"
    both = pd.concat([figure_2.assign(source_augment_strength="normal"), twin])
    row = _judge(both, "augmentations: robustness")
    assert row["verdict"] == UNDECIDED
    assert "several trials of aug_naive" in row["compared"]
    assert "differ in source_augment_strength" in row["compared"]


def test_the_default_model_is_the_base(world):
    row = _judge(world, "test ELBO: diffusion samples, normal")
    arms = [Trained(), Trained(0.0, 1000)]
    normal, dmaapx = (true(arm)["test_elbo"] for arm in arms)
    assert row["difference"] == pytest.approx(dmaapx - normal, abs=1e-3)
    assert row["compared"].endswith("m_z=1, n_c=256") and row["n"] == 4


def test_without_the_default_model_the_widest_at_the_smallest_m_z_is_the_base(world):
    small = world[(world["n_c"] != 256) & (world["n_c"] != 512)]
    row = _judge(small, "test ELBO: diffusion samples, normal")
    assert row["compared"].endswith("m_z=1, n_c=128")


def test_table_7_contradicts_these_claims(world):
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
    on_cifar = _judge(figure_2.assign(dataset="cifar10"), name)
    assert on_cifar["paper"] == "CIFAR-10: dmaapx 5.44, normal 841.54"
    elsewhere = _judge(figure_2.assign(dataset="digits"), name)
    assert "BinaryMNIST: dmaapx 0.78, normal 25.76" in elsewhere["paper"]


def test_published_digits_by_hand(digits):
    """The last 10 % of 80 epochs at (1, 32), diffusion samples minus normal, paired by seed."""
    last = digits[(digits["epoch"] > 72) & (digits["m_z"] == 1) & (digits["n_c"] == 32)]
    wide = last.groupby(["seed", "source"])["generalization_gap"].mean().unstack()
    difference = (wide["dmaapx"] - wide["normal"]).dropna()
    row = _judge(digits, "generalization gap: diffusion samples, normal")
    assert row["difference"] == pytest.approx(difference.mean())
    half = 4.302653 * difference.std() / np.sqrt(3)  # t, 2 df
    assert row["high"] - row["difference"] == pytest.approx(half, rel=1e-6)
    assert (row["verdict"], row["n"], row["dataset"]) == (HOLDS, 3, "digits")


def test_published_digits_agree_with_the_verdict_of_figure_8(digits):
    found = _judge(digits, "double descent")
    figure = descent.verdict(digits)
    assert (found["verdict"] == HOLDS) == figure.holds
    assert found["difference"] == min(move.crossfit.mean for move in figure.moves)


def test_published_digits_do_not_decide_what_was_not_trained(digits):
    """Two shares are no mixture, one diffusion model no subset, one k no plateau."""
    found = ledger(digits)
    parts = ("mixtures", "subsets", "samples: ", "half asleep", "mollification", "augmentations")
    others = found[found["claim"].str.startswith(parts) & ~found["where"].str.startswith("F,")]
    assert len(others) > 20 and set(others["verdict"]) == {NOT_RUN}


def test_text_has_the_counts_first_and_a_line_a_claim(digits):
    found = ledger(digits)
    lines = text(found).splitlines()
    counts = found["verdict"].value_counts()
    assert lines[0] == "   ".join(f"{v} {counts.get(v, 0)}" for v in VERDICTS)
    assert lines[1].startswith(f"{len(CLAIMS)} claims, 1 setting measured: holds")
    assert max(map(len, lines)) <= 100
    for verdict, n in counts.items():
        assert sum(line.startswith(f"{verdict}  ") for line in lines) == n
    assert text(found, long=True).count("rule: holds where") == len(found) - counts[NOT_RUN]
    assert max(map(len, text(found, long=True).splitlines())) <= 100


def test_only_some_verdicts(digits, capsys):
    found = ledger(digits)
    assert set(only(found, ["holds", "undecided"])["verdict"]) == {HOLDS, UNDECIDED}
    assert only(found, []).equals(found)
    lines = text(found, only(found, ["not-run"])).splitlines()
    assert lines[0].startswith("holds ") and not any(line.startswith("holds  ") for line in lines)
    with pytest.raises(ResultsError, match="--only hold: there is no such.* Did you mean 'holds'"):
        only(found, ["hold"])


def test_files_by_suffix(tmp_path, capsys):
    main(DIGITS, tmp_path / "new" / "claims.csv")
    table = pd.read_csv(tmp_path / "new" / "claims.csv")
    assert set(table["claim"]) == {claim.name for claim in CLAIMS} and table["rule"].notna().all()
    main(DIGITS, tmp_path / "claims.md")
    lines = (tmp_path / "claims.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("|")]
    heads = sum(line.startswith("| verdict") for line in rows)
    assert len(rows) - 2 * heads == (table["verdict"] != NOT_RUN).sum()
    assert {line.replace("\\|", "").count("|") for line in rows} == {5}
    assert sum(line.startswith("- ") for line in lines) == (table["verdict"] == NOT_RUN).sum()
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "claims.md")
    with pytest.raises(ResultsError, match="Choose .csv, .md or .html"):
        main(DIGITS, tmp_path / "claims.pdf")


def test_the_page_escapes_foreign_names_and_asks_for_nothing(digits, tmp_path):
    named = ledger(digits.assign(dataset="<script>alert(1)</script>|x.npz"))
    for suffix in ("html", "md"):
        said = write(named, tmp_path / f"c.{suffix}").read_text()
        assert "<script" not in said and "&lt;script" in said
    page = (tmp_path / "c.html").read_text()
    assert "default-src 'none'" in page and "http" not in page.replace("http-equiv", "")
    assert page.count("<details>") == (named["verdict"] != NOT_RUN).sum()
    holds = write(named, tmp_path / "h.html", only(named, ["holds"])).read_text()
    assert holds.count("<details>") == (named["verdict"] == HOLDS).sum() > 0


def test_conditions_narrow_the_results(capsys):
    main(DIGITS, conditions=["source=normal"])
    assert "dmaapx (k=10)" not in capsys.readouterr().out
