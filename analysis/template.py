"""Fills HTML templates: names and errors in results are untrusted text, and are escaped."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType


def filled(
    file: Path,
    values: Mapping[str, object],
    filters: Mapping[str, Callable[..., object]] = MappingProxyType({}),
) -> str:
    """Returns the text of a Jinja template with these values; a missing value is an error.

    `filters` are functions that the template applies to values, by name.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(file.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template(file.name).render(values)
