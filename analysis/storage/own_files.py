"""Names a user's data files by their content: a file that was renamed or moved is the same data."""

from collections.abc import Mapping
from pathlib import PurePath

import pandas as pd

SHOWN = 6  # characters of a content's hash that distinguish two files of one name


def names(frame: pd.DataFrame) -> dict[str, str]:
    """Returns the name of each file of the user's by its content: the one that most rows have.

    Two files of the same name are followed by the start of the hash of their content.
    """
    if "content" not in frame:
        return {}
    files = frame.loc[frame["content"].notna(), ["content", "dataset"]].astype(str)
    bare = files["dataset"].map(lambda path: PurePath(path.replace("\\", "/")).name or path)
    chosen = bare.groupby(files["content"]).agg(lambda group: group.mode().iloc[0])
    twice = set(chosen[chosen.duplicated()])
    return {
        str(content): f"{name} ({str(content)[:SHOWN]})" if name in twice else str(name)
        for content, name in chosen.items()
    }


def named(frame: pd.DataFrame, known: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Returns the frame with one `dataset` for each content: its name in `known`, or by `names`."""
    name_of = names(frame) | dict(known or {})
    if not name_of:
        return frame
    called = frame["content"].astype(object).map(name_of, na_action="ignore")
    return frame.assign(dataset=called.where(called.notna(), frame["dataset"]).astype("str"))
