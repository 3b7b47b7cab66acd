"""What a test needs of a value that a signature allows to be absent."""

from typing import Any, TypeVar

T = TypeVar("T")


def there(value: T | None) -> T:
    """The value, which must not be None."""
    assert value is not None
    return value


def numbers(row: dict[str, Any]) -> dict[str, float]:
    """The columns of a row that are numbers; its words are left out."""
    return {name: value for name, value in row.items() if isinstance(value, int | float)}
