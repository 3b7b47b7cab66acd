"""Defines arms: the trials that a claim is about, at places that follow the measured grid.

The paper's places (m_z = 1, n_c = 256) may not exist in a smaller grid, so an arm may have "first",
"last" or `Near(10)` instead of a number.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import pandas as pd

from analysis import curves
from analysis.double_descent.paths import Place
from analysis.errors import ResultsError

PAPER_PLACE = (1, 256)  # m_z, n_c of the default models (section 5.1)


@dataclass(frozen=True)
class Near:
    """Selects the measured value nearest to `value` in ratio, if it is within `factor` of it."""

    value: float
    factor: float = 2.0


@dataclass(frozen=True)
class Each:
    """Selects every measured value in [low, high], for one comparison each."""

    low: float = -math.inf
    high: float = math.inf

    def of(self, values: Iterable[float]) -> list[float]:
        """Returns the selected values in ascending order."""
        return sorted({value for value in values if self.low <= value <= self.high})


@dataclass(frozen=True)
class Along(Each):
    """Selects the measured values in [low, high], or their upper half, as an axis of a curve."""

    upper: bool = False


Pick = float | str | Near | Each


@dataclass(frozen=True)
class Arm:
    """Describes trials that differ by chance only: their source, schedule and size."""

    real_share: float | Each = 1.0  # share of real images in an epoch
    diffusion_share: float | Each = 1.0  # share of D_train that the diffusion model saw
    augment: str = ""
    mollified: bool = False
    half_asleep: bool = False
    k: Pick = "last"  # last: the largest that most arms have; largest: the largest of this arm
    m_z: Pick = "base"  # base (in both): the default model; first, last: smallest, largest
    n_c: Pick = "base"  # corner: the n_c at which m_z varies

    @property
    def name(self) -> str:
        """Names the source and schedule, without the place."""
        names = {1.0: "normal", 0.0: "dmaapx", Along(): "mixtures"}
        name = names.get(self.real_share) or self._text("real_share")
        if self.augment:
            name = f"aug_{self.augment}" + ("" if self.real_share == 1.0 else f" on {name}")
        details = [self._text("diffusion_share")] if self.diffusion_share != 1.0 else []
        samples = self.real_share != 1.0 and self.k not in ("last", 0.0, math.inf)
        details += [self._text("k")] if samples else []
        name += f" ({', '.join(details)})" if details else ""
        return name + " + mollify" * self.mollified + " + RHA" * self.half_asleep

    @property
    def place(self) -> str:
        """Returns m_z and n_c as text."""
        if self.m_z == self.n_c == "base":
            return "the baseline"
        return ", ".join(self._text(name) for name in ("m_z", "n_c"))

    def axes(self, kind: type) -> list[str]:
        """Returns the names of the fields whose values have exactly this type."""
        return [field.name for field in fields(self) if type(getattr(self, field.name)) is kind]

    def _text(self, name: str) -> str:
        value = getattr(self, name)
        if isinstance(value, Near):
            return f"{name} near {value.value:g}"
        if isinstance(value, Each):
            low = f" from {value.low:g}" if value.low > -math.inf else ""
            high = f" to {value.high:g}" if value.high < math.inf else ""
            return f"each {name}{low}{high}"
        return f"{name}={value if isinstance(value, str) else format(value, 'g')}"


NORMAL, DMAAPX = Arm(), Arm(real_share=0.0)
AUG_TUNED, AUG_NAIVE = Arm(augment="tuned"), Arm(augment="naive")
MOLLIFY = Arm(mollified=True)


def pick(choice: Pick, measured: Iterable[float]) -> Pick | None:
    """Returns the measured value that is wanted, None if there is none; an Along is kept."""
    values = sorted(set(measured))
    if not values or isinstance(choice, Along):
        return choice if values else None
    if isinstance(choice, str):
        return {"first": values[0], "last": values[-1], "largest": values[-1]}[choice]
    if isinstance(choice, Near):
        ratios = {abs(math.log(value / choice.value)): value for value in values if value > 0}
        nearest = min(ratios, default=math.inf)
        return ratios[nearest] if nearest <= math.log(choice.factor) + 1e-9 else None
    return next((value for value in values if value == choice), None)


def placed(arm: Arm, points: set[Place]) -> Arm | None:
    """Returns the arm at measured m_z and n_c, None if its place is not among the points."""
    if not points:
        return None
    if arm.m_z == arm.n_c == "base":
        m_z, n_c = baseline(points)
        return replace(arm, m_z=m_z, n_c=n_c)
    if arm.n_c == "corner":
        corner = _corner(points)
        latent = pick(arm.m_z, [m_z for m_z, n_c in points if n_c == corner])
        return None if latent is None or corner is None else replace(arm, m_z=latent, n_c=corner)
    latent = pick(arm.m_z, [m_z for m_z, _ in points])
    width = pick(arm.n_c, [n_c for m_z, n_c in points if m_z == latent])
    return None if latent is None or width is None else replace(arm, m_z=latent, n_c=width)


def baseline(points: set[Place]) -> Place:
    """Returns the paper's default model if it is measured, else the widest at the smallest m_z."""
    narrow = min(m_z for m_z, _ in points)
    return PAPER_PLACE if PAPER_PLACE in points else max(p for p in points if p[0] == narrow)


def _corner(points: set[Place]) -> int | None:
    try:
        return curves.corner(pd.DataFrame(sorted(points), columns=["m_z", "n_c"]))
    except ResultsError:
        return None
