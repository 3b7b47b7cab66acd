"""Frozen dataclasses that check their fields against the types; errors list what is right."""

import functools
import math
from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Any, Literal, Self, Union, get_args, get_origin, get_type_hints

from scaling.errors import UsageError, did_you_mean, listed


class Validated:
    """Validates a frozen dataclass by its fields' types; an int may stand for a float."""

    def __post_init__(self) -> None:
        hints = _hints(type(self))  # type: ignore[arg-type]
        for field in fields(self):  # type: ignore[arg-type]
            value = _fit(hints[field.name], getattr(self, field.name), field.name)
            object.__setattr__(self, field.name, value)

    @classmethod
    def parse(cls, name: str, text: str) -> object:
        """A field's value from the command line.

        Raises UsageError for an unknown field or a value that does not fit.
        """
        hints = _hints(cls)  # type: ignore[arg-type]
        if name not in hints:
            near = did_you_mean(name, hints)
            raise UsageError(f"Unknown field {name!r}. {near}Known fields: {listed(hints)}.")
        return _fit(hints[name], _read(hints[name], text), name)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The dataclass from the JSON form; unknown names raise, and so do missing ones."""
        known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
        if unknown := set(values) - set(known):
            raise UsageError(f"{cls.__name__} has no field {listed(unknown)}.")
        needed = {name for name, field in known.items() if field.default is MISSING}
        if lacking := needed - set(values):
            raise UsageError(f"{cls.__name__} lacks the field {listed(lacking)}.")
        return cls(**values)


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls)}


@functools.cache
def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (UnionType, Union) else (hint,)


def _read(hint: Any, text: str) -> object:
    """Text as the first type of the hint that takes it."""
    for member in _members(hint):
        if member is NoneType and text.lower() in ("none", "null"):
            return None
        if member is bool and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if get_origin(member) is Literal:
            for choice in get_args(member):
                if str(choice) == text:
                    return choice
        if get_origin(member) is tuple and all(part.isdigit() for part in text.split(",")):
            return tuple(int(part) for part in text.split(","))
        if member in (int, float):
            try:
                return member(text)
            except ValueError:
                continue
    return text


def _fit(hint: Any, value: Any, name: str) -> Any:
    """The value as the hint's type; raises UsageError with what would fit."""
    for member in _members(hint):
        if get_origin(member) is Literal:
            if value in get_args(member):
                return value
        elif get_origin(member) is tuple:
            if isinstance(value, list | tuple) and all(type(part) is int for part in value):
                return tuple(value)
        elif member is float and type(value) in (int, float):
            if math.isfinite(value):
                return float(value)
        elif type(value) is member or (isinstance(member, type) and isinstance(value, member)):
            if not (member is int and isinstance(value, bool)):
                return value
        elif isinstance(value, dict) and isinstance(member, type) and issubclass(member, Validated):
            return member.from_dict(value)
    raise UsageError(f"{name}={value!r} does not fit: {_describe(hint)} is expected.")


def _describe(hint: Any) -> str:
    words = []
    for member in _members(hint):
        if get_origin(member) is Literal:
            words += [str(choice) for choice in get_args(member)]
        elif get_origin(member) is tuple:
            words.append("numbers such as 1,2")
        else:
            words.append("none" if member is NoneType else member.__name__)
    return " or ".join(words)
