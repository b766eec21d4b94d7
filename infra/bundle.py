"""`python -m infra.bundle`: the manifest's functions -> one zip each in `dist/`, with only what it can import.

The same input gives the same bytes on every machine, so that a bundle's hash is its version. Entries are stored, not
deflated: builds of zlib differ in what they make of the same text.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from infra.commands import in_one_line
from infra.manifest import build
from infra.reach import reach
from infra.resources import Function
from shared.intent.registry import check_handlers, discover
from shared.model.artefact import dump
from shared.model.teaching import train
from shared.wiring.classifiers import LEARNT

ROOT = Path(__file__).resolve().parent.parent
EXECUTE = Path("functions/execute")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment a zip can name
MODE = 0o100644 << 16
UNIX = 3
LOCK, SOURCE_OF_LOCK = "requirements.txt", "requirements.in"
# What the cloud imports first: it only names the function, so that modules keep the names they have here.
ENTRY = '"""Serves `{name}`."""\n\nfrom {module} import {target} as {target}\n'


@in_one_line
def main() -> int:
    """Write every bundle and print its size and hash; bundles of functions that are gone are deleted."""
    parser = argparse.ArgumentParser(prog="python -m infra.bundle", description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="folder for the zips (default: dist)")
    into = parser.parse_args().into
    written = write(ROOT, build(check_handlers(discover())).functions, into)
    for name, path in written.items():
        print(f"{path.stat().st_size:>9,} B  {digest(path)[:16]}  {name}")
    return 0


def write(root: Path, functions: Iterable[Function], into: Path) -> dict[str, Path]:
    """Write `into/<function>.zip` for each function of the repository at `root`; return the paths by name."""
    into.mkdir(parents=True, exist_ok=True)
    written = {}
    for function in functions:
        written[function.name] = into / f"{function.name}.zip"
        _pack(contents(root, function), written[function.name])
    for path in set(into.glob("*.zip")) - set(written.values()):
        path.unlink()
    return written


def contents(root: Path, function: Function) -> dict[str, bytes]:
    """Return a function's files by their path in the bundle."""
    folder = Path(*function.module.split(".")[:-1])
    intent = function.environment.get("INTENT")
    own = [p for p in (root / folder).iterdir() if p.is_file()] if intent else (root / folder).rglob("*")
    files = _deployed(root, own)
    if intent:
        files |= _deployed(root, (root / EXECUTE / intent).rglob("*"))
    found = reach(root, map(_module, files))
    if "registry" in found.ports and not intent:
        found = reach(root, map(_module, files | _deployed(root, (root / EXECUTE).glob("*/intent.py"))))
    bundle = {path.as_posix(): (root / path).read_bytes() for path in files | found.files}
    if "classifier" in found.ports:
        bundle.setdefault(LEARNT.as_posix(), dump(train(discover())))
    entry = ENTRY.format(name=function.name, module=function.module, target=function.target)
    return bundle | {"main.py": entry.encode(), LOCK: (root / folder / LOCK).read_bytes()}


def digest(path: Path) -> str:
    """Return the SHA-256 of a bundle in lower-case hex: its version."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _deployed(root: Path, paths: Iterable[Path]) -> set[Path]:
    """Return those paths, relative to `root`, that belong into a bundle."""
    return {
        path.relative_to(root)
        for path in paths
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.name not in (LOCK, SOURCE_OF_LOCK)
        and not path.match("test_*.py")  # an intent's own
    }


def _module(path: Path) -> str:
    return path.with_suffix("").as_posix().replace("/", ".") if path.suffix == ".py" else ""


def _pack(files: Mapping[str, bytes], path: Path) -> None:
    """Write a zip that depends on names and bytes alone; no reader ever sees half of it."""
    half = path.with_suffix(".tmp")
    with zipfile.ZipFile(half, "w", zipfile.ZIP_STORED) as bundle:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr, entry.create_system = MODE, UNIX
            bundle.writestr(entry, files[name])
    half.replace(path)


if __name__ == "__main__":
    sys.exit(main())
