"""Runs each command that README.md and docs/*.md show in a block, or says why it does not.

Blocks of Python are run as they stand. `--list` prints what would be run and runs nothing.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INSTALL = re.compile(r"^pip install [^&]*&& ")  # before a command: the rest is what is run
SHELL = {"", "sh", "bash", "shell", "console"}
COMMANDS = (
    "python ",
    "python3 ",
    "pip ",
    "pytest",
    "ray ",
    "scaling-vae",
    "git ",
    "cd ",
    "export ",
)
REASONS = {  # a part of a command -> why it is not run here
    "pip install": "installs into the environment; .ci/run and the part `lowest` install",
    "git clone": "this is the clone",
    "pytest": "a part of its own",
    "ray start": "a cluster",
    "--address": "a cluster",
    "--preset paper": "days, unless it is planned only",
    "--preset cifar10": "hours of a GPU",
    "MINE": "a file of the reader's",
    "FILE": "a file of the reader's",
    "NAME": "a name of the reader's",
}
RUNS_ANYWAY = ("--dry-run", "--help")


def blocks() -> list[tuple[str, str, str]]:
    """File, language and text of every block."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [(p.name, *found) for p in pages for found in BLOCK.findall(p.read_text())]


def commands(text: str) -> list[str]:
    """The lines of a block that are commands; lines ending in a backslash go on."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    lines = [INSTALL.sub("", line.removeprefix("$ ")) for line in lines]
    return [line for line in lines if line.startswith(COMMANDS)]


def reason(command: str) -> str | None:
    """Why the command is not run, if it is not."""
    if any(word in command for word in RUNS_ANYWAY):
        return None
    return next((why for part, why in REASONS.items() if part in command), None)


def run(command: list[str], where: Path) -> bool:
    """Runs it in a copy of the checkout; prints the end of what it said where it failed."""
    done = subprocess.run(command, cwd=where, capture_output=True, text=True)
    if done.returncode:
        print("\n".join((done.stdout + done.stderr).splitlines()[-15:]))
    return done.returncode == 0


def main() -> int:
    """Returns how many commands failed."""
    failed, only_list = 0, "--list" in sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "checkout"
        if not only_list:
            subprocess.run(["git", "clone", "-q", str(ROOT), str(where)], check=True)
        for page, language, text in blocks():
            found = [["bash", "-c", line] for line in commands(text)] if language in SHELL else []
            found += [[sys.executable, "-c", text]] if language == "python" else []
            for command in found:
                why = None if language == "python" else reason(command[-1])
                shown = command[-1].strip().splitlines()[0]
                print(f"{'skip' if why else 'run '}  {page}: {shown}{f' ({why})' if why else ''}")
                failed += not (why or only_list or run(command, where))
    print(f"{failed} commands failed")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
