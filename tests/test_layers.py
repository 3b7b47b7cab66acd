"""Imports between rooms, read from the source text so that lazy imports count."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

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
ANALYSIS_PACKAGES = {"numpy", "scipy", "pandas", "pyarrow", "matplotlib", "jinja2", "markupsafe"}
HEAVY = {"torch", "ray", "pandas", "matplotlib", "numpy", "sklearn"}
# rooms and files of scaling/
LIGHT = ("trial", "planning", "status", "cli", "errors.py", "presets.py", "__main__.py")
# largest allowed numbers of lines
LINES = {ast.FunctionDef: 40, ast.AsyncFunctionDef: 40, ast.ClassDef: 120}
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


def home(module):
    """Returns the room of a module of scaling/, or the top-level folder of other modules."""
    names = module.split(".")
    return (names[1:] or ["errors"])[0] if names[0] == "scaling" else names[0]


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_go_down_only(path):
    room = home(module_of(path))
    allowed = {room, *ROOMS.get(room, "").split()} | ({"errors"} if room != "analysis" else set())
    for name in imports(path):
        if name.split(".")[0] in ("scaling", "analysis", "studies"):
            assert home(name) in allowed, f"{module_of(path)} imports {name}"


def test_no_files_import_each_other_in_a_circle():
    graph = {module_of(path): MODULES & set(imports(path)) for path in FILES}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_ray_is_imported_in_cluster_only(path):
    if "cluster" not in path.parts:
        assert "ray" not in {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", [p for p in FILES if "analysis" in p.parts], ids=module_of)
def test_analysis_needs_six_packages(path):
    """Markupsafe is part of Jinja."""
    tops = {name.split(".")[0] for name in imports(path)}
    assert tops <= ANALYSIS_PACKAGES | {"analysis"} | set(sys.stdlib_module_names)


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


@pytest.mark.parametrize("path", sorted(ROOT.glob("studies/*.py")))
def test_studies_start_without_heavy_packages(path):
    names = set(imports(path, top_level_only=True))
    assert not {name.split(".")[0] for name in names} & HEAVY
    assert {n for n in names if n.startswith("analysis")} <= {"analysis", "analysis.summarize"}


def test_the_root_of_the_package_stays_small():
    assert len(list((ROOT / "scaling").glob("*.py"))) <= 5


@pytest.mark.parametrize("path", [*FILES, *sorted((ROOT / "tests").rglob("*.py"))], ids=module_of)
def test_files_functions_and_classes_stay_small(path):
    text = path.read_text()
    assert text.count("\n") <= 250
    for node in ast.walk(ast.parse(text)):
        for kind, most in LINES.items():
            if isinstance(node, kind) and isinstance(node, ast.stmt):
                assert (node.end_lineno or 0) - node.lineno + 1 <= most, ast.unparse(node)[:80]
