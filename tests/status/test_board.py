"""The board as text: the sign of each cell, and that it fits every width."""

import pytest

from scaling.status.board import board, cut, paint, wants_colour
from scaling.status.status import read


def drawn(study, width=100, most=None):
    return paint(board(read(study.root, "s"), width, most), coloured=False)


def test_each_trial_has_the_sign_of_its_state(study):
    done, begun, failed = study.keys[0], study.keys[1], study.keys[4]
    study.finish(done)
    study.reach(begun, 14)
    study.store.folder(failed).fail("out of memory. Lower batch.")
    head, axis, first, second, *rest = drawn(study)
    assert "s digits" in head and "1/12 trials done, 0 running, 1 failed" in head
    assert axis.split() == ["normal", "n_c", "2", "8", "32"]
    assert first.split() == ["m_z", "1", "#3", "..", "x."]  # 14 of 40 epochs: three tenths
    assert second.split() == ["m_z", "4", "..", "..", ".."]
    assert any("failed   normal m_z=1 n_c=32 seed 0, epoch 0/40: out of memory." in r for r in rest)


def test_retried_trials_are_counted(study):
    study.launch(retried={study.keys[0]: 2, study.keys[3]: 1})
    assert "0 failed, 2 retried, " in drawn(study)[0]


@pytest.mark.parametrize("width", range(12, 130, 7))
def test_every_line_fits(study, width):
    study.store.folder(study.keys[0]).fail("a sentence that is so long that no line holds it " * 5)
    study.launch(running={study.keys[1]: "1 CPU"}, work={"pool p": [1, 9, "images"]})
    lines = drawn(study, width)
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [30, 40, 70, 120])
def test_the_legend_is_whole_at_any_width(study, width):
    legend = "# done 0-9 tenths of its epochs . waiting x failed (one sign a replicate or seed)"
    assert legend in " ".join(" ".join(drawn(study, width)).split())


def test_a_long_reason_is_folded_between_words(study):
    reason = "it ran out of memory on a share of a GPU. Use a smaller batch, or a larger device."
    study.store.folder(study.keys[4]).fail(reason)
    lines = drawn(study, 60)
    (first,) = (n for n, line in enumerate(lines) if line.startswith("failed"))
    assert lines[first + 1].startswith(" " * 9)
    assert reason in " ".join(" ".join(lines[first:]).split())
    study.launch()
    short = drawn(study, 60, 12)
    (lock,) = (n for n, line in enumerate(short) if line.startswith("lock"))
    assert len(short) <= 12 and sum(line.startswith(" " * 9) for line in short[:lock]) == 1


@pytest.mark.parametrize("most", [3, 5, 9, 40])
def test_no_more_lines_than_the_terminal_has(study, most):
    study.launch(running=dict.fromkeys(study.keys, "1 CPU"))
    lines = drawn(study, 100, most)
    assert len(lines) <= most
    assert most < 9 or any("running" in line for line in lines)


def test_the_board_shows_pools_metrics_and_caps(study):
    work = {"pool p": [1200, 3000, "images"], "metrics": [3, 8, "trials"]}
    study.launch(phase="drawing samples", work=work, caps={"--max-hours": [0.3, 2.0]})
    text = "\n".join(drawn(study))
    assert "pool p: 1,200 of 3,000 images" in text and "metrics: 3 of 8 trials" in text
    assert "--max-hours 2: 0.3 h used" in text


def test_a_cut_counts_text_and_no_colour():
    line = [("abc", "red"), ("defg", "")]
    assert paint([cut(line, 5)], coloured=True) == ["\x1b[31mabc\x1b[0mde"]


@pytest.mark.parametrize(
    ("terminal", "environment", "wanted"),
    [
        (True, {"TERM": "xterm"}, True),
        (False, {"TERM": "xterm"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colours_are_used_in_terminals_that_allow_them(monkeypatch, terminal, environment, wanted):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_colour(terminal) == wanted
