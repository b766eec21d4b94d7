"""The Java on this machine, against the one that an SDK's emulators are compiled for."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from infra.errors import StackError

JARS = ("platform/pubsub-emulator/lib/*.jar", "platform/cloud-firestore-emulator/*.jar")
EVERY = 50  # of the classes of a jar are looked at: nearly all are of the same version, and there are ten thousands
# https://docs.oracle.com/javase/specs/jvms/se21/html/jvms-4.html, table 4.1-A: Java 11 reads class files up to 55.
CLASS_FILES_AHEAD = 44
CURE = "install one (apt-get install default-jre-headless, brew install openjdk, or https://adoptium.net)"
ANSWER_TIMEOUT_S = 20.0


def check_java(sdk: Path, env: Mapping[str, str], otherwise: str) -> None:
    """Refuse a Java that cannot run the emulators of `sdk`; `otherwise` says what can be done without one.

    Raises:
        StackError: there is none, it does not start, or it is too old; the message says which is needed.
    """
    wanted = needed_by(path for pattern in JARS for path in sdk.glob(pattern))
    program = shutil.which("java", path=env.get("PATH"))
    if program is None:
        raise StackError(f"Java was not found; the emulators need Java {wanted} or newer: {CURE}, {otherwise}")
    found = version_of(program)
    if found is None:
        raise StackError(f"{program} does not say its version; the emulators need Java {wanted} or newer: {CURE}")
    if found < wanted:
        raise StackError(f"Java {found} is too old; these emulators need {wanted} or newer: {CURE}, {otherwise}")


def needed_by(jars: Iterable[Path]) -> int:
    """Return the oldest Java that can read the classes of these jars; 11 where there are none."""
    newest = 11 + CLASS_FILES_AHEAD
    for jar in jars:
        with zipfile.ZipFile(jar) as opened:
            classes = [n for n in opened.namelist() if n.endswith(".class") and not n.startswith("META-INF/")]
            for name in classes[::EVERY]:
                with opened.open(name) as file:
                    newest = max(newest, int.from_bytes(file.read(8)[6:], "big"))
    return newest - CLASS_FILES_AHEAD


def version_of(program: str) -> int | None:
    """Return the feature release of a Java, 8 for 1.8; None where it does not say."""
    try:
        ended = subprocess.run(  # noqa: S603
            [program, "-version"], capture_output=True, text=True, timeout=ANSWER_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = re.search(r'version "(?:1\.)?(\d+)', ended.stderr + ended.stdout)
    return int(said[1]) if said and ended.returncode == 0 else None
