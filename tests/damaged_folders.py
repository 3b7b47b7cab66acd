"""Makes folders of a trial as crashes leave them, and lists what every reader must find in each.

The store and `analysis` share no code, and this table keeps them consistent. A launch trains trials
that are not done, and a report counts those that are, so both must see the same state in a folder.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scaling.trial import VaeTrial, key, to_dict

TRIAL = VaeTrial("digits", n_c=2)
NEVER = 10**6  # more epochs than any folder here has reached


@dataclass(frozen=True)
class Case:
    """Describes a folder, and what a study of `epochs` finds in it."""

    name: str
    make: Callable[[Path], None]
    epochs: int
    state: str  # the store's word for it
    rows: list[int]  # the epochs that can be read, including those beyond `epochs`
    seen: str = ""  # the word of analysis, if it is another one

    @property
    def in_report(self) -> str:
        return self.seen or self.state


def line(epoch: object, **numbers: object) -> str:
    """Returns a line of rows.jsonl; an extra number identifies which line of an epoch was read."""
    return json.dumps({"epoch": epoch, "test_elbo": -100.0} | numbers) + "\n"


def lines(*epochs: object) -> str:
    return "".join(map(line, epochs))


def folder(
    rows: str | bytes | None, done: object = None, trial: str | None = json.dumps(to_dict(TRIAL))
) -> Callable[[Path], None]:
    """Returns a function that writes the three files; None leaves one out."""

    def make(path: Path) -> None:
        path.mkdir(parents=True)
        for name, text in (("trial.json", trial), ("done.json", done), ("rows.jsonl", rows)):
            if text is not None:
                text = text if isinstance(text, str | bytes) else json.dumps(text)
                (path / name).write_bytes(text.encode() if isinstance(text, str) else text)

    return make


def done(epoch: object) -> dict[str, object]:
    return {"state": "done", "epoch": epoch}


def listing(*epochs: object) -> dict[str, object]:
    """Returns a done.json that lists the epochs of rows."""
    return {"state": "done", "epoch": 12, "rows": list(epochs)}


def failed(epoch: object) -> dict[str, object]:
    return {"state": "failed", "epoch": epoch, "error": "NaN"}


WHOLE = lines(4, 8, 12)
CASES = [
    Case("whole", folder(WHOLE, done(12)), 12, "done", [4, 8, 12]),
    Case("nothing yet", folder(None), 12, "new", [], "waiting"),
    Case("no row yet", folder(""), 12, "partial", [], "waiting"),
    Case("being trained", folder(lines(4, 8)), 12, "partial", [4, 8]),
    Case("all rows, not ended", folder(WHOLE), 12, "partial", [4, 8, 12]),
    # Requested epochs and existing epochs.
    Case("done for a shorter study", folder(WHOLE, done(12)), 13, "partial", [4, 8, 12]),
    Case("done for a longer study", folder(WHOLE, done(12)), 8, "done", [4, 8, 12]),
    Case("no row at the requested epoch", folder(WHOLE, done(12)), 10, "done", [4, 8, 12]),
    Case("rows beyond, not ended", folder(WHOLE), 8, "partial", [4, 8, 12]),
    Case("continued beyond done", folder(WHOLE, done(8)), 8, "done", [4, 8, 12]),
    Case("continued, not ended", folder(WHOLE, done(8)), 12, "partial", [4, 8, 12]),
    Case("rows beyond done", folder(WHOLE, done(8)), 10, "partial", [4, 8, 12]),
    # Lost rows: the checkpoint contains the last one.
    Case("last row lost", folder(lines(4, 8), done(12)), 12, "partial", [4, 8]),
    Case("last row lost, not requested", folder(lines(4, 8), done(12)), 8, "done", [4, 8]),
    Case("first rows lost", folder(line(12), done(12)), 12, "done", [12]),
    Case("all rows lost", folder(None, done(12)), 12, "new", [], "waiting"),
    Case("rows emptied", folder("", done(12)), 12, "partial", [], "waiting"),
    Case("all rows that are listed", folder(WHOLE, listing(4, 8, 12)), 12, "done", [4, 8, 12]),
    Case("a listed row lost", folder(lines(4, 12), listing(4, 8, 12)), 12, "partial", [4, 12]),
    Case("lost, not requested", folder(lines(4, 12), listing(4, 8, 12)), 4, "done", [4, 12]),
    Case("list damaged", folder(WHOLE, listing(4, "8", 12)), 12, "partial", [4, 8, 12]),
    # Lines.
    Case(
        "an epoch twice",
        folder(line(4, taken=0) + line(4, taken=1) + line(8), done(8)), 8, "done", [4, 8],
    ),
    Case("rows out of order", folder(lines(4, 12, 8), done(12)), 12, "done", [4, 8, 12]),
    Case("torn last line", folder(lines(4) + line(8)[:-9]), 8, "partial", [4]),
    Case("torn after done", folder(lines(4) + line(8)[:-9], done(8)), 8, "partial", [4]),
    Case("last newline lost", folder(lines(4, 8)[:-1], done(8)), 8, "done", [4, 8]),
    Case(
        "a row behind a torn start",
        folder(line(4) + line(8)[:20] + line(12), done(12)), 12, "done", [4, 12],
    ),
    Case("two rows in one line", folder(line(4)[:-1] + line(8), done(8)), 8, "done", [4, 8]),
    Case("a torn line between", folder(line(4) + "{\n" + line(8), done(8)), 8, "done", [4, 8]),
    Case("zeros", folder(line(4).encode() + b"\0\0\0\0\n"), 8, "partial", [4]),
    Case("no text", folder(line(4).encode() + b'\xff\xfe{"ep\n' + line(8).encode(), done(8)),
         8, "done", [4, 8]),
    Case("no rows but JSON", folder(line(4) + '17\nnull\n[]\n"{}"\n\n'), 8, "partial", [4]),
    Case("epoch missing", folder('{"test_elbo": -1.0}\n' + line(8), done(8)), 8, "done", [8]),
    *(
        Case(f"epoch {epoch!r}", folder(lines(4, epoch), done(8)), 8, "partial", [4])
        for epoch in (8.0, 8.5, "8", None, True, [8], 0, -8, float("nan"), float("inf"))
    ),
    Case(
        "non-finite numbers",
        folder(line(4, kl=float("nan")) + line(8, kl=float("-inf")) + line(12, kl=1.5), done(12)),
        12, "done", [4, 8, 12],
    ),
    # done.json.
    *(
        Case(f"done.json {text!r}", folder(WHOLE, text), 12, "partial", [4, 8, 12])
        for text in (
            "", "{", "[]", "null", '{"state": "do', b"\0\0\0", b"\x80\x04", '{"state": "done"}',
            '{"epoch": 12}', '{"state": "over", "epoch": 12}', '{"state": ["done"], "epoch": 12}',
        )
    ),
    *(
        Case(f"done at {epoch!r}", folder(WHOLE, done(epoch)), 12, "partial", [4, 8, 12])
        for epoch in (12.0, "12", None, True, -12, 0, float("nan"))
    ),
    Case("failed", folder(lines(4), failed(4)), 12, "failed", [4]),
    Case("failed at once", folder(None, failed(0)), 12, "failed", []),
    Case("failed after the requested epochs", folder(WHOLE, failed(12)), 8, "done", [4, 8, 12]),
    Case("failed at the last epoch", folder(WHOLE, failed(12)), 12, "failed", [4, 8, 12]),
    Case("failed, its later rows lost", folder(lines(4, 8), failed(12)), 8, "failed", [4, 8]),
    Case("failed at no epoch", folder(lines(4), failed(None)), 12, "partial", [4]),
    # trial.json: a launch writes it again, and a report does not know what was trained.
    Case("no trial.json", folder(WHOLE, done(12), None), 12, "done", [4, 8, 12], "unreadable"),
    Case("trial.json torn", folder(WHOLE, None, "{"), 12, "partial", [4, 8, 12], "unreadable"),
    Case("trial.json of zeros", folder(None, None, "\0\0"), 12, "new", [], "unreadable"),
]  # fmt: skip


def place(case: Case, root: Path) -> Path:
    """Makes the case's folder in a results root, and a study that requests its trial."""
    path = root / "trials" / key(TRIAL)
    case.make(path)
    (root / "study").mkdir()
    record = {"study": "study", "trials": {path.name: {"epochs": case.epochs}}, "launches": []}
    (root / "study" / "study.json").write_text(json.dumps(record))
    return path
