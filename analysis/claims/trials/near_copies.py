"""Reports how near samples are to their diffusion model's training images, for claims on shares.

A model that copies its training images looks better than it is, especially to a classifier.
"""

from analysis.claims.trials.cells import Cell

NEAREST, OF_TEST, COPIED = "pool_nearest", "pool_nearest_test", "pool_near_copies"


def nearness(cell: Cell) -> str:
    """Describes the distances of samples to their nearest training image; "" if unmeasured.

    They are medians of root mean square differences per pixel on [0, 1], averaged over the draws'
    pools.
    """
    trials = cell.trials[cell.trials["real_share"] < 1]
    if NEAREST not in trials or trials[NEAREST].isna().all():
        return ""
    names = [name for name in (NEAREST, OF_TEST, COPIED) if name in trials]
    means = trials.groupby("diffusion_share")[names].mean().dropna(subset=[NEAREST])
    texts = []
    for share, row in means.iterrows():
        text = f"share {share:g}: {row[NEAREST]:.3g}"
        text += f", test images {row[OF_TEST]:.3g}" if OF_TEST in row else ""
        text += f", near copies {row[COPIED]:.1%}" if COPIED in row else ""
        texts.append(text)
    return "distance of samples to the nearest training image: " + "; ".join(texts)
