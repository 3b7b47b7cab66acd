"""Validates the fields of frozen dataclasses by types and bounds; errors list valid values."""

import functools
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin, get_type_hints

from scaling.errors import UsageError, did_you_mean, listed
from scaling.trial.bounds import Bounds

Fields = dict[str, object]  # values of a trial's fields by name; those of a source are such a dict
# New values of some fields. Which fields there are depends on the class, which checks the values
# when it is made: so the type says nothing about them.
Changes = Mapping[str, Any]
IN_WORDS = {  # types of fields, in error messages
    **{int: "a whole number", float: "a number", str: "a text", bool: "True or False"},
    NoneType: "none",
}
UNFIT = object()  # returned for a value that does not have the type
PLAIN = (str, int, float, bool, NoneType)  # types of values that are compared quickly


class Validated:
    """Validates a frozen dataclass by its fields' types and bounds; an int may serve as a float."""

    def __post_init__(self) -> None:
        cls = type(self)
        for name, hint in _hints(cls).items():  # type: ignore[arg-type]
            value = getattr(self, name)
            if type(value) in PLAIN:
                if _fits(cls, name, value):  # type: ignore[arg-type]
                    continue
            elif isinstance(value, Validated) and type(value) in _members(hint):
                continue
            object.__setattr__(self, name, _fit(hint, value, name))

    def with_valid(self, **values: object) -> Self:
        """Returns a copy with values that are known to fit: they are not validated again."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__ | values)
        return copy

    @classmethod
    def parse(cls, name: str, text: str) -> object:
        """Returns the value of a field from its text on the command line.

        Raises UsageError for an unknown field and for a value that does not fit.
        """
        hints = _hints(cls)  # type: ignore[arg-type]
        if name not in hints:
            near = did_you_mean(name, hints)
            raise UsageError(f"Unknown field {name!r}. {near}Known fields: {listed(hints)}.")
        if not text:
            raise UsageError(f"{name}= has no value. Give one, or leave {name} out.")
        return _fit(hints[name], _read(hints[name], text), name)

    @classmethod
    def from_dict(cls, values: Fields) -> Self:
        """Returns the dataclass with the fields of its JSON form.

        Raises UsageError for unknown and for missing fields.
        """
        known_fields = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
        if unknown := set(values) - set(known_fields):
            raise UsageError(f"{cls.__name__} has no field {listed(unknown)}.")
        needed = {name for name, field in known_fields.items() if field.default is MISSING}
        if lacking := needed - set(values):
            raise UsageError(f"{cls.__name__} lacks the field {listed(lacking)}.")
        return cls(**values)


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in fields(cls)}


@functools.lru_cache(1 << 16, typed=True)  # a study has a trial per seed, with the same values
def _fits(cls: type, name: str, value: Any) -> bool:
    """Returns True if a field has this value as it is; raises UsageError if it may not."""
    return type(_fit(_hints(cls)[name], value, name)) is type(value)


@functools.cache
def _members(hint: Any) -> tuple[Any, ...]:
    """Returns the types of a union, without their bounds."""
    members = get_args(hint) if get_origin(hint) in (UnionType, Union) else (hint,)
    return tuple(m.__origin__ if get_origin(m) is Annotated else m for m in members)


@functools.cache
def bounds_of(hint: Any) -> Bounds | None:
    """Returns the bounds declared with the type of a number, or of the numbers in a tuple."""
    if get_origin(hint) is Annotated:
        return next((item for item in hint.__metadata__ if isinstance(item, Bounds)), None)
    inner = (UnionType, Union, tuple)
    candidates = map(bounds_of, get_args(hint)) if get_origin(hint) in inner else ()
    return next((bounds for bounds in candidates if bounds), None)


def _read(hint: Any, text: str) -> object:
    """Converts text to the first type of the hint that accepts it."""
    for member in _members(hint):
        if member is NoneType and text.lower() in ("none", "null"):
            return None
        if member is bool and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if get_origin(member) is Literal:
            for choice in get_args(member):
                if str(choice) == text:
                    return choice
        if get_origin(member) is tuple and all(
            p.isascii() and p.isdigit() for p in text.split(",")
        ):
            return tuple(int(part) for part in text.split(","))
        if member in (int, float):
            try:
                return member(text) if text.isascii() else text
            except ValueError:
                continue
    return text


def _fit(hint: Any, value: Any, name: str) -> Any:
    """Converts a value to the hint's type; raises UsageError if it is not inside its bounds."""
    fitted, bounds = _typed(hint, value, name), bounds_of(hint)
    numbers = fitted if isinstance(fitted, tuple) else (fitted,)
    for number in numbers:
        if bounds and isinstance(number, int | float) and number not in bounds:
            raise UsageError(f"{name}={value!r} is not {bounds}. Give such a number.")
    return fitted


def _typed(hint: Any, value: Any, name: str) -> Any:
    """Converts a value to the hint's type; raises UsageError that lists the accepted types."""
    for member in _members(hint):
        converted = _as_member(member, value)
        if converted is not UNFIT:
            return converted
    raise UsageError(f"{name}={value!r} does not fit: {_describe(hint)} is expected.")


def _as_member(member: Any, value: Any) -> Any:
    """Converts a value to one of the types of a hint, or returns UNFIT."""
    if get_origin(member) is Literal:  # True and 1.0 are the choice 1
        return next((choice for choice in get_args(member) if choice == value), UNFIT)
    if get_origin(member) is tuple:
        is_whole = isinstance(value, list | tuple) and all(type(part) is int for part in value)
        return tuple(value) if is_whole else UNFIT
    if member is float and type(value) in (int, float):
        with suppress(OverflowError):  # the whole number is larger than any float
            return float(value) if math.isfinite(value) else UNFIT
        return UNFIT
    if member is int and isinstance(value, bool):
        return UNFIT
    if isinstance(value, member):
        return value
    if isinstance(value, dict) and issubclass(member, Validated):
        return member.from_dict(value)
    return UNFIT


def _describe(hint: Any) -> str:
    alternatives = []
    for member in _members(hint):
        if get_origin(member) is Literal:
            alternatives += [str(choice) for choice in get_args(member)]
        elif get_origin(member) is tuple:
            alternatives.append("numbers such as 1,2")
        else:
            alternatives.append(IN_WORDS.get(member, f"a {member.__name__}"))
    return " or ".join(alternatives)
