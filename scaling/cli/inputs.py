"""Checks, within seconds, the data, pools and weights that a plan needs before it can run.

Errors are the same sentences that the launch would raise, as far as file names, headers and records
show them.
"""

import os
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from scaling.errors import UsageError, listed
from scaling.storage.store import Store
from scaling.trial import Kind, Trial
from scaling.trial.catalog import DATASETS, images_of
from scaling.trial.keys import data_name
from scaling.trial.partition import sizes
from scaling.trial.schedule import Scheduled, chunks_of

INCEPTION_METRIC = "sample_quality"
INCEPTION = "weights-inception-2015-12-05-6726825d.pth"  # as scaling.metrics.features has it
READ_BYTES = 64 << 20  # own files up to this size are read whole; larger ones by their headers


def with_whole_pool_names(trials: Sequence[Kind], store: Store) -> list[Kind]:
    """Returns the trials with their pools' full names, where a unique prefix was given."""
    return [_with_whole_name(trial, store) for trial in trials]


def _with_whole_name(trial: Kind, store: Store) -> Kind:
    name = trial.reads_pool
    whole = whole_name(name, store) if name else name
    if whole == name:
        return trial
    outer, _, inner = trial.pool_field.partition(".")
    return trial.replaced({}, {inner: whole}) if inner else trial.replaced({outer: whole}, {})


def whole_name(name: str, store: Store) -> str:
    """Returns the name of the pool with this name or prefix, or the name itself if there is none.

    Raises UsageError if several pools have the prefix.
    """
    if (store.pool(name) / "pool.json").exists():
        return name
    names = [path.parent.name for path in (store.root / "pools").glob("*/pool.json")]
    matches = [other for other in names if other.startswith(name)]
    if len(matches) > 1:
        raise UsageError(
            f"The pools {listed(matches)} begin with {name}. Give more of the name of one."
        )
    return matches[0] if matches else name


def check_needed(options: Namespace, scheduled: Sequence[Scheduled], store: Store) -> None:
    """Raises UsageError for data and pools that do not exist or do not suit the trials."""
    names = dict.fromkeys(item.trial.dataset for item in scheduled)
    levels = {name: _check_data(name, options) for name in names}
    for trial in (item.trial for item in scheduled):
        size = sizes(trial.part, images_of(trial.dataset), trial.dataset)
        trial.check_images(size.train)
        if known := levels[trial.dataset]:
            trial.check_levels(known)
    ours = {item.pool for item in scheduled if item.pool}
    for trial in (item.trial for item in scheduled):
        if trial.reads_pool and trial.reads_pool not in ours:
            _check_pool(trial.reads_pool, trial, store)


def _check_data(name: str, options: Namespace) -> int | None:
    """Checks a data set: reads a user's own file, and looks for the folder of a standard one.

    Returns its number of levels, or None for a file that is too large to be read here.
    """
    from scaling.data import datasets, official

    if name.endswith(datasets.OWN):
        path = Path(name)
        if not path.is_file() or path.stat().st_size < READ_BYTES:
            return datasets.load(name).levels
        return None
    if options.offline and name in official.FOLDERS:
        root = official.data_root(options.data_root)
        if not official.has_files(name, root):
            raise official.missing_offline(name, root)
    return DATASETS[name].levels


def _check_pool(name: str, trial: Trial, store: Store) -> None:
    """Compares the pool's record with what the trial needs."""
    from scaling.pools.pool import Pool

    row = images_of(trial.dataset)
    pool = Pool.load(store.pool(name), store.root / "pools")
    shape = (row.channels, row.side, row.side)
    size = sizes(trial.part, row, trial.dataset).train
    # The headers of users' own files do not give the number of levels.
    levels = row.levels if trial.dataset in DATASETS else pool.spec.levels
    pool.check_for(data_name(trial), levels, shape, size, chunks_of(trial))


def lacks(scheduled: Sequence[Scheduled]) -> Iterator[str]:
    """Yields lines about metrics that will be absent, and pools that splits should not share."""
    yield from _shared(scheduled)
    metrics = {m for item in scheduled for m in item.metrics}
    coloured = any(images_of(item.trial.dataset).channels == 3 for item in scheduled)
    if INCEPTION_METRIC in metrics and coloured and not (file := inception_file()).is_file():
        yield f"Absent: FID and Inception Score of RGB images, which need the weights {file}"


def _shared(scheduled: Sequence[Scheduled]) -> Iterator[str]:
    """Yields lines about pools of other studies or generators that several random splits read."""
    ours = {item.pool for item in scheduled if item.pool}
    readers: dict[str, set[int]] = {}
    for trial in (item.trial for item in scheduled):
        if trial.reads_pool and not images_of(trial.dataset).official_test:
            readers.setdefault(trial.reads_pool, set()).add(trial.draw)
    for name, draws in readers.items():
        if name not in ours and len(draws) > 1:
            yield (
                f"Shared: {len(draws)} random splits read the pool {name}, whose generator "
                "may have seen test images of all but its own. Choose that one: --replicates N."
            )


def inception_file() -> Path:
    """Returns the path of torch-fidelity's weights, as `torch.hub` chooses it, without torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return Path(os.path.expanduser(home), "hub", "checkpoints", INCEPTION)
