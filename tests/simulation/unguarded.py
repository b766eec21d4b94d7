"""Programs on code of which one file lacks a guard: nothing is copied, a process imports that file's other source.

`python -m tests.simulation.unguarded` takes orders as lines of JSON and answers each with a line, all that was printed.
It has imported the libraries once, and its children begin with them: that takes longer than most guards to be missed.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parents[2]
OURS = ("shared", "functions", "infra", "tests")
PATIENCE_S = 230  # for one program


class Unguarded:
    """Runs programs of the simulation without a guard, from its beginning until it is closed."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", __name__]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, file: str, source: str, module: str, *arguments: str) -> str:
        """Run `python -m module` where `file`, a path from the project's root, has this source; return what it prints.

        What takes longer than `PATIENCE_S` is ended, and what it had printed by then is returned.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"file": str(ROOT / file), "source": source, "module": module, "arguments": arguments}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return str(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=10)


def serve() -> None:
    """Take one order after the other until there are no more."""
    importlib.import_module("tests.simulation.together")
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    gc.freeze()  # children share what they do not change
    for line in sys.stdin:
        with tempfile.TemporaryFile("w+") as printed:
            child = os.fork()
            if child == 0:
                _obey(printed, **json.loads(line))
            os.waitpid(child, 0)
            printed.seek(0)
            print(json.dumps(printed.read()), flush=True)


def _obey(printed: TextIO, *, file: str, source: str, module: str, arguments: list[str]) -> None:
    """Be the program, and end with it."""
    signal.alarm(PATIENCE_S)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(printed.fileno(), stream.fileno())
    usual = SourceFileLoader.get_code

    def code(loader: Any, name: str) -> CodeType | None:
        return compile(source, file, "exec") if loader.path == file else usual(loader, name)

    SourceFileLoader.get_code = code  # type: ignore[assignment, method-assign]
    sys.argv[1:] = arguments
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit:
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    serve()
