"""Says in which fields trials of one training distribution differ, to tell their lines apart."""

from collections.abc import Collection, Iterable, Mapping

from scaling.trial.validation import Fields

# Fields in which the trials of one line may differ; all others separate lines.
WITHIN = ("kind", "m_z", "n_c", "seed", "split", "replicate", "pool", "source.pool")


def lines(fields: Mapping[str, Mapping[str, object]], names: Mapping[str, str]) -> dict[str, str]:
    """Names the line of each trial: its source's name and the fields that vary under that name."""
    fields_of = varying(fields, names)
    return {key: worded(name, fields_of[key]) for key, name in names.items()}


def worded(name: str, values: Mapping[str, object]) -> str:
    """Returns a line's name, `normal, lr=0.001`: the source's name and values of fields."""
    return ", ".join([name, *(f"{n.removeprefix('source.')}={v}" for n, v in values.items())])


def varying(
    fields: Mapping[str, Mapping[str, object]],
    names: Mapping[str, str],
    within: Collection[str] = WITHIN,
) -> dict[str, Fields]:
    """Returns each trial's values of the fields that vary among trials of the same name.

    `fields` are those of `flat`. Fields of `within` are left out.
    """
    groups: dict[str, list[str]] = {}
    for key, name in names.items():
        groups.setdefault(name, []).append(key)
    result: dict[str, Fields] = {}
    for keys in groups.values():
        vary = [n for n in _varying([fields[key] for key in keys]) if n not in within]
        result |= {key: {name: fields[key].get(name) for name in vary} for key in keys}
    return result


def _varying(fields: Iterable[Mapping[str, object]]) -> list[str]:
    values: dict[str, set[str]] = {}
    for trial in fields:
        for name, value in trial.items():
            values.setdefault(name, set()).add(repr(value))
    return [name for name, seen in values.items() if len(seen) > 1]


def flat(fields: Fields) -> Fields:
    """Flattens a trial's fields; those of its source become `source.NAME`."""
    source = fields.get("source")
    inside = source if isinstance(source, dict) else {}
    outer = {name: value for name, value in fields.items() if name != "source"}
    return outer | {f"source.{name}": value for name, value in inside.items()}
