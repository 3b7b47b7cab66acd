"""Compares the bias of the amortization gap, in models where it is known, with an allowed one.

The larger of 0.5 nat and 3 % of the gap is allowed, at the default settings and at those of the
digits presets. 640 correlated latents are the exception: the scatter of 640 log stds, each
estimated from 100 to 300 draws, costs 1 to 2 nats, and 5 times as much is allowed.
"""

import math

import torch

from scaling.metrics.amortization import Settings, amortization_gap
from scaling.presets import GAPS_ON_DIGITS
from tests.benchmarks.results import Result
from tests.linear_gaussian import SharpModel

IMAGES = 100
SETTINGS = {
    "default": Settings(),
    "digits": Settings.from_dict(dict(GAPS_ON_DIGITS["amortization"])),
}
# latents, smallest and largest posterior standard deviation, pixels per latent (0: no correlation)
MODELS = [
    *((16, 0.3, 0.3, 0), (16, 0.02, 0.02, 0), (64, 0.025, 0.025, 0), (64, 0.02, 0.3, 0)),
    *((640, 0.19, 0.19, 0), (640, 0.02, 0.3, 0)),
    *((16, 0.1, 0.1, 2), (64, 0.05, 0.05, 4), (640, 0.19, 0.19, 4)),
]
ENCODERS = [(0.0, 1.0), (1.0, 1.0), (-1.0, 2.0), (1.0, 0.5)]  # shift, wide
WIDE_AND_CORRELATED = 0.2


def measure() -> list[Result]:
    """Measures |bias| in nats (ours); the baseline is the allowed bias."""
    made = ((n, m, e) for m in MODELS for e in ENCODERS for n in SETTINGS)
    return [_result(name, model, encoder) for name, model, encoder in made]


def _result(
    name: str, shape: tuple[int, float, float, int], encoder: tuple[float, float]
) -> Result:
    latents, low, high, pixels = shape
    std = torch.logspace(math.log10(low), math.log10(high), latents)
    model = SharpModel(std, pixels * latents, *encoder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        gap = amortization_gap(model, model.images(IMAGES), SETTINGS[name])  # type: ignore[arg-type]
    bias = (gap.optimal - gap.encoder).mean().item() - model.gap()
    allowed = max(0.5, 0.03 * model.gap())
    text = f"d_z {latents}, std {low:g}-{high:g}, {'correlated, ' if pixels else ''}"
    text += f"shift {encoder[0]:g}, wide {encoder[1]:g}, gap {model.gap():.1f}, {name}"
    goal = WIDE_AND_CORRELATED if pixels and latents > 100 else 1.0
    return Result(text, allowed / max(abs(bias), 1e-9), goal, abs(bias), allowed, "nats")
