"""The documents: links and anchors are valid, flags exist, columns are the dictionary's."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from analysis import claims, figures
from analysis.columns import COLUMNS
from analysis.selection.early import at_best
from analysis.storage.provenance import note
from scaling.cli import studies

ROOT = Path(__file__).parents[1]
FOLDERS = ("", "docs", "deploy", "examples")
PAGES = sorted(page for folder in FOLDERS for page in (ROOT / folder).glob("*.md"))
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*\b(?!-)")
FOREIGN = {  # flags of other programs
    *("--head", "--logdir", "--list", "--no-wait", "--submission-id", "--follow", "--reference"),
    *("--waits", "--trials", "--version"),
}
WORDS = (
    *("evaluate", "status", "replicates", "reproduce", "doctor"),
    *("fig8", "diff", "page", "law", "claims"),
)
VERBS = ("build", "grow", "verify", "info", "import")


def loaded(name):
    """Loads a module of `.ci`, which is not a package."""
    spec = importlib.util.spec_from_file_location(f"ci_{name}", ROOT / ".ci" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up here
    spec.loader.exec_module(module)
    return module


documents, columns = loaded("documents"), loaded("columns")


def anchors(page):
    """Returns the anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_anchors_are_valid(page):
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert target.resolve().is_relative_to(ROOT), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


def test_anchors_equal_those_of_github():
    page = ROOT / "docs" / "cluster.md"
    assert {"security", "when-machines-fail", "how-far-it-goes"} <= anchors(page)
    assert "on-every-machine" not in anchors(page)  # a comment in a block is not a heading


