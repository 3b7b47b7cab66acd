"""Imports go down only: read from the source text, so that lazy imports count too."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BOTTOM = {
    *("scaling.checked", "scaling.shapes", "scaling.source", "scaling.kinds"),
    *("scaling.trial", "scaling.wanted"),
}
# module prefix -> prefixes that it may import from this project, the longest match first
ALLOWED = {
    "scaling.checked": set(),
    "scaling.files": set(),
    "scaling.shapes": set(),
    "scaling.source": {"scaling.checked"},
    "scaling.kinds": {"scaling.checked", "scaling.shapes", "scaling.source"},
    "scaling.trial": {"scaling.checked", "scaling.shapes", "scaling.source", "scaling.kinds"},
    "scaling.wanted": {"scaling.checked", "scaling.shapes", "scaling.source", "scaling.trial"},
    "scaling.seeds": set(),
    "scaling.layers": BOTTOM,
    "scaling.costs": BOTTOM | {"scaling.layers"},
    "scaling.plan": BOTTOM | {"scaling.layers", "scaling.costs"},
    "scaling.calibrate": BOTTOM
    | {"scaling.costs", "scaling.files", "scaling.layers", "scaling.plan", "scaling.store"}
    | {"scaling.data", "scaling.runs"},
    "scaling.doctor": {"scaling.probes", "scaling.tables"},
    "scaling.probes": {"scaling.checked", "scaling.doctor", "scaling.tables"}
    | {"scaling.data", "scaling.metrics", "scaling.cluster"},
    "scaling.tables": set(),
    "scaling.checkpoints": {"scaling.files"},
    "scaling.store": BOTTOM | {"scaling.files", "scaling.checkpoints"},
    "scaling.lock": BOTTOM | {"scaling.files"},
    "scaling.provenance": set(),
    "scaling.events": set(),
    "scaling.presets": BOTTOM | {"scaling.options"},
    "scaling.evaluate": BOTTOM
    | {"scaling.cli", "scaling.options", "scaling.store", "scaling.lock", "scaling.cluster"}
    | {"scaling.metrics", "scaling.data", "scaling.calibrate", "scaling.plan"},
    "scaling.options": BOTTOM,
    "scaling.cli": BOTTOM
    | {"scaling.options", "scaling.plan", "scaling.tables", "scaling.store", "scaling.lock"}
    | {"scaling.calibrate", "scaling.cluster"},
    "scaling.data": BOTTOM | {"scaling.data", "scaling.files", "scaling.seeds"},
    "scaling.models": BOTTOM | {"scaling.models"},
    "scaling.metrics": BOTTOM
    | {"scaling.metrics", "scaling.models", "scaling.data", "scaling.seeds"},
    "scaling.runs": BOTTOM
    | {"scaling.runs", "scaling.metrics", "scaling.models", "scaling.data", "scaling.seeds"},
    "scaling.__main__": BOTTOM
    | {"scaling.doctor", "scaling.options", "scaling.store", "scaling.data", "scaling.cluster"}
    | {"scaling.lock"},
    "scaling.cluster": BOTTOM
    | {"scaling.cluster", "scaling.runs", "scaling.store", "scaling.data", "scaling.files"}
    | {"scaling.events", "scaling.provenance", "scaling.checkpoints", "scaling.metrics"},
    "analysis": {"analysis"},
    "studies": {
        "scaling.evaluate",
        "scaling.cli",
        "scaling.options",
        "scaling.presets",
        "scaling.trial",
        "scaling.wanted",
        "analysis",
    },
}
ANALYSIS_PACKAGES = {"numpy", "scipy", "pandas", "pyarrow", "matplotlib"}
HEAVY = {"torch", "ray", "pandas", "matplotlib", "numpy", "sklearn"}
LIGHT = (
    "analysis/__init__.py",
    "scaling/trial.py",
    "scaling/checked.py",
    "scaling/cli.py",
    "scaling/options.py",
    "scaling/presets.py",
)
FILES = sorted(
    p for folder in ("scaling", "analysis", "studies") for p in (ROOT / folder).rglob("*.py")
)


def imports(path, top_level_only=False):
    """(module, only for type checking) of every import of the file."""
    tree = ast.parse(path.read_text())
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in guarded) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in guarded
            yield from ((f"{node.module}.{a.name}", id(node) in guarded) for a in node.names)


def owner(module, names):
    fitting = [name for name in names if module == name or module.startswith(name + ".")]
    return max(fitting, key=len, default=None)


def module_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_go_down_only(path):
    module = module_of(path)
    rule = owner(module, ALLOWED)
    allowed = ALLOWED[rule] if rule else {module}
    for name, for_types in imports(path):
        if name.split(".")[0] in ("scaling", "analysis", "studies") and name not in ("scaling",):
            if for_types and name.startswith("scaling.runs") and rule == "scaling.metrics":
                continue
            assert owner(name, allowed), f"{module} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_ray_is_imported_in_cluster_only(path):
    if "cluster" not in path.parts:
        assert not [name for name, _ in imports(path) if name.split(".")[0] == "ray"]


@pytest.mark.parametrize("path", [p for p in FILES if "analysis" in p.parts], ids=module_of)
def test_analysis_needs_five_packages(path):
    import sys

    for name, _ in imports(path):
        top = name.split(".")[0]
        assert top in ANALYSIS_PACKAGES | {"analysis"} | set(sys.stdlib_module_names), name


@pytest.mark.parametrize(
    "path", [ROOT / name for name in LIGHT] + sorted(ROOT.glob("studies/*.py"))
)
def test_command_lines_start_light(path):
    names = {name for name, _ in imports(path, top_level_only=True)}
    assert not {name.split(".")[0] for name in names} & HEAVY
    assert {name for name in names if name.startswith("analysis")} <= {
        "analysis",
        "analysis.summarize",
    }


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_files_and_functions_stay_small(path):
    text = path.read_text()
    assert text.count("\n") <= 250
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno + 1 <= 40, node.name
