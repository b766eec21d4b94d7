"""`python infra/lock.py [--check] [--upgrade]`: every requirements .in file -> its pinned and hashed .txt file.

Functions are locked for the cloud's runtime, the environments of this repository for every Python they support.
Without `--upgrade` pins stay as they are where they still fit. Needs `uv`, which is part of the dev environment.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 300
RUNTIME_PYTHON = "3.13"  # of the deployed functions
OLDEST_PYTHON = "3.11"  # requires-python of pyproject.toml
CLOUD = ["--python-version", RUNTIME_PYTHON, "--python-platform", "x86_64-manylinux_2_28"]
ANYWHERE = ["--universal", "--python-version", OLDEST_PYTHON]
QUIET = ["--quiet", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
HASHED = ["--generate-hashes", "--no-strip-extras"]


def targets() -> list[tuple[Path, list[str]]]:
    """Return each .in file with its options, in an order in which every constraint exists before it is used."""
    environments = ROOT / "infra/requirements"
    functions = sorted((ROOT / "functions").glob("*/requirements.in"))
    compared = sorted((ROOT / "tests/benchmarks/competitors").glob("*/requirements.in"))
    within_dev = ["--constraint", "infra/requirements/dev.txt"]
    as_deployed = ["--constraint", "functions/classify/requirements.txt"]
    return [
        (environments / "dev.in", ANYWHERE),
        (environments / "emulators.in", [*ANYWHERE, *within_dev]),
        (environments / "run.in", [*ANYWHERE, *within_dev]),
        (environments / "cost.in", [*ANYWHERE, *within_dev]),
        (environments / "terraform.in", ANYWHERE),
        # google-generativeai holds protobuf and the Google clients back, so `classify` cannot follow the dev pins. Its
        # suite runs with the pins that are deployed. On Python 3.14 no such set exists, hence not "universal".
        *((f, [*CLOUD, *([] if f.parent.name == "classify" else within_dev)]) for f in functions),
        (environments / "classify.in", ["--python-version", OLDEST_PYTHON, *as_deployed]),
        *((f, ANYWHERE) for f in compared),
    ]


def main() -> int:
    """Write all locks; with --check only say which are stale (exit status 1)."""
    parser = argparse.ArgumentParser(prog="python infra/lock.py", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a lock is stale")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that fit")
    args = parser.parse_args()
    stale = []
    for source, options in targets():
        lock = source.with_suffix(".txt")
        before = lock.read_text() if lock.exists() else ""
        after = compiled(source, [*options, *(["--upgrade"] if args.upgrade else [])], before)
        if after != before:
            stale.append(lock.relative_to(ROOT))
            if not args.check:
                lock.write_text(after)
    for path in stale:
        print(f"{'stale' if args.check else 'wrote'} {path}")
    return 1 if args.check and stale else 0


def compiled(source: Path, options: list[str], current: str) -> str:
    """Return the lock of `source`; pins of `current` are kept where they still fit.

    Raises:
        SystemExit: uv is missing, found no solution, or named a host.
    """
    name = source.relative_to(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / "lock.txt"
        if current:
            scratch.write_text(current)
        command = [_uv(), "pip", "compile", str(name), "--output-file", str(scratch), *QUIET, *HASHED, *options]
        try:
            subprocess.run(command, cwd=ROOT, timeout=TIMEOUT_S, check=True)  # noqa: S603
        except subprocess.SubprocessError as error:
            raise SystemExit(f"{name}: {error}") from None
        text = scratch.read_text()
    if re.search(r"https?://|--(extra-)?index|--find-links", text):
        raise SystemExit(f"{name}: the lock names a host")
    return _pinned_with_and_without_extras(text)


def _pinned_with_and_without_extras(lock: str) -> str:
    """Repeat each pin of `package[extra]` for `package`: when it checks hashes, pip before 23.3 (Python 3.11 and 3.12
    come with one) takes them for two, and wants both pinned."""
    return re.sub(r"^([\w.-]+)\[[\w,-]+\](==(?:.*\\\n)+.*\n)", r"\g<0>\1\2", lock, flags=re.MULTILINE)


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise SystemExit("uv is missing: pip install uv, or run this with the dev environment's Python")
    return found


if __name__ == "__main__":
    sys.exit(main())
