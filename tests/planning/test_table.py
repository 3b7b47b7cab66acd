"""The plan as text: aligned columns, one line for all replicates, sizes in fitting units."""

from dataclasses import replace

import pytest

from scaling.planning import plan
from scaling.planning.costs import CPU_CORE, GPU
from scaling.planning.speeds import Speeds
from scaling.planning.table import COLUMNS, _hours, plan_lines, plan_table, size
from scaling.trial import DMAAPX, DiffusionTrial, VaeTrial, grid
from scaling.trial.schedule import Diffusion, schedule

MODEL = Diffusion(DiffusionTrial("digits", channels=16, train_size=300), 10, k=4)


def made(trials, states=None, machine=CPU_CORE):
    return plan.make(schedule(trials, 10, 5, MODEL), Speeds(machine), states or {})


@pytest.mark.parametrize(("count", "text"), [
    (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1234, "1.23 kB"), (5.5e6, "5.5 MB"),
    (11e9, "11 GB"), (2.5e12, "2.5 TB"), (4e15, "4e+03 TB"),
])  # fmt: skip
def test_sizes_are_written_in_fitting_units(count, text):
    assert size(count) == text


def test_a_line_is_an_architecture_and_source_with_all_its_seeds():
    trials = grid(VaeTrial("digits", train_size=300), n_c=[2, 4], seed=[0, 1, 5])
    every = made(trials)
    head, *lines = plan_table(every)
    lines = lines[: lines.index("")]
    assert [line.split()[1] for line in lines] == ["2", "4"]
    assert all("0 1 5" in line for line in lines)
    assert all(column in head for column in COLUMNS)
    hours = [float(line.split()[-1]) for line in lines]
    expected = [sum(row.hours for row in every.trials if row.trial.n_c == n) for n in (2, 4)]
    assert hours == pytest.approx(expected, rel=0.01)


def test_replicates_are_shown_in_place_of_seeds():
    trials = grid(VaeTrial("digits", train_size=300, n_c=2), replicate=[3, 4])
    (line,) = plan_table(made(trials))[1:2]
    assert "3 4" in line


def test_columns_are_aligned():
    trials = grid(VaeTrial("digits", train_size=300), n_c=[2, 512], seed=[0, 1])
    head, *lines = plan_table(made(trials))
    ends = {line.index("normal") for line in lines[:2]}
    assert ends == {head.index("source")}
    assert len({len(line) for line in [head, *lines[:2]]}) == 1


def test_a_diffusion_model_is_named_by_its_share():
    lines = plan_table(made([VaeTrial("digits", train_size=300, source=DMAAPX)]))
    assert "diffusion, share 1" in lines[1] and lines[1].split()[0] == "-"
    assert "dmaapx" in lines[2]


def test_no_axis_is_hidden():
    trials = grid(VaeTrial("digits", n_c=2), weight_decay=[0.0, 0.1], lr=[0.1, 0.2], seed=[0, 1])
    every = made(trials)
    lines = plan_table(every)[1:5]
    for line, (decay, lr) in zip(
        lines, [(d, r) for d in (0.0, 0.1) for r in (0.1, 0.2)], strict=True
    ):
        assert f"normal, lr={lr}, weight_decay={decay} " in line and " 0 1 " in line
    rows = every.to_dict()["trials"]
    assert [row.get("varying") for row in rows[::2]] == [
        {"lr": lr, "weight_decay": decay} for decay in (0.0, 0.1) for lr in (0.1, 0.2)
    ]


def test_states_are_counted_in_words():
    trials = grid(VaeTrial("digits", train_size=300), seed=[0, 1, 2, 3])
    keys = [item.key for item in schedule(trials, 10, 5, MODEL)]
    states = dict(zip(keys, ("done", "partial", "failed", "new"), strict=True))
    first = plan_lines("s", made(trials, states))[0]
    assert first == "s: 4 trials (1 new, 1 to continue, 1 done, 1 failed)"


