"""Finds claims that are measured but not decided, and how many draws would decide them."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from analysis.claims import CLAIMS, EXPLORATORY, PRIMARY, entries, primary
from analysis.claims.claim import Claim
from analysis.claims.power import MOST, POWER, Needed, needed
from analysis.statistics.levels import counted
from analysis.statistics.planned import RATE, SIZES, UNDECIDED


@dataclass(frozen=True)
class Outlook:
    """Holds a claim's verdict in a measured setting, and the draws that would decide it."""

    claim: str
    dataset: str
    kind: str
    verdict: str
    n: int
    level: str
    reached: int  # the draws at the last look; for primary claims a planned size
    needed: Needed | None  # None if decided, or if no noise is measured yet
    command: str  # command of the paper's study
    keys: frozenset[str]  # keys of the setting's trials

    @property
    def is_open(self) -> bool:
        """Returns whether the claim is not decided yet."""
        return self.verdict == UNDECIDED

    @property
    def following(self) -> int | None:
        """Returns the next planned size, None after the last."""
        return next((n for n in SIZES if n > self.reached), None)

    @property
    def by_seeds(self) -> bool:
        """Returns whether the measured noise is that of seeds alone, which is not that of draws."""
        return self.level.startswith(primary.SEEDS_ALONE)

    @property
    def text(self) -> str:
        """Says how many draws would decide the claim."""
        if not self.is_open:
            return f"{self.verdict}, decided"
        if self.needed is None:
            return f"no noise measured yet (n = {self.n}); first planned n = {self.following}"
        basis = f"at the effect and noise of {counted(self.n, self.level)}"
        basis += ", which is not that of data draws" if self.by_seeds else ""
        if self.needed.planned:
            return f"n = {self.needed.planned} would decide it ({self.needed.power:.0%}), {basis}"
        if self.needed.size is None:
            return f"more than {MOST} would be needed, {basis}"
        return f"about {self.needed.size}, no planned size decides it with {POWER:.0%}, {basis}"


def outlooks(frame: pd.DataFrame, claims: Iterable[Claim] = CLAIMS) -> list[Outlook]:
    """Returns every claim in every setting in which it is measured, including decided ones."""
    all_entries = entries(frame, claims)
    error = _error([row for row, _, _ in all_entries if row["kind"] == EXPLORATORY])
    result = []
    for row, claim, judged in all_entries:
        if judged is None or not judged.comparisons or isinstance(claim.rule, str):
            continue
        cell, main = judged.cell, row["kind"] == PRIMARY
        reached = int(str(row["n"]))
        if main:
            reached = primary.decision(claim.rule, cell).n
        undecided = row["verdict"] == UNDECIDED
        comparisons = judged.comparisons
        sizes = (
            needed(comparisons, reached, cell.overlap, None if main else error)
            if undecided
            else None
        )
        result.append(
            Outlook(
                claim.name,
                cell.label,
                str(row["kind"]),
                str(row["verdict"]),
                int(str(row["n"])),
                cell.level,
                reached,
                sizes,
                claim.command,
                frozenset(map(str, cell.trials["key"])),
            )
        )
    return result


def _error(rows: list[dict[str, object]]) -> float:
    """Returns the p-value at which one more exploratory claim would be decided."""
    p = sorted(float(str(row["p"])) for row in rows if row["comparisons"])
    harmonic = sum(1 / rank for rank in range(1, len(p) + 1))
    decided = sum(row["verdict"] != UNDECIDED for row in rows if row["comparisons"])
    return RATE * min(decided + 1, len(p)) / (len(p) * harmonic) if p else RATE
