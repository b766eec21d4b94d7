"""A lock in, the Python of an environment that holds just this out; made once, and kept until the lock changes."""

from __future__ import annotations

import compileall
import hashlib
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from infra.errors import StackError

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venv-bench"
TIMEOUT_S = 600
DONE = ".done"
MOST_SAID = 300


def python_of(name: str, lock: Path, folder: Path = FOLDER) -> str:
    """Return the interpreter of `name`'s environment.

    Raises:
        StackError: it cannot be installed here; the message says why in a line.
    """
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    home = folder / name
    if not (home / DONE).exists() or (home / DONE).read_text() != digest:
        print(f"setting up {home.relative_to(folder.parent)}", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        _run(name, ["venv", "--python", sys.executable, str(home)])
        # Compiled now, as pip does: otherwise the first start would compile everything, and be taken for a cold one.
        _run(name, ["pip", "install", "--compile-bytecode", "--python", str(home), "--require-hashes", "-r", str(lock)])
        (home / DONE).write_text(digest)
    return str(home / "bin/python")


def compiled(tree: Path) -> Path:
    """Compile a tree of Switchyard and what this environment has, as after a first start, and return the tree."""
    for part in ("shared", "functions", "infra", sysconfig.get_path("purelib")):
        compileall.compile_dir(tree / part, quiet=2)
    return tree


def _run(name: str, arguments: list[str]) -> None:
    command = [str(Path(sys.executable).parent / "uv"), *arguments, "--quiet"]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"the environment of {name} cannot be made: {error}") from None
    if ended.returncode:
        said = " ".join(ended.stderr.split()) or "uv said nothing"
        raise StackError(f"the environment of {name} cannot be made: {said[:MOST_SAID]}")
