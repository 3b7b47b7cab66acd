"""Tests mirror the rooms: a module's tests are in a file of its name, in its room."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = [
    path.relative_to(ROOT)
    for top in ("scaling", "analysis")
    for path in sorted((ROOT / top).rglob("*.py"))
    if path.stem not in ("__init__", "__main__")
]
# Modules or rooms that are tested together with others, and the places of these tests.
TOGETHER = {
    "scaling/cli/reproduce.py": "tests/runs/test_reproduce.py",
    "scaling/cli/outputs.py": "tests/storage/test_study_events.py",
    "scaling/runs/live_pictures.py": "tests/storage/test_tensorboard.py",
    "scaling/storage/dashboards.py": "tests/storage/test_study_events.py",
    "scaling/storage/run_places.py": "tests/storage/test_run_names.py",
    "analysis/diff": "tests/analysis/diff/test_diff.py",  # all modules at once
    "analysis/statistics/measured.py": "tests/analysis/claims/trials/test_cells.py",
    "scaling/storage/file_server.py": "tests/cluster/test_keeper.py",  # tested with the node's side
    "scaling/cli/selection.py": "tests/cli/test_search.py",
    "scaling/cli/cpu_use.py": "tests/cli/test_doctor.py",
    "analysis/double_descent/paths.py": "tests/analysis/test_curves.py",
    "analysis/storage/studies.py": "tests/analysis/selection/test_own_study.py",
    "analysis/pool_lines.py": "tests/analysis/test_report.py",
    "scaling/status": "tests/status",  # activity, tracking, listed: the display of a launch
    "scaling/cli/status.py": "tests/status/test_status.py",
    "scaling/cluster/costly_metrics.py": "tests/cluster/test_ended.py",
    "analysis/figures": "tests/analysis/test_figures.py",  # all figures on the same made-up studies
    "analysis/claims": "tests/analysis/test_claims.py",  # every claim in two made-up worlds
    "analysis/laws": "tests/analysis/laws",  # figure, frames and lines through the command
    "analysis/page": "tests/analysis/page/test_page.py",  # one page with all parts
}


def mirrored(module: Path) -> Path:
    """Returns `tests/<room>/test_<module>.py`."""
    room = module.parent if module.parts[0] == "analysis" else module.parent.relative_to("scaling")
    return ROOT / "tests" / room / f"test_{module.stem}.py"


def together(module: Path) -> list[str]:
    """Returns the entries of TOGETHER that a module falls under."""
    return [entry for entry in TOGETHER if (ROOT / module).is_relative_to(ROOT / entry)]


def test_a_module_has_a_test_file_of_its_name():
    assert MODULES
    assert [m for m in MODULES if not (mirrored(m).exists() or together(m))] == []


@pytest.mark.parametrize("entry", TOGETHER)
def test_each_exception_is_still_needed_and_its_tests_exist(entry):
    without = [m for m in MODULES if entry in together(m) and not mirrored(m).exists()]
    assert without, f"{entry} is no exception any more"
    assert (ROOT / TOGETHER[entry]).exists()


def test_a_room_of_tests_is_a_room_of_the_code():
    rooms = {p.parent.relative_to(ROOT / "tests") for p in (ROOT / "tests").rglob("test_*.py")}
    rooms -= {Path(), Path("faults"), Path("hosts")}  # tests of several rooms, and of all rooms
    assert rooms
    assert [r for r in rooms if not ((ROOT / "scaling" / r).is_dir() or (ROOT / r).is_dir())] == []
