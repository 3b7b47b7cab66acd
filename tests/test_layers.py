"""Imports between rooms, read from the source text so that lazy imports count."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.narrow import not_none

ROOT = Path(__file__).parents[1]
ROOMS = {  # the rooms that a room may import, none if not listed; all may import `errors`
    "presets": "trial",
    "data": "trial seeds",
    "models": "trial",
    "storage": "trial",
    "status": "storage trial",
    "pools": "storage trial",
    "metrics": "models data trial seeds",
    "runs": "metrics models data pools storage trial seeds",
    "planning": "runs models data pools storage trial",
    "cluster": "runs metrics pools data status storage trial",
    "cli": "runs planning cluster pools metrics data status storage presets trial analysis",
    "__main__": "cli analysis",
    "studies": "cli presets trial analysis",
}
ANALYSIS_ROOMS = {  # the lower rooms of analysis/, and the rooms that each may import
    "storage": "",
    "statistics": "",
    "selection": "storage",
    "double_descent": "statistics",
}
ANALYSIS_PACKAGES = {"numpy", "scipy", "pandas", "pyarrow", "matplotlib", "jinja2", "markupsafe"}
HEAVY = {"torch", "ray", "pandas", "matplotlib", "numpy", "sklearn"}
# rooms and files of scaling/
LIGHT = ("trial", "planning", "status", "cli", "errors.py", "presets.py", "__main__.py")
# largest allowed numbers of lines
LINES: dict[type[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef], int] = {
    ast.FunctionDef: 40,
    ast.AsyncFunctionDef: 40,
    ast.ClassDef: 120,
}
FILES = sorted(
    p for folder in ("scaling", "analysis", "studies") for p in (ROOT / folder).rglob("*.py")
)


def module_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path) for path in FILES}


def imports(path, top_level_only=False):
    """Yields every module that a file imports; `from package import module` gives the module."""
    tree = ast.parse(path.read_text())
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from names & MODULES or {node.module}


def top(module):
    return module.split(".")[0]


def home(module):
    """Returns the room of a module of scaling/, or the top-level folder of other modules."""
    names = module.split(".")
    return (names[1:] or ["errors"])[0] if names[0] == "scaling" else names[0]


def test_imports_go_down_only():
    wrong = []
    for path in FILES:
        room = home(module_of(path))
        allowed = {room, *ROOMS.get(room, "").split()}
        allowed |= {"errors"} if room != "analysis" else set()
        for name in imports(path):
            if top(name) in ("scaling", "analysis", "studies") and home(name) not in allowed:
                wrong.append(f"{module_of(path)} imports {name}")
    assert wrong == []


def test_lower_rooms_of_analysis_import_no_upper_ones():
    rooms = {path.parent.name for path in (ROOT / "analysis").glob("*/__init__.py")}
    wrong = [
        f"{module_of(path)} imports {name}"
        for room, allowed in ANALYSIS_ROOMS.items()
        for path in (ROOT / "analysis" / room).rglob("*.py")
        for name in imports(path)
        if name.startswith("analysis.") and name.split(".")[1] in rooms - {room, *allowed.split()}
    ]
    assert rooms >= set(ANALYSIS_ROOMS) and wrong == []


def test_no_files_import_each_other_in_a_circle():
    graph = {module_of(path): MODULES & set(imports(path)) for path in FILES}
    order = list(TopologicalSorter(graph).static_order())  # CycleError names the circle
    assert set(order) == MODULES


def test_ray_is_imported_in_cluster_only():
    users = [path for path in FILES if "ray" in map(top, imports(path))]
    assert users
    assert [module_of(path) for path in users if "cluster" not in path.parts] == []


def test_analysis_needs_six_packages():
    """Markupsafe is part of Jinja."""
    tops = {top(name) for path in FILES if "analysis" in path.parts for name in imports(path)}
    assert tops - {"analysis"} - sys.stdlib_module_names == ANALYSIS_PACKAGES


@pytest.mark.parametrize("room", LIGHT)
def test_command_lines_start_without_heavy_packages(room):
    """Importing one of these rooms loads neither torch nor Ray nor numpy."""
    script = (
        "import importlib, sys; [importlib.import_module(m) for m in sys.argv[1:]]; "
        f"sys.exit(', '.join({HEAVY} & set(sys.modules)) or 0)"
    )
    modules = [module_of(p) for p in FILES if room in p.relative_to(ROOT).parts]
    modules = [module for module in modules if module.startswith("scaling.")]
    assert modules
    done = subprocess.run([sys.executable, "-c", script, *modules], cwd=ROOT)
    assert done.returncode == 0


def test_a_driver_starts_without_pytorch():
    """A launch trains in other processes; the one that starts them needs Ray alone."""
    script = "import scaling.cluster.launch, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT).returncode == 0


@pytest.mark.parametrize("path", sorted(ROOT.glob("studies/*.py")))
def test_studies_start_without_heavy_packages(path):
    names = set(imports(path, top_level_only=True))
    assert not set(map(top, names)) & HEAVY
    assert {n for n in names if n.startswith("analysis")} <= {"analysis", "analysis.summarize"}


def test_the_root_of_the_package_stays_small():
    assert len(list((ROOT / "scaling").glob("*.py"))) <= 5


def test_files_functions_and_classes_stay_small():
    large = []
    for path in [*FILES, *sorted((ROOT / "tests").rglob("*.py"))]:
        text = path.read_text()
        if text.count("\n") > 250:
            large.append(module_of(path))
        for node in ast.walk(ast.parse(text)):
            for kind, most in LINES.items():
                if isinstance(node, kind) and not_none(node.end_lineno) - node.lineno >= most:
                    large.append(f"{module_of(path)}, line {node.lineno}: {node.name}")
    assert large == []
