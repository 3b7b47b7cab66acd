"""Groups planned trials that differ by chance alone, and says in which fields groups differ."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from scaling.trial import Trial, to_dict
from scaling.trial.schedule import Planned
from scaling.trial.validation import Fields
from scaling.trial.varying import flat, varying, worded

WITHIN = ("kind", "m_z", "n_c", "seed", "replicate")  # a plan shows these in columns of their own
FEW = 3  # where more fields vary, a value that most groups have is not repeated in each
Row = TypeVar("Row", bound=Planned)


@dataclass(frozen=True)
class Group(Generic[Row]):
    """Holds the replicates and seeds of a trial with a number of epochs."""

    line: str  # the source and the fields that distinguish it, `normal, lr=0.001`
    fields: Fields  # those in which groups of this source differ, besides m_z and n_c
    rows: list[Row]


def source_of(trial: Trial) -> str:
    """Returns the source of a VAE, or the kind of another trial and its share of D_train."""
    share = getattr(trial, "share", 1.0)
    return trial.source_name or f"{trial.kind}, share {share:g}"


def grouped(rows: Sequence[Row]) -> list[Group[Row]]:
    """Returns the groups in the order of their first trials.

    Replicates read samples of different models of the study, whose names say nothing more; other
    pools distinguish groups.
    """
    ours = {row.scheduled.pool for row in rows}
    by_trial: dict[object, list[Row]] = {}
    for row in rows:
        pool = row.trial.reads_pool
        by_trial.setdefault(
            (row.trial.kin, row.scheduled.epochs, pool not in ours and pool), []
        ).append(row)
    firsts = {str(index): group[0].trial for index, group in enumerate(by_trial.values())}
    names = {index: source_of(trial) for index, trial in firsts.items()}
    fields = {index: _without_ours(trial, ours) for index, trial in firsts.items()}
    varied = varying(fields, names, WITHIN)
    shown_fields = _without_common(varied, names)
    return [
        Group(worded(names[index], shown_fields[index]), varied[index], group)
        for index, group in zip(names, by_trial.values(), strict=True)
    ]


def _without_ours(trial: Trial, ours: set[str | None]) -> Fields:
    """Returns the trial's fields, without a pool that the study makes itself."""
    fields = flat(to_dict(trial))
    return fields | ({trial.pool_field: None} if trial.reads_pool in ours else {})


def _without_common(varied: dict[str, Fields], names: dict[str, str]) -> dict[str, Fields]:
    """Leaves out the value of a field that more than half of the groups of a name have.

    Only where more than FEW fields vary: a preset may change one of many fields in each trial.
    """
    counts = Counter(
        (names[index], n, repr(v)) for index, values in varied.items() for n, v in values.items()
    )
    sizes = Counter(names.values())

    def is_common(index: str, field: str, value: object) -> bool:
        return 2 * counts[names[index], field, repr(value)] > sizes[names[index]]

    return {
        index: values
        if len(values) <= FEW
        else {name: value for name, value in values.items() if not is_common(index, name, value)}
        for index, values in varied.items()
    }
