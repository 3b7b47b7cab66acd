"""A claim: what the paper says, where, what decides it, and the command that measures it."""

from dataclasses import dataclass, replace

import pandas as pd

from analysis.claims.arms import Arm
from analysis.claims.axes import Columns
from analysis.claims.cells import Cell
from analysis.claims.published import NAMES, NUMBERS, TABLE_11, number
from analysis.claims.regions import ABOVE, BELOW, Region
from analysis.claims.rules import Differs, Rule
from analysis.claims.terms import Term
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
    """An empirical claim of the paper."""

    name: str
    statement: str
    where: str
    rule: Rule | str  # a text where no column of the results decides the claim: why not
    command: str = DATA_SOURCES
    paper: str = ""  # numbers that no table gives
    contradicted: str = ""  # where the paper's text contradicts itself, beyond its tables
    datasets: tuple[str, ...] = tuple(NAMES)  # on which the paper measured it
    likelihood: str = ""  # it is about this one only
    names_data: bool = False  # it speaks of these data sets, so that others say nothing of it

    def about(self, cell: Cell) -> bool:
        """Whether the setting answers the claim: its data set is one on which it was made."""
        likelihoods = cell.trials.get("likelihood", pd.Series(self.likelihood))
        return cell.dataset in self.datasets and (
            not self.likelihood or self.likelihood in set(likelihoods)
        )

    def beyond(self, cell: Cell) -> bool:
        """Whether the setting shows what the claim says on other data, which answers it nowhere."""
        return cell.dataset not in self.datasets and not self.names_data

    @property
    def about_shares(self) -> bool:
        """Whether it speaks of diffusion models that saw a share of D_train."""
        return any(term.arm.diffusion_share != 1.0 for term in self.terms)

    @property
    def assumed(self) -> str:
        """The margin or number of this project's that decides it, "" where there is none."""
        return "" if isinstance(self.rule, str) else self.rule.assumed

    @property
    def terms(self) -> tuple[Term, ...]:
        """The numbers that are compared."""
        return () if isinstance(self.rule, str) else self.rule.terms

    @property
    def needs(self) -> list[str]:
        """The columns without which nothing is decided."""
        return [] if isinstance(self.rule, str) else self.rule.needs

    @property
    def trials(self) -> str:
        """The trials that it takes, in words."""
        each = (f"{term.arm.name} at {term.arm.place}" for term in self.terms)
        return "; ".join(dict.fromkeys(each))

    def said(self, dataset: str) -> str:
        """The paper's numbers for the data set, or for all of its own."""
        texts = [self.paper] if self.paper else []
        for name in self._tables(dataset):
            numbers = [number(term, name) for term in self.terms]
            if numbers and None not in numbers:
                pairs = zip(self.terms, numbers, strict=True)
                each = ", ".join(f"{term.arm.name} {value:.5g}" for term, value in pairs)
                texts.append(f"{NAMES[name]}: {each}")
        return "; ".join(texts)

    def against(self, dataset: str) -> str:
        """Where the paper contradicts the claim: in its tables, or in its own words."""
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
        each = ", ".join([f"{rule.first.arm.name} {first:g}", *wrong])
        return [f"Table {table} for {NAMES[dataset]}: {each}"]

    def _tables(self, dataset: str) -> tuple[str, ...]:
        return (dataset,) if dataset in NUMBERS else self.datasets


def measured_on(datasets: tuple[str, ...], *claims: Claim) -> tuple[Claim, ...]:
    """The claims as the paper made them: on these data sets only."""
    return tuple(replace(claim, datasets=datasets) for claim in claims)


def higher(column: str | Columns, arm: Arm, *others: Arm, region: Region = ABOVE) -> Differs:
    """The column is higher for the arm than for each of the others, or as the region says."""
    return Differs(Term(column, arm), tuple(Term(column, other) for other in others), region)


def lower(column: str | Columns, arm: Arm, *others: Arm) -> Differs:
    """The column is lower for the arm than for each of the others."""
    return higher(column, arm, *others, region=BELOW)
