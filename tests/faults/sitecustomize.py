"""Lets tests change modules in every Python process of a study, for example to write a ledger.

A copy of this file is alone in a folder on PYTHONPATH. After the import of a module, the file
`<module>.after` in that folder runs in the module's namespace.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class After:
    """Finds the modules that have an `.after` file, each once."""

    def __init__(self):
        self.seen = set()

    def find_spec(self, name, path=None, target=None):
        code = HERE / f"{name}.after"
        if name in self.seen or not code.exists():
            return None
        self.seen.add(name)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        loader: Any = spec.loader
        execute = loader.exec_module

        def and_after(module):
            execute(module)
            exec(compile(code.read_text(), code, "exec"), module.__dict__)

        loader.exec_module = and_after
        return spec


sys.meta_path.insert(0, After())