def helps():
    """Yields the --help texts of all commands."""
    commands = [[str(ROOT / "studies" / "double_descent.py")]]
    commands += [["-m", "scaling", word] for word in WORDS]
    commands += [["-m", "scaling", "pool", verb] for verb in VERBS]
    for command in commands:
        done = subprocess.run(
            [sys.executable, *command, "--help"], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        yield done.stdout


def test_every_flag_in_the_documents_exists():
    known = {flag for text in helps() for flag in FLAG.findall(text)} | FOREIGN
    for page in PAGES:
        unknown = {*FLAG.findall(page.read_text())} - known
        assert not unknown, f"{page.name} shows {unknown}"


def test_every_study_is_in_the_readme():
    text = (ROOT / "README.md").read_text()
    assert [name for name in studies.names() if f"`{name}`" not in text] == []


def test_every_example_is_in_its_readme():
    text = (ROOT / "examples" / "README.md").read_text()
    files = (ROOT / "examples").glob("*.py")
    assert [file.name for file in files if f"`{file.name}`" not in text] == []


def test_the_readme_is_short_and_begins_with_the_two_commands():
    page = ROOT / "README.md"
    assert page.read_text().count("\n") <= 130
    first = next(documents.blocks(page))
    assert first.commands() == [
        "pip install -e . && python studies/double_descent.py",
        'pip install -e ".[dev]" && pytest',
    ]


def test_the_page_of_columns_equals_the_dictionary():
    page = columns.PAGE.read_text()
    assert columns.with_tables(page) == page, "Type: python .ci/columns.py"
    part = page.partition(columns.START)[2].partition(columns.END)[0]
    rows = [re.split(r"(?<!\\) ?\| ?", line)[1:-1] for line in re.findall(r"^\| `.*$", part, re.M)]
    shown = {name.strip("`"): (unit, meaning) for name, unit, _, meaning in rows}
    assert shown == {n: (u, m.replace("|", "\\|")) for n, (u, _, m) in COLUMNS.items()}


def test_blocks_are_commands_python_or_output():
    starts = ("python ", "scaling-vae ", "pip ", "pytest", "ray ", "export ", ".ci/")
    for page in documents.pages():
        for block in documents.blocks(page):
            assert block.language in documents.SHELL | documents.OUTPUT | {"python"}, block
            assert all(command.startswith(starts) for command in block.commands()), block
            if block.language == "python":
                compile(block.text, page.name, "exec")


CELL = re.compile(r"([*]*)([−-]?[\d.]+) ± ([\d.]+)([*]*)")


def cells(line):
    """Returns (mean, half width, bold or starred) of each cell of a table's line, as texts."""
    found = [match.groups() for match in CELL.finditer(line)]
    return [(mean.replace("−", "-"), half, bool(a or b)) for a, mean, half, b in found]


def rounded(printed, shown):
    """Rounds a number of the program to as many digits as the page shows."""
    return f"{float(printed):.{len(shown.partition('.')[2])}f}"


def test_tables_of_gaps_are_those_that_the_program_prints():
    names = ("results.md", "results-earlier.md")
    text = "".join((ROOT / "docs" / name).read_text() for name in names)
    found = re.finditer(r"^python -m analysis (table\d+) --results (\S+)$", text, re.MULTILINE)
    for word, path in [match.groups() for match in found]:
        printed = figures.text(word, figures.load(word, ROOT / path))
        expected = [row for row in map(cells, printed) if len(row) == 4]
        before = text.partition(f"{word} --results {path}")[0].splitlines()
        shown = [row for row in map(cells, before) if len(row) == 4][-len(expected) :]
        for line, row in zip(shown, expected, strict=True):
            for here, there in zip(line, row, strict=True):
                both = zip(there[:2], here[:2], strict=True)
                assert here == (*(rounded(a, b) for a, b in both), there[2]), path


PICTURES = sorted((ROOT / "analysis" / "published").glob("*/*.png"))


@pytest.mark.slow
@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_published_pictures_have_the_size_that_the_program_draws_now(picture):
    if picture.stem == "law":  # of a command with options of its own
        pytest.skip("not a word of `figures`")
    name, _, best = picture.stem.partition("-")
    study = {"tuned": "double_descent_tuned"}.get(name) or figures.study(name)
    rows = picture.parent / f"{study}.parquet"
    frame = figures.load(name, rows)
    drawn = figures.draw(name, at_best(frame) if best else frame, note(rows))
    high, wide = imread(picture).shape[:2]
    np.testing.assert_allclose([wide, high], 300 * drawn.get_size_inches(), atol=1)


def test_the_verdict_on_the_page_of_claims_is_the_one_that_the_program_prints(capsys):
    text = (ROOT / "docs" / "claims.md").read_text()
    (path,) = re.findall(r"python -m analysis claims --results (\S+)", text)
    claims.main(ROOT / path, long=True)
    printed = " ".join(capsys.readouterr().out.split())
    (block,) = re.findall(r"^```text\n(holds .*?)^```", text, re.MULTILINE | re.DOTALL)
    for part in re.split(r"(?=\b(?:ours|exploratory|paper): )", " ".join(block.split())):
        assert part.strip() in printed


def test_a_block_says_why_it_is_not_run(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- not run: no cluster -->\n```\nray start --head\n```\n\n"
        "```\npython a.py \\\n    --b  # c\n# a comment\n```\n\n```text\nnot a command\n```\n"
        "\n```python\nprint(1)\n```\n"
    )
    skipped, run, output, code = documents.blocks(page)
    assert skipped.reason == "no cluster" and skipped.commands() == ["ray start --head"]
    assert run.reason is None and run.commands() == ["python a.py --b  # c"]
    assert documents.steps(output) == []
    assert documents.steps(code) == [[sys.executable, "-c", "print(1)\n"]]


def test_every_block_of_the_pages_is_found():
    for page in documents.pages():
        fences = re.findall(r"^```", page.read_text(), re.MULTILINE)
        assert len(fences) == 2 * len(list(documents.blocks(page))), page.name


def test_citation_has_the_paper_and_the_version_of_the_software():
    yaml = pytest.importorskip("yaml")
    import scaling

    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(cited["version"]) == scaling.__version__
    paper = cited["preferred-citation"]
    assert [author["family-names"] for author in paper["authors"]] == ["Xiao", "Zenn", "Bamler"]
    assert paper["url"] in (ROOT / "README.md").read_text()
