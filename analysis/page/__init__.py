"""Writes a study's page: verdict, numbers, figures and provenance in one offline HTML file.

`scaling-vae page RESULTS [STUDY]` writes it at any time, and a launch writes it at its end. The
file makes no requests, and its content security policy forbids them; names and errors of trials are
untrusted text and are escaped. All tables, figures and numbers are visible without scripts.
"""

import base64
import hashlib
import os
from pathlib import Path

from analysis.errors import ResultsError, did_you_mean
from analysis.page.content import Content, content
from analysis.template import filled

HOME = Path(__file__).parent
NAME = "report.html"  # name in a study's folder


def write(path: str | Path, output: Path | None = None) -> Path:
    """Writes the page of a study's folder, a results root or a parquet file atomically.

    Returns the page's path: `report.html` in a folder, the parquet file's name with .html, or
    `output`. Raises ResultsError if there is nothing to read.
    """
    path = Path(path)
    output = output or (path / NAME if path.is_dir() else path.with_suffix(".html"))
    if output.suffix not in (".html", ".htm"):
        raise ResultsError(f"{output} is not the name of a page. End it in .html: -o {NAME}.")
    text = html(content(path))
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, output)
    finally:
        temporary.unlink(missing_ok=True)
    return output


def places(path: Path, study: str | None = None) -> list[Path]:
    """Returns the paths to write pages of: one, or those of each study of a results root.

    Raises ResultsError if there is no such study.
    """
    if study is None and not (path / "trials").is_dir():
        return [path]
    names = sorted(file.parent.name for file in path.glob("*/study.json"))
    if study is None:
        return [path / name for name in names] or [path]
    if study not in names:
        near = did_you_mean(study, names)
        advice = f"Known: {', '.join(names)}." if names else "Run a study first."
        raise ResultsError(f"{path} contains no study {study!r}. {near}{advice}")
    return [path / study]


def html(values: Content) -> str:
    """Fills the template; its policy allows the page's script and style only, by their SHA-256."""
    from markupsafe import Markup

    from analysis.page.cells import shown

    style, script = ((HOME / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    )
    assets = {"style": Markup(style), "script": Markup(script), "policy": policy}
    template_values = {**dict.fromkeys(EMPTY, ()), **values, **assets}
    return filled(HOME / "page.html", template_values, {"shown": shown})


EMPTY = (  # sections that a page without any measured epoch leaves out
    *("verdict", "claims", "heat", "heat_tables", "figures", "learning", "pictures", "pools"),
    *("costs", "trials", "datasets", "nothing"),
)


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
