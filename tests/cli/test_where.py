"""One language of --where: `evaluate` and `python -m analysis` select the same trials."""

import json
import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.curves import where
from analysis.errors import ResultsError
from analysis.results import load
from analysis.selection.where import parse
from scaling.cli.evaluate import _parser, selected
from scaling.errors import UsageError
from scaling.storage.store import Store
from scaling.trial import DiffusionTrial, Source, Trial, VaeTrial, key, to_dict

TRIALS: dict[str, Trial] = {
    "normal": VaeTrial("digits", m_z=1, n_c=8),
    "narrow": VaeTrial("digits", m_z=4, n_c=2, seed=1, train_size=300),
    "k10": VaeTrial("digits", m_z=4, n_c=8, source=Source(real_share=0.0, k=10), seed=2),
    "k5": VaeTrial("my and your.npz", m_z=16, source=Source(real_share=0.0, k=5), lr=0.01),
    "mixed": VaeTrial("digits", source=Source(real_share=0.4, augment="tuned"), seed=3),
    "diffusion": DiffusionTrial("digits"),
}
ROWS: dict[str, list[dict[str, Any]]] = {
    name: [{"epoch": 1, "test_elbo": -90.0 - i}, {"epoch": 2, "test_elbo": -80.5 - i, "note": name}]
    for i, name in enumerate(TRIALS)
}
ROWS["narrow"][1]["psnr_absent"] = "too small"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    for name, trial in TRIALS.items():
        folder = root / "trials" / key(trial)
        folder.mkdir(parents=True)
        (folder / "trial.json").write_text(json.dumps(to_dict(trial)))
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS[name]))
    return root


def evaluated(root, *words):
    """Returns the trials that `evaluate --metric psnr --where WORDS` selects, by their names."""
    options = _parser("").parse_args(["--metric", "psnr", *(["--where", *words] if words else [])])
    found = set(selected(Store(root), options.where))
    return {name for name, trial in TRIALS.items() if trial in found}


def analysed(root, *words):
    """Returns the VAEs that `python -m analysis ... --where WORDS` draws."""
    try:
        keys = set(where(load(root), words)["key"])
    except ResultsError as error:
        assert str(error).startswith("No row meets")
        return set()
    return {n for n, trial in TRIALS.items() if key(trial) in keys and n != "diffusion"}


VAES = set(TRIALS) - {"diffusion"}
CONDITIONS = [
    ([], VAES),
    (["kind==vae"], VAES),
    (["m_z>1"], {"narrow", "k10", "k5"}),
    (["m_z > 4"], {"k5"}),
    (["m_z>=4 and n_c<8"], {"narrow"}),
    (["m_z>=4", "n_c<8"], {"narrow"}),
    (["m_z>=4", "and", "n_c<=2"], {"narrow"}),
    (["m_z=4 and seed==2.0"], {"k10"}),
    (["source==dmaapx"], {"k10", "k5"}),
    (["source!=dmaapx"], {"normal", "narrow", "mixed"}),
    (["source=real_share=0.4,augment=tuned"], {"mixed"}),
    (["dataset=='my and your.npz'"], {"k5"}),
    (['dataset=="my and your.npz" and m_z==16'], {"k5"}),
    (["dataset!='my and your.npz' and seed<2"], {"normal", "narrow"}),
    (["train_size==300"], {"narrow"}),
    (["train_size!=300"], VAES - {"narrow"}),
    (["train_size==none"], VAES - {"narrow"}),
    (["train_size!=none"], {"narrow"}),
    (["lr<0.001"], VAES - {"k5"}),
    (["test_elbo>-81"], {"normal"}),
    (["epoch==1 and test_elbo>-81"], set()),  # both conditions hold in one row
    (["psnr_absent=='too small'"], {"narrow"}),
    (["psnr_mean==none and seed==1"], {"narrow"}),  # a known column that no row has
    (["source.requantise==true"], VAES),
    (["source_requantise!=True"], set()),
    (["gauss_mean_act==none"], VAES),  # a text that looks like a column
    (["gauss_mean_act=='none'"], VAES),
    (["psnr_absent=='none'"], set()),
]


@pytest.mark.parametrize(("words", "names"), CONDITIONS)
def test_both_commands_select_the_same(root, words, names):
    assert evaluated(root, *words) == names
    assert analysed(root, *words) == names


