"""Narrows types in tests: a value that may be None, and the numbers of a row."""

from typing import Any, TypeVar

T = TypeVar("T")


def not_none(value: T | None) -> T:
    """Returns the value, which must not be None."""
    assert value is not None
    return value


def numbers(row: dict[str, Any]) -> dict[str, float]:
    """Returns the columns of a row that are numbers."""
    return {name: value for name, value in row.items() if isinstance(value, int | float)}
