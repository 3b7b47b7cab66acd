"""The notebooks run from top to bottom on published results, without torch and Ray."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "analysis" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
CHECK = "import sys; assert not {'torch', 'ray', 'scaling'} & set(sys.modules)"
LINES = 5  # lines of a cell without imports: longer code belongs in a module


def read(path):
    return nbformat.read(path, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    assert {path.stem for path in NOTEBOOKS} >= {"double_descent", "data_sources", "downstream"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_begin_with_parameters_and_have_short_cells(path):
    cells = code(read(path))
    assert cells[0].metadata.tags == ["parameters"]
    for cell in cells:
        if cell.source.startswith("%%writefile"):
            continue
        lines = [line for line in cell.source.splitlines() if line and "import" not in line]
        assert len(lines) <= LINES
        assert not any(line.startswith(("def ", "class ", "for ", "if ")) for line in lines)
        assert "sys.path" not in cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_kept_and_name_no_folder_of_a_machine(path):
    outputs = [output for cell in code(read(path)) for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    texts = [output.get("text", "") + output.get("data", {}).get("text/plain", "")
             for output in outputs]  # fmt: skip
    assert not [
        text for text in texts if re.search(r"(^|[\s'\"])/(home|root|tmp|work|Users)/", text)
    ]
    assert all(output.output_type != "error" for output in outputs)


def starts_a_study(path):
    return any("subprocess" in cell.source for cell in code(read(path)))


def marked(path):
    marks = [pytest.mark.cluster, pytest.mark.slow] if starts_a_study(path) else []
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize("path", [marked(path) for path in NOTEBOOKS])
def test_a_notebook_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parents[1]))
    notebook = read(path)
    notebook.cells.append(nbformat.v4.new_code_cell(CHECK))
    NotebookClient(notebook, resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [output for cell in code(notebook) for output in cell.outputs]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    assert any("image/png" in output.get("data", {}) for output in outputs)
