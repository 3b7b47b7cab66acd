"""A user's data file that was renamed or moved is the same data, in figures and differences."""

import pandas as pd

from analysis.diff.command import main as diff
from analysis.results import load
from analysis.storage import own_files
from analysis.storage.compact import compact


def test_a_renamed_file_has_one_name_and_two_files_of_one_name_have_two():
    paths = ["/a/cells.npz", "/b/renamed.npz", "C:\\b\\renamed.npz", "/c/other.npz"]
    contents = ["aaaaaaa1", "aaaaaaa1", "aaaaaaa1", "bbbbbbb2", "ccccccc3", None]
    frame = pd.DataFrame({"dataset": [*paths, "/d/other.npz", "digits"], "content": contents})
    found = own_files.named(frame)["dataset"].tolist()
    assert found[:3] == ["renamed.npz"] * 3
    assert found[3:] == ["other.npz (bbbbbb)", "other.npz (cccccc)", "digits"]
    known = own_files.named(frame, {"aaaaaaa1": "mine"})["dataset"].tolist()
    assert known == ["mine"] * 3 + found[3:]
    without = frame.drop(columns="content")
    assert own_files.named(without) is without


def test_a_study_and_its_copy_under_another_name_have_all_cells_in_common(
    results, tmp_path, capsys
):
    for n_c, replicate in ((2, 0), (2, 1), (4, 0), (4, 1)):
        folder = "/data/one" if replicate else "/data/two"
        trial = results.vae(1, n_c, 0, replicate=replicate)
        trial |= {"dataset": f"{folder}/cells.npz", "content": "a" * 16}
        results.add(trial, [results.row(trial, 120, 9.0 + n_c)], key=f"{n_c}-{replicate}")
    study = results.close()
    frame = load(study)
    assert set(frame["dataset"]) == {"cells.npz"}
    copied = frame.assign(dataset="renamed.npz")
    copy = compact(study, copied, tmp_path / "copy.parquet")
    assert diff(study, copy, [], [], tmp_path / "diff.png") == 0
    assert "in cells of one only: 0 of A, 0 of B" in capsys.readouterr().out
