"""What a user's loader returns is compared with the entry of its data set."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from scaling.data.datasets import LOADERS, Dataset, load
from scaling.data.entries import checked
from scaling.errors import UsageError
from scaling.trial.catalog import DATASETS, DatasetEntry

ENTRY = DatasetEntry(1, 8, 16, 20, {}, official_test=5)
WHOLE = replace(ENTRY, official_test=None, undivided=25)
NONE = np.zeros(0, np.uint8)
TRAIN, TEST = (np.full((n, 1, 8, 8), 15, np.uint8) for n in (20, 5))
GOOD = Dataset("mine", TRAIN, TEST, NONE, NONE, 16)


def test_a_loader_that_suits_its_entry_is_accepted():
    cases = (
        (GOOD, ENTRY),
        (replace(GOOD, train_labels=np.zeros(20)), ENTRY),
        (replace(GOOD, official_test=False), WHOLE),
        (replace(GOOD, official_test=False), replace(WHOLE, undivided=None)),
    )
    assert all(checked("mine", data, entry) is data for data, entry in cases)


@pytest.mark.parametrize(("changes", "message"), [
    ({"train": TRAIN.astype(np.float32)}, "returns train images of the type float32, and levels"),
    ({"test": TEST.tolist()}, "returns test images of the type list, and levels as uint8"),
    ({"test": TEST.repeat(3, 1)}, r"test images of the shape \(5, 3, 8, 8\), and its entry says"),
    ({"train": np.zeros((20, 1, 12, 12), np.uint8)}, r"shape \(20, 1, 12, 12\), .*\(N, 1, 8, 8\)"),
    ({"train": TRAIN[:, 0]}, r"images of the shape \(20, 8, 8\), and its entry says"),
    ({"train_labels": np.zeros(3)}, "returns 3 labels of 20 train images"),
    ({"levels": 17}, "returns levels=17, and its entry says 16"),
    ({"test": TEST + np.uint8(1)}, "returns the level 16, and 16 levels end at 15"),
    ({"test": TEST[:4]}, "returns 20 training and 4 test images, and its entry says 20 and 5"),
    ({"official_test": False}, "returns official_test=False, and its entry says official_test=5"),
])  # fmt: skip
def test_what_differs_is_said_in_a_sentence(changes, message):
    with pytest.raises(UsageError, match=f"The loader of the data set mine .*{message}.*Correct"):
        checked("mine", replace(GOOD, **changes), ENTRY)


def test_other_objects_and_entries_are_refused():
    with pytest.raises(UsageError, match="returns a SimpleNamespace, and a scaling.data"):
        checked("mine", SimpleNamespace(), ENTRY)
    with pytest.raises(UsageError, match="an entry with side=6, and a multiple of 4 is needed"):
        checked("mine", GOOD, replace(ENTRY, side=6))
    with pytest.raises(UsageError, match="returns 25 images, and its entry says undivided=30"):
        checked("mine", replace(GOOD, official_test=False), replace(WHOLE, undivided=30))


def test_loading_checks(monkeypatch):
    monkeypatch.setitem(DATASETS, "mine", replace(ENTRY, levels=4))
    monkeypatch.setitem(LOADERS, "mine", lambda name, root, offline: GOOD)
    with pytest.raises(UsageError, match="returns levels=16, and its entry says 4"):
        load("mine")
