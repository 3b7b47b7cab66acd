"""Defines a claim: the paper's statement, where it is, its rule, and the command to measure it."""

from dataclasses import dataclass, replace

import pandas as pd

from analysis.claims.paper.published import NAMES, NUMBERS, TABLE_11, number
from analysis.claims.rules.regions import ABOVE, BELOW, Region
from analysis.claims.rules.rule import Differs, Rule
from analysis.claims.rules.terms import Term
from analysis.claims.trials.arms import Arm
from analysis.claims.trials.axes import Columns
from analysis.claims.trials.cells import Cell
from analysis.columns import CLASSIFIERS

CIFAR = ("cifar10",)
DATA_SOURCES = "scaling-vae study data_sources --preset cifar10"
DOUBLE_DESCENT = "scaling-vae study double_descent --preset cifar10 --seeds 0-2"
TASKS = "scaling-vae study downstream --preset cifar10"
SMOOTHNESS = "scaling-vae study smoothness --preset cifar10"
GAPS = {  # column: name
    "generalization_gap": "generalization gap",
    "amortization_gap": "amortization gap",
    "robustness_gap": "robustness gap",
}
CORRUPTED = tuple(f"accuracy_{name}__*" for name in CLASSIFIERS)


@dataclass(frozen=True)
class Claim:
    """Describes an empirical claim of the paper."""

    name: str
    statement: str
    where: str
    rule: Rule | str  # or, if no column of the results can decide the claim, the reason
    command: str = DATA_SOURCES
    paper: str = ""  # the paper's numbers that are in no table
    contradicted: str = ""  # where the paper's text contradicts itself, besides its tables
    datasets: tuple[str, ...] = tuple(NAMES)  # data sets on which the paper measured it
    likelihood: str = ""  # the only likelihood that it is about
    names_data: bool = False  # it names its data sets, so that others say nothing about it

    def about(self, cell: Cell) -> bool:
        """Returns whether the setting answers the claim: the paper makes it for this data set."""
        likelihoods = cell.trials.get("likelihood", pd.Series(self.likelihood))
        return cell.dataset in self.datasets and (
            not self.likelihood or self.likelihood in set(likelihoods)
        )

    def beyond(self, cell: Cell) -> bool:
        """Returns whether the setting tests the statement on other data, without answering it."""
        return cell.dataset not in self.datasets and not self.names_data

    @property
    def about_shares(self) -> bool:
        """Returns whether the claim is about diffusion models that saw a share of D_train."""
        return any(term.arm.diffusion_share != 1.0 for term in self.terms)

    @property
    def assumed(self) -> str:
        """Returns the margin or number that this project chose to decide it, "" if none."""
        return "" if isinstance(self.rule, str) else self.rule.assumed

    @property
    def terms(self) -> tuple[Term, ...]:
        """Returns the numbers that are compared."""
        return () if isinstance(self.rule, str) else self.rule.terms

    @property
    def needs(self) -> list[str]:
        """Returns the columns without which nothing is decided."""
        return [] if isinstance(self.rule, str) else self.rule.needs

    @property
    def trials(self) -> str:
        """Describes the trials that the claim needs."""
        texts = (f"{term.arm.name} at {term.arm.place}" for term in self.terms)
        return "; ".join(dict.fromkeys(texts))

    def published(self, dataset: str) -> str:
        """Returns the paper's numbers, as text, for the data set or for all of the claim's."""
        texts = [self.paper] if self.paper else []
        for name in self._tables(dataset):
            numbers = [number(term, name) for term in self.terms]
            if numbers and None not in numbers:
                pairs = zip(self.terms, numbers, strict=True)
                values = ", ".join(f"{term.arm.name} {value:.5g}" for term, value in pairs)
                texts.append(f"{NAMES[name]}: {values}")
        return "; ".join(texts)

    def against(self, dataset: str) -> str:
        """Says where the paper contradicts the claim: in its tables, or in its text."""
        texts = [self.contradicted] if self.contradicted else []
        return "; ".join(
            texts + [text for name in self._tables(dataset) for text in self._wrong(name)]
        )

    def _wrong(self, dataset: str) -> list[str]:
        rule = self.rule
        if not isinstance(rule, Differs) or rule.region.margin:
            return []
        first = number(rule.first, dataset)
        values = [(other, number(other, dataset)) for other in rule.others]
        wrong = [
            f"{other.arm.name} {value:g}"
            for other, value in values
            if None not in (first, value) and not rule.region.low < first - value < rule.region.high  # type: ignore[operator]
        ]
        if not wrong:
            return []
        table = 11 if rule.first.columns[0] in TABLE_11 else 7
        numbers = ", ".join([f"{rule.first.arm.name} {first:g}", *wrong])
        return [f"Table {table} for {NAMES[dataset]}: {numbers}"]

    def _tables(self, dataset: str) -> tuple[str, ...]:
        return (dataset,) if dataset in NUMBERS else self.datasets


def measured_on(datasets: tuple[str, ...], *claims: Claim) -> tuple[Claim, ...]:
    """Returns the claims restricted to these data sets, for which the paper makes them."""
    return tuple(replace(claim, datasets=datasets) for claim in claims)


def higher(column: str | Columns, arm: Arm, *others: Arm, region: Region = ABOVE) -> Differs:
    """Returns the rule that a column is higher for the arm than for each of the others.

    Another `region` replaces "higher".
    """
    return Differs(Term(column, arm), tuple(Term(column, other) for other in others), region)


def lower(column: str | Columns, arm: Arm, *others: Arm) -> Differs:
    """Returns the rule that a column is lower for the arm than for each of the others."""
    return higher(column, arm, *others, region=BELOW)
