"""Prints how good pools of samples are: a table, and a sentence for each pool."""

from pathlib import PurePath

from analysis.storage import pools
from analysis.storage.pools import Pool

MEASURES = {  # head in the table: field for samples, field for real images, format
    "Frechet": ("frechet_samples_test", "frechet_train_test", ".3g"),
    "mean image": ("mean_samples_test", "mean_train_test", ".3g"),
    "histogram": ("histogram_samples_test", "histogram_train_test", ".3g"),
    "nearest": ("nearest_samples_train", "nearest_test_train", ".3g"),
    "near copies": ("near_copies_samples", "near_copies_test", ".1%"),
}
LEGEND = (
    "Samples to test set (D_train to test set); "
    "nearest, near copies: samples to D_train (test set to D_train)."
)
POOLS = 5  # pools in the table


def pool_lines(all_pools: list[Pool]) -> list[str]:
    """Returns the pools' quality as a table and a sentence each, in at most twelve lines."""
    listed = all_pools if len(all_pools) <= POOLS else all_pools[: POOLS - 1]
    names = list(map(_pool_name, listed, pools.distinctions(all_pools)))
    judged = [pools.judged(pool.quality) or "its quality is not measured yet" for pool in listed]
    cells = [["", *MEASURES]]
    cells += [
        [name, *(_cell(pool.quality, *measure) for measure in MEASURES.values())]
        for name, pool in zip(names, listed, strict=True)
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    more = len(all_pools) - len(listed)
    return [
        LEGEND,
        *("  " + "  ".join(map(str.ljust, line, widths)).rstrip() for line in cells),
        *(f"  {name}: {text}." for name, text in zip(names, judged, strict=True)),
        *([f"  and {more} more pools: see fig17.csv"] if more else []),
    ]


def _pool_name(pool: Pool, differ: list[str]) -> str:
    percent = f"{PurePath(pool.dataset).stem} {100 * pool.share:.3g} %"
    return ", ".join([percent, f"{pool.epochs:,} epochs", *differ])


def _cell(quality: dict[str, float], samples: str, real: str, form: str) -> str:
    """Formats the samples' number, then that of real images in brackets; "-" if not measured."""
    pair = [format(quality[name], form) if name in quality else "-" for name in (samples, real)]
    return f"{pair[0]} ({pair[1]})"
