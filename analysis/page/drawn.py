"""Draws the figures of a page, each as SVG with its caption, numbers and command."""

import io
import re
from pathlib import Path
from typing import NotRequired, TypedDict
from urllib.parse import quote

import pandas as pd

from analysis import figures, results, style
from analysis.command import command, typed_path
from analysis.errors import ResultsError

SAFE = " !$&'()*+,-./:;=?@_~<>"  # need no escape in a data: URI inside double quotes


class DrawnFigure(TypedDict):
    """Holds a figure with its caption and command, and its files as data: URIs, or an error."""

    name: str
    about: str
    command: str
    error: NotRequired[str]
    uri: NotRequired[str]
    size: NotRequired[tuple[int, int]]
    csv: NotRequired[str]
    text: NotRequired[str]  # of a table


def drawn(names: tuple[str, ...], path: Path, frame: pd.DataFrame) -> list[DrawnFigure]:
    """Draws figures and tables of results; one that cannot be drawn yet has an `error` instead."""
    return [_one(name, path, frame) for name in names]


def _one(name: str, path: Path, frame: pd.DataFrame) -> DrawnFigure:
    typed = command(name, "--results", typed_path(path), "-o", f"{name}.pdf")
    result: DrawnFigure = {"name": name, "about": figures.about(name), "command": typed}
    try:
        loaded = figures.load(name, path, frame)
        table = figures.numbers(name, loaded)
        picture = svg(name, loaded, results.note(path))
        text = figures.text(name, loaded) if figures.is_table(name) else []
    except ResultsError as error:
        return result | {"error": str(error)}
    except Exception as error:  # the rest of the page is still of use
        return result | {"error": figures.fault(error)}
    csv = table.to_csv(index=False, lineterminator="\n")
    result |= {"uri": f"data:image/svg+xml,{quote(picture, safe=SAFE)}", "size": size(picture)}
    return result | {"csv": f"data:text/csv,{quote(csv)}", "text": "\n".join(text)}


def svg(name: str, frame: pd.DataFrame, note: str) -> str:
    """Returns the figure as SVG text, without the header and metadata of an SVG file."""
    from matplotlib import rc_context

    figure = figures.draw(name, frame, note)
    buffer = io.StringIO()
    with rc_context(style.RC):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<\?xml.*?\?>|<!DOCTYPE.*?>", "", text,
                  flags=re.DOTALL)  # fmt: skip
    return re.sub(r"\s*\n\s*", "\n", text).strip().replace('"', "'") if "'" not in text else text


def size(picture: str) -> tuple[int, int]:
    """Returns width and height of an SVG in CSS pixels."""
    match = re.search(r"viewBox=[\"']0 0 ([\d.]+) ([\d.]+)", picture)
    wide, tall = (float(match[1]), float(match[2])) if match else (486.0, 260.0)
    return round(wide * 4 / 3), round(tall * 4 / 3)
