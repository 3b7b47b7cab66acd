"""`analysis law`, from results to lines and files, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

from analysis import __main__ as command
from analysis import figures, results
from analysis.errors import ResultsError
from analysis.laws import frames
from analysis.laws.figure import draw, numbers
from analysis.laws.law import Law, Refusal, law
from analysis.statistics.overlap import overlap
from tests.analysis.laws.drawn import WIDTHS, frame, parameters


@pytest.fixture
def parquet(tmp_path):
    path = tmp_path / "made.parquet"
    frame().to_parquet(path)
    return path


def test_a_law_is_printed_and_drawn(parquet, capsys):
    assert command.main(["law", "--results", str(parquet)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "-test_elbo = E + A parameters^-alpha"
    assert lines[1].startswith("normal (5 seeds, 5 sizes from 851 to 128,561): exponent alpha = 0.")
    assert "within the noise" in lines[3] and "at 128,561 it predicts" in lines[3]
    folder = parquet.parent / "figures"
    assert {path.name for path in folder.iterdir()} == {
        f"law-test_elbo-parameters.{suffix}" for suffix in ("png", "pdf", "csv")
    }
    table = pd.read_csv(folder / "law-test_elbo-parameters.csv")
    assert list(table["role"]) == ["fitted"] * 4 + ["held out"] + ["fitted"] * 4 + ["held out"]


@pytest.mark.parametrize("x", ["n_c", "flops"])
def test_the_law_of_other_axes_is_found(x, tmp_path, capsys):
    path = tmp_path / "made.parquet"
    frame().to_parquet(path)
    asked = ["law", "--x", x, "--y", "train_elbo", "--results", str(path), "-o"]
    assert command.main([*asked, str(tmp_path / "law.csv")]) == 0
    assert f"-train_elbo = E + A {x}^-alpha" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "law.csv")
    sizes = [6 * parameters(n, 1) * 300 * 100 for n in WIDTHS] if x == "flops" else WIDTHS
    assert list(table[x][:5]) == list(sizes)


def test_a_law_whose_floor_is_open_says_so(tmp_path, capsys):
    path = tmp_path / "made.parquet"
    some = frame()
    rng = np.random.default_rng(1)
    some["test_elbo"] = -300 * some["parameters"] ** -0.05 * np.exp(rng.normal(0, 0.01, len(some)))
    some.to_parquet(path)
    assert command.main(["law", "--results", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("  E = ") and " [0, " in lines[2]
    words = "  E = 0 fits within the noise, too: alpha and A are for every E of its interval"
    assert lines[3] == words
    some[some["seed"] < 2].to_parquet(path)
    assert command.main(["law", "--results", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[3] == words[: words.index(":")]


def test_the_overlap_of_random_splits_is_stated_and_drawn(tmp_path, capsys):
    split = {"train_images": 300, "test_images": 1000, "drawn_from": 1300, "partition": "train"}
    some = frame(draws="random splits", **split).assign(replicate=lambda f: f["seed"], seed=0)
    tables = []
    for at, draws in enumerate(("random splits", "disjoint sets")):
        path, drawn = tmp_path / f"{at}.parquet", tmp_path / f"{at}.csv"
        some.assign(draws=draws).to_parquet(path)
        assert command.main(["law", "--results", str(path), "-o", str(drawn)]) == 0
        last = capsys.readouterr().out.splitlines()[-2]
        assert last.endswith("with the overlap of random splits.") == (at == 0)
        tables.append(pd.read_csv(drawn))
    times = np.sqrt(1 + 5 * overlap(300, 1000, 1300))
    for low, high in (("low", "high"), ("law_low", "law_high")):
        wide, plain = (table[high] - table[low] for table in tables)
        assert np.asarray(wide) == pytest.approx(times * np.asarray(plain))


def test_one_source_has_a_law_and_the_other_does_not():
    what = frames.variables(frame(turned=True), "parameters", "test_elbo")
    normal, dmaapx = (law(c) for c in frames.curves_of(frame(turned=True), what))
    assert isinstance(normal, Refusal) and "it turns at 9,113" in normal.sentence
    assert isinstance(dmaapx, Law) and dmaapx.exponent.low < 0.4 < dmaapx.exponent.high


def test_an_error_if_no_curve_has_a_law(tmp_path, capsys):
    path = tmp_path / "made.parquet"
    some = frame(turned=True)
    some[some["source"] == "normal"].to_parquet(path)
    assert command.main(["law", "--results", str(path)]) == 2
    assert "is no power law" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--x", "param"], "No law is fitted over 'param'. Did you mean 'parameters'?"),
        (["--y", "test_elb"], "Did you mean 'test_elbo'"),
        (["--y", "source"], "'source' is not a number"),
        (["--y", "epoch"], "'epoch' is not a number"),
        (["--y", "psnr_mean"], "No VAE of these results has psnr_mean"),
        (["--x", "k"], "No VAE of these results has source_k"),
        (["--x", "train_size"], "No law, fewer than 4 sizes"),
        (["-o", "law.doc"], "law.doc has no known format"),
        (["--where", "n_c==3"], "No row meets n_c==3"),
    ],
)
def test_wrong_words_are_refused(words, message, parquet, capsys, monkeypatch):
    monkeypatch.chdir(parquet.parent)
    assert command.main(["law", "--results", str(parquet), *words]) == 2
    assert message in capsys.readouterr().err


def test_the_options_x_and_y_belong_to_law_alone(capsys):
    assert command.main(["fig8", "--x", "k"]) == 2
    assert "--x and --y are read by law, not by fig8" in capsys.readouterr().err


def test_trials_that_differ_in_something_else_are_refused():
    both = pd.concat([frame(lr=0.1), frame(lr=0.2).assign(key=lambda f: f["key"] + "-b")])
    what = frames.variables(both, "parameters", "test_elbo")
    with pytest.raises(ResultsError, match="differ in lr"):
        frames.curves_of(both, what)


def test_units_are_replicates_whose_seeds_are_averaged():
    twice = pd.concat([
        frame().assign(replicate=lambda f: f["seed"], seed=0),
        frame().assign(replicate=lambda f: f["seed"], seed=1, key=lambda f: f["key"] + "-1",
                       test_elbo=lambda f: f["test_elbo"] - 2),
    ])  # fmt: skip
    what = frames.variables(twice, "n_c", "test_elbo")
    assert what.unit == "replicate"
    one, half = (frames.curves_of(f, what)[0] for f in (twice[twice["seed"] == 0], twice))
    assert half.y == pytest.approx(one.y + 1) and half.units == (0, 1, 2, 3, 4)
    assert frames.variables(twice.assign(replicate=3), "n_c", "test_elbo").unit == "seed"


def test_trials_that_ended_early_or_are_unfinished_leave_gaps():
    some = frame()
    some.loc[(some["n_c"] == 8) & (some["seed"] == 2), "state"] = "censored"
    some.loc[(some["n_c"] == 32) & (some["seed"] == 1), "state"] = "partial"
    for x in ("parameters", "flops"):
        first = frames.curves_of(some, frames.variables(some, x, "test_elbo"))[0]
        assert first.y.shape == (5, 5) and len(first.stopped) == 1
        assert first.stopped[0] == first.sizes[2]
        assert np.argwhere(np.isnan(first.y)).tolist() == [[1, 4], [2, 2]]
        assert law(first).curve.units == (0, 3, 4)


@pytest.mark.parametrize("dtype", ["Int64", "float64"])
def test_a_field_that_only_some_trials_have_names_their_curves_alone(dtype):
    """Normal training has no k, whether its absence is NA or NaN."""
    some = frame()
    more = some[some["source"] == "dmaapx"].assign(source_k=10, key=lambda f: "10-" + f["key"])
    k = pd.Series(np.where(some["source"] == "dmaapx", 5, np.nan), some.index).astype(dtype)
    both = pd.concat([some.assign(source_k=k), more.astype({"source_k": dtype})])
    found = frames.curves_of(both, frames.variables(both, "n_c", "test_elbo"))
    names = ["normal", "dmaapx, source_k=5", "dmaapx, source_k=10"]
    assert [curve.name for curve in found] == names


def test_a_curve_joins_no_trials_of_different_epochs():
    """Another study trained two widths for longer, one of them in one replicate alone."""
    some = frame()
    wider = some["n_c"] == 32
    longer = some.assign(epoch=some["epoch"].where(~wider, 2 * some["epoch"]))
    for x in ("n_c", "parameters"):
        with pytest.raises(ResultsError, match="trained for 100 and 200 epochs.*epoch<=100"):
            frames.curves_of(longer, frames.variables(longer, x, "test_elbo"))
    assert frames.curves_of(longer, frames.variables(longer, "flops", "test_elbo"))
    one = some.assign(epoch=some["epoch"].where(~(wider & (some["seed"] == 0)), 2 * some["epoch"]))
    with pytest.raises(ResultsError, match="trained for 100 and 200 epochs"):
        frames.curves_of(one, frames.variables(one, "flops", "test_elbo"))


def test_loss_over_compute_has_a_frontier():
    some = frame()
    table = frames.over_compute(some, frames.variables(some, "n_c", "test_elbo"))
    assert len(table) == 2 * len(WIDTHS) * 3
    best = frames.frontier(table)
    for _, part in best.groupby("source"):
        ordered = part.sort_values("training_flops")
        assert (np.diff(ordered["loss"]) <= 1e-6).all()
        others = table[table["source"] == part["source"].iloc[0]]
        for row in others.itertuples():  # the slow way of finding the frontier
            cheaper = others[others["training_flops"] <= row.training_flops]["loss"].min()
            assert (row.loss <= cheaper + 1e-6) == (row.Index in part.index or row.loss == cheaper)
    assert frames.over_compute(
        some.drop(columns="training_flops"), frames.variables(some, "n_c", "test_elbo")
    ).empty


def points(line):
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


def test_the_figure_has_band_held_out_points_and_compute():
    some = frame(turned=True)
    what = frames.variables(some, "parameters", "test_elbo")
    found = [law(curve) for curve in frames.curves_of(some, what)]
    figure = draw(found, what, frames.over_compute(some, what))
    left, right = figure.axes
    x, y = (np.concatenate(both) for both in zip(*map(points, right.lines), strict=True))
    assert (y <= right.get_ylim()[1]).mean() > 0.8
    assert right.get_xlim()[0] == pytest.approx(x[y <= right.get_ylim()[1]].min() / 1.5)
    assert {ax.get_ylabel() for ax in figure.axes} == {"negative test ELBO\n(nats per image)"}
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[0] == "normal: no law" and names[-1] == "held out"
    assert len(left.collections) >= 1 and right.get_xlabel() == "training FLOPs so far"
    crosses = [line for line in left.lines if line.get_marker() == "x"]
    assert [np.asarray(line.get_xdata())[0] for line in crosses] == [parameters(32, 1)]
    assert set(numbers(found, what)["role"].dropna()) == {"fitted", "held out"}


def test_published_plateaus_have_no_exponent():
    """On splits of digits every alpha from 2 on fits the test loss, and left-out fits agree."""
    path = figures.__path__[0] + "/../published/digits-replicates/double_descent.parquet"
    some = results.load(path)
    found = law(frames.curves_of(some, frames.variables(some, "parameters", "test_elbo"))[0])
    assert isinstance(found, Refusal) and found.curve.name == "normal, m_z=1"
    assert "do not determine its exponent" in found.sentence
    assert "and any larger one fit within the noise" in found.sentence


def test_published_digits_have_a_law_of_the_training_loss_alone():
    """The training loss is a law of width; the test loss turns, so it has no law."""
    path = figures.__path__[0] + "/../published/digits/double_descent.parquet"
    some = results.load(path)
    some = some[(some["m_z"] == 1) & (some["source"] == "normal")]
    train, test = (
        law(frames.curves_of(some, frames.variables(some, "parameters", y))[0])
        for y in ("train_elbo", "test_elbo")
    )
    assert isinstance(train, Law)
    assert 0.2 < train.exponent.low < train.exponent.high < 0.5
    assert train.held_out[0].error.sign == 0
    assert isinstance(test, Refusal) and "turns" in test.sentence


def test_values_of_different_options_have_no_common_law(tmp_path, capsys):
    made = frame().assign(psnr_mean=20.0)
    wide = made["n_c"] == max(WIDTHS)
    made.assign(psnr_options=np.where(wide, "images=7", "defaults")).to_parquet(tmp_path / "a")
    assert command.main(["law", "--results", str(tmp_path / "a"), "--y", "psnr_mean"]) == 2
    assert "psnr_mean was measured with psnr_options" in capsys.readouterr().err
