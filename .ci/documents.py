"""Runs every command and every Python block of README.md, docs/*.md and CONTRIBUTING.md.

All run one after another in one fresh copy of the checkout, README.md first, so that a page may
read the results that an earlier one made. Above a block that cannot run here there is a line:

    <!-- not run: the reason, in words -->

Blocks marked `text` are output, never run. `--list` prints what would run, and runs nothing.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>.+?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
SHELL = {"", "sh", "bash"}
OUTPUT = {"text", "json"}
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # on a busy machine several threads wait for each other


class Block(NamedTuple):
    """One fenced block of a page; `reason` says why it is not run, None where it is."""

    page: str
    language: str
    text: str
    reason: str | None

    def commands(self) -> list[str]:
        """Returns the shell commands of the block, without comments; none of other languages."""
        if self.language not in SHELL:
            return []
        lines = re.sub(r"\\\n\s*", "", self.text).splitlines()
        return [line for line in lines if line.strip() and not line.startswith("#")]


def pages() -> list[Path]:
    """Returns the pages whose blocks are run, in the order of running."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]


def blocks(page: Path) -> Iterator[Block]:
    """Yields the fenced blocks of a page."""
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield Block(page.name, found["language"], found["text"], found["reason"])


def steps(block: Block) -> list[list[str]]:
    """Returns the processes to start for a block: one a command, or one for a Python block."""
    if block.language == "python":
        return [[sys.executable, "-c", block.text]]
    return [["bash", "-c", command] for command in block.commands()]


def run(command: list[str], where: Path) -> bool:
    """Runs a command in the copy; prints the end of its output where it fails."""
    done = subprocess.run(
        command,
        cwd=where,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=os.environ | ONE_THREAD,
    )
    if done.returncode:
        print("\n".join((done.stdout + done.stderr).splitlines()[-15:]))
    return done.returncode == 0


def main() -> int:
    """Runs all blocks and returns 1 where a command failed, else 0."""
    failed, only_list = 0, "--list" in sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "checkout"
        if not only_list:
            subprocess.run(["git", "clone", "-q", str(ROOT), str(where)], check=True)
        for block in [block for page in pages() for block in blocks(page)]:
            for command in steps(block):
                shown = command[-1].strip().splitlines()[0]
                word = "skip" if block.reason else "run "
                why = f" ({block.reason})" if block.reason else ""
                print(f"{word}  {block.page}: {shown}{why}", flush=True)
                failed += not (block.reason or only_list or run(command, where))
    print(f"{failed} commands failed")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