@pytest.mark.parametrize("name", ["source.k", "source_k"])
def test_a_condition_on_a_field_that_some_sources_lack(root, name):
    """A normal VAE has no such field: `evaluate` leaves it out, figures keep it."""
    for condition, names in [("==10", {"k10"}), ("<10", {"k5"}), ("!=none", {"k10", "k5"})]:
        assert evaluated(root, name + condition) == names
        kept = set() if "none" in condition else VAES - {"k10", "k5"}
        assert analysed(root, name + condition) == names | kept
    assert evaluated(root, f"{name}!=10") == analysed(root, f"{name}!=10") == VAES - {"k10"}
    assert evaluated(root, f"{name}==none") == analysed(root, f"{name}==none")


SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
}
SIGNS |= {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
NUMBERS = st.sampled_from(["1", "2", "4.0", "-81.5", "300", "1e-4", "5"])
COMPARED = st.one_of(
    st.tuples(st.sampled_from(["m_z", "seed", "train_size", "lr", "epoch", "test_elbo"]),
              st.sampled_from(list(SIGNS)), NUMBERS),
    st.tuples(st.sampled_from(["dataset", "network", "note", "kind"]), st.sampled_from(list(SIGNS)),
              st.sampled_from(["digits", "residual", "normal", "vae", "1"])),
)  # fmt: skip


@settings(deadline=None, max_examples=30)  # each reads the whole folder twice
@given(conditions=st.lists(COMPARED, min_size=1, max_size=3))
def test_conditions_select_what_a_slow_evaluation_selects(root, conditions):
    def meets(row, name, sign, text):
        value = row.get(name)
        if value is None:
            return sign == "!="
        return SIGNS[sign](value, text if isinstance(value, str) else float(text))

    names = {
        name
        for name in VAES
        for row in ROWS[name]
        if all(meets(to_dict(TRIALS[name]) | row, *each) for each in conditions)
    }
    assert evaluated(root, " and ".join(f"{n}{s}{v}" for n, s, v in conditions)) == names
    assert analysed(root, *(f"{n} {s} {v}" for n, s, v in conditions)) == names


@pytest.mark.parametrize(("condition", "message"), [
    ("mz>1", "There is no column 'mz'. Did you mean 'm_z'.*Choose one of: key, kind, "),
    ("source.kk==1", "There is no column 'source.kk'. Did you mean 'source_k'"),
    ("m_z", "--where 'm_z' cannot be read. Write COLUMN==VALUE, several joined by 'and'"),
    ("m_z=>1", "unknown operator '=>'. Did you mean '>='.*Known operators: == = != >= <= > <"),
    ("m_z is 1", "unknown operator 'is'. Known operators: =="),
    ("m_z>one", "--where m_z>one: 'one' is not a number. Write one"),
    ("m_z==nan", "'nan' is not a number"),
    ("m_z>none", "--where m_z>none: none has no order. Write == or !="),
    ("source_requantise==1", "this is a flag. Write == or != and true or false"),
    ("m_z>1 or n_c>1", "cannot be read. Write COLUMN==VALUE"),
    ("source==dmaapx or m_z>1", "cannot be read"),
    ("source==dmaapx and", "cannot be read"),
    ("source=='dmaapx", "cannot be read"),
    ("__import__('os')", "cannot be read"),
])  # fmt: skip
def test_both_commands_refuse_a_condition_in_the_same_words(root, condition, message):
    with pytest.raises(UsageError, match=message) as by_evaluate:
        evaluated(root, condition)
    with pytest.raises(ResultsError, match=message) as by_analysis:
        where(load(root), [condition])
    assert str(by_evaluate.value) == str(by_analysis.value)


def test_a_condition_after_one_that_no_trial_meets_is_still_checked(root):
    with pytest.raises(UsageError, match="'one' is not a number"):
        evaluated(root, "m_z==99 and n_c>one")


def test_without_a_measured_vae_evaluate_says_so(tmp_path):
    def begin(trial):
        folder = tmp_path / "trials" / key(trial)
        folder.mkdir(parents=True)
        (folder / "trial.json").write_text(json.dumps(to_dict(trial)))
        return folder

    diffusion = begin(DiffusionTrial("digits"))
    with pytest.raises(UsageError, match="contains no VAE that can be read. Give the folder that"):
        evaluated(tmp_path)
    begin(VaeTrial("digits"))
    with pytest.raises(UsageError, match="contains no measured epoch yet. Run the study"):
        evaluated(tmp_path)
    (diffusion / "rows.jsonl").write_text('{"epoch": 1, "loss": 0.5}\n')
    with pytest.raises(
        UsageError, match="contains no measured epoch of a VAE yet. Run a study of V"
    ):
        evaluated(tmp_path, "m_z>1")


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=3))
def test_any_text_is_read_or_refused(words):
    try:
        assert all(condition.column and condition.sign for condition in parse(words))
    except ResultsError as error:
        assert "--where" in str(error)