@pytest.mark.parametrize(("count", "more"), [(1, ""), (2, " and 1 more"), (3, " and 2 more")])
def test_a_warning_about_many_trials_is_one_line(count, more):
    wide = grid(VaeTrial("cifar10", n_c=512, batch=4096), seed=list(range(count)))
    messages = [line for line in plan_lines("s", made(wide, machine=GPU)) if "Does not fit" in line]
    key = schedule(wide, 10, 5, MODEL)[0].key
    assert len(messages) == 1 and messages[0].startswith(f"Does not fit: {key}{more} needs ")


def test_pools_of_the_same_size_are_one_line():
    lines = plan_lines("s", made(grid(VaeTrial("digits", source=DMAAPX), train_size=[300, 200])))
    (line,) = (line for line in lines if "object store" in line)
    assert line.startswith("2 pools, each 4 chunks")
    assert f"{size(4 * 64 * (300 + 200))} of" in line


@pytest.mark.parametrize(("hours", "text"), [
    (0.0, "0 s"), (0.0042, "15 s"), (1 / 60, "1.0 min"), (1.49, "89.4 min"), (1.5, "1.5 h"),
    (1234.5, "1,234.5 h"),
])  # fmt: skip
def test_hours_are_written_in_a_unit_that_shows_them(hours, text):
    assert _hours(hours) == text


def test_a_disk_with_room_is_not_mentioned():
    every = made([replace(VaeTrial("digits"), train_size=300)])
    left = every.total.disk_left_bytes
    assert not [line for line in plan_lines("s", every, left) if "on disk, and" in line]
    assert [line for line in plan_lines("s", every, left - 1) if "on disk, and" in line]


def test_lines_are_sorted_and_the_hours_of_each_cell_add_up():
    """The plan of a path lists m_z in the order in which they are wanted: 1, 64, 4."""
    trial = VaeTrial("digits", train_size=300)
    trials = [t for m_z, widths in ((1, (8, 2, 4)), (64, (4, 8)), (4, (2,)))
              for t in grid(replace(trial, m_z=m_z), n_c=widths, seed=[0, 1])]  # fmt: skip
    every = made(trials)
    _, *lines = plan_table(every)
    places = [tuple(map(int, line.split()[:2])) for line in lines[: lines.index("")]]
    assert places == [(1, 2), (1, 4), (1, 8), (4, 2), (64, 4), (64, 8)]
    start = next(at for at, line in enumerate(lines) if line.startswith("hours, normal"))
    table = [line.split() for line in lines[start + 1 : start + 5]]
    assert [row[0] for row in table[1:]] == ["1", "4", "64"] and table[0][-4:] == [
        "2",
        "4",
        "8",
        "all",
    ]
    for row in table[1:]:
        for n_c, text in zip((2, 4, 8), row[1:4], strict=True):
            cell = (int(row[0]), n_c)
            own = [r.hours for r in every.trials if (r.trial.m_z, r.trial.n_c) == cell]
            assert text == (f"{sum(own):.3g}" if own else "-")
        total = sum(r.hours for r in every.trials if r.trial.m_z == int(row[0]))
        assert row[4] == f"{total:.3g}"


def test_one_axis_has_no_table_of_hours():
    trials = grid(VaeTrial("digits", train_size=300), n_c=[2, 4])
    assert not [line for line in plan_table(made(trials)) if line.startswith("hours")]


def test_a_short_plan_mentions_the_launch_itself():
    hint = "half a minute besides"
    trial = VaeTrial("digits", train_size=300, n_c=2)
    short = made([trial])
    assert hint in plan_lines("s", short)[1]
    many = made(grid(trial, seed=range(2000)))
    assert hint not in plan_lines("s", many)[1]
    (row,) = short.trials
    assert hint not in plan_lines("s", made([trial], {row.key: "done"}))[1]
