"""Adds to each trial how near its pool's samples are to D_train, from the pool's record."""

from pathlib import Path

import pandas as pd

from analysis.storage.trial_folder import read_json

MEASURES = {  # column: its names in quality.json, the newest first
    "pool_nearest": ("to_train_samples", "nearest_samples_train"),
    "pool_nearest_test": ("to_train_test", "nearest_test_train"),
    "pool_near_copies": ("near_copies_samples",),
    "pool_near_copies_test": ("near_copies_test",),
}
NAMES = ("source_pool", "pool")  # columns that name a trial's pool


def with_pool_quality(frame: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Adds the columns MEASURES for the trials whose pool under `root` is measured.

    Distances are medians over images of root mean square differences per pixel on [0, 1]. Nothing
    is added if no pool is measured; a record that is damaged or outside `root` counts as missing.
    """
    pool_names = pd.Series(pd.NA, frame.index, dtype=object)
    for name in NAMES:
        if name in frame:
            pool_names = pool_names.fillna(frame[name].astype(object))
    records = {str(name): _record(root, str(name)) for name in pool_names.dropna().unique()}
    columns = {
        column: pool_names.map({name: _first(record, keys) for name, record in records.items()})
        for column, keys in MEASURES.items()
    }
    measured = {name: v.astype(float) for name, v in columns.items() if v.notna().any()}
    return frame.assign(**measured) if measured else frame


def _record(root: Path, pool: str) -> dict[str, object]:
    file = root / "pools" / pool / "quality.json"
    if Path(pool).name != pool or not file.resolve().is_relative_to(root.resolve()):
        return {}
    return read_json(file) or {}


def _first(record: dict[str, object], names: tuple[str, ...]) -> float | None:
    values = [record[name] for name in names if isinstance(record.get(name), int | float)]
    return float(values[0]) if values else None  # type: ignore[arg-type]
