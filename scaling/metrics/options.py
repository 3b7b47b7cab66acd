"""Names the options of a metric that change its numbers and are not the defaults, for rows.

Values that were measured with different options are no repetitions of each other, so that figures
and claims keep them apart (`analysis.statistics.measured`). A column `NAME_options` holds the text:
one for a metric of the project, and one for each number of a user's metric.
"""

import os
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scaling.metrics.subject import Subject

OPTIONS = "_options"  # ends the name of the column
DEFAULTS = "defaults"  # its value if no option differs; rows older than the column lack it


def changed(settings: Any, subject: "Subject") -> str:
    """Returns the options that are not the defaults, such as `delta=0.3, n_attack=5`, by name.

    `settings` are an instance of a metric's dataclass. Its method `used`, if it has one, returns
    the options that change the numbers, with the values that are used for the subject; otherwise
    all fields count. The result is DEFAULTS if none differs, and "" if there are no such options.
    Where a field has no default, all options are named.
    """
    now, before = _used(settings, subject), _defaults(settings, subject)
    others = [n for n in sorted(now) if n not in before or now[n] != before[n]]
    return (", ".join(f"{n}={_text(now[n])}" for n in others) or DEFAULTS) if now else ""


def _defaults(settings: Any, subject: "Subject") -> dict[str, object]:
    needed = (MISSING, MISSING)
    if any((f.default, f.default_factory) == needed for f in _fields(settings)):
        return {}
    return _used(type(settings)(), subject)


def _fields(settings: Any) -> tuple[Field[Any], ...]:
    return fields(settings) if is_dataclass(settings) else ()


def _used(settings: Any, subject: "Subject") -> dict[str, object]:
    used = getattr(settings, "used", None)
    if callable(used):
        return dict(used(subject))
    return {field.name: getattr(settings, field.name) for field in _fields(settings)}


def _text(value: object) -> str:
    """Formats a value; a path in results should not reveal a user's name."""
    return str(value).replace(os.path.expanduser("~"), "~")
