"""Names of runs in TensorBoard: they sort as numbers do, and no two cells share one."""

from dataclasses import replace

from scaling.storage.run_names import RunNames
from scaling.trial import DMAAPX, NORMAL, DiffusionTrial, VaeTrial, grid, key

BASE = VaeTrial("digits", mixtures=5, lr=3e-3, partition="disjoint", replicate=0)


def names_of(trials):
    return RunNames({key(trial): trial for trial in trials})


def test_replicates_are_one_cell_named_by_its_axes():
    trials = grid(BASE, m_z=[1, 64], n_c=[8, 16, 128], replicate=[0, 1, 2])
    cells = names_of(trials).members
    assert list(cells)[:3] == ["normal/mz01/nc008", "normal/mz01/nc016", "normal/mz01/nc128"]
    assert [len(keys) for keys in cells.values()] == [3] * 6
    assert list(cells) == sorted(cells)


def test_numbers_of_different_lengths_are_padded_to_one_length():
    cells = names_of(grid(BASE, n_c=[8, 2048])).members
    assert list(cells) == ["normal/mz01/nc0008", "normal/mz01/nc2048"]


def test_other_fields_that_vary_end_the_name():
    names = names_of(grid(BASE, n_c=[8], lr=[0.001, 0.003]))
    assert list(names.members) == ["normal/mz01/nc008/lr=0.001", "normal/mz01/nc008/lr=0.003"]
    assert [names.hparams(k) for k in names.trials] == [{"lr": 0.001}, {"lr": 0.003}]


def test_a_field_of_a_source_ends_the_names_of_sources_that_vary_in_it():
    dmaapx = [replace(DMAAPX, k=k, pool="a") for k in (2, 10)]
    names = list(names_of(grid(replace(BASE, n_c=8), source=[NORMAL, *dmaapx])).members)
    ends = ["source.k=10", "source.k=2"]
    assert names == [*(f"dmaapx/mz01/nc008/{end}" for end in ends), "normal/mz01/nc008"]


def test_hparams_are_the_fields_that_vary():
    trials = grid(BASE, n_c=[8, 16], source=[NORMAL, replace(DMAAPX, k=10, pool="a")])
    names = names_of(trials)
    fields = {name for k in names.trials for name in names.hparams(k)}
    assert {"n_c", "source"} <= fields
    assert not fields & {"m_z", "lr", "mixtures", "dataset", "seed", "replicate", "source.pool"}


def test_replicates_on_pools_of_their_own_are_one_cell():
    trials = [replace(BASE, replicate=r, source=replace(DMAAPX, k=2, pool=f"p{r}")) for r in (0, 1)]
    assert [len(keys) for keys in names_of(trials).members.values()] == [2]


def test_cells_that_differ_only_in_what_names_leave_out_get_different_names():
    pools = [replace(BASE, replicate=None, source=replace(DMAAPX, k=2, pool=p)) for p in "ab"]
    long = [replace(BASE, dataset=f"{'x' * 90}{end}.npz") for end in "ab"]
    for trials in (pools, long):
        assert len(names_of(trials).members) == 2


def test_kinds_and_data_sets_have_folders_of_their_own():
    names = names_of([BASE, DiffusionTrial("digits", replicate=0)])
    assert {cell.partition("/")[0] for cell in names.members} == {"normal", "diffusion"}
    two = names_of([BASE, replace(BASE, dataset="mnist", likelihood="bernoulli", mixtures=10)])
    assert {cell.partition("/")[0] for cell in two.members} == {"digits", "mnist"}


def test_each_trial_has_its_own_name():
    trials = grid(BASE, n_c=[8, 16], replicate=[0, 1], seed=[0, 1])
    names = names_of(trials)
    assert len({names.replicate(k) for k in names.trials}) == 8
    first = key(replace(BASE, n_c=8))
    assert names.replicate(first) == f"normal/mz01/nc008/r0-s0-{first[-12:]}"


def test_runs_of_a_cell_sort_by_their_numbers():
    trials = grid(BASE, replicate=[*range(12)], seed=[2, 100])
    names = names_of(trials)
    order = sorted(
        names.trials, key=lambda k: (names.trials[k].replicate or 0, names.trials[k].seed)
    )
    assert sorted(map(names.replicate, names.trials)) == list(map(names.replicate, order))
    assert names.replicate(order[-1]).startswith("normal/mz01/nc256/r11-s100-")
