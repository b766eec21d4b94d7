"""What processes and everything they started take of the machine, read from /proc (Linux)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Fields of /proc/<pid>/stat after the command's name, counted from 0: see proc(5).
STATE, PARENT, FIRST_TIME, LAST_TIME = 0, 1, 11, 15  # utime, stime, and both of children that were waited for
JAVA = "java"


@dataclass(frozen=True, slots=True)
class Process:
    """One line of /proc: who started it, its program's name, and the CPU seconds it and its ended children took."""

    parent: int
    name: str
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds so far: of the system itself, and of emulators, in whose place Google runs the real ones."""

    own_s: float = 0.0
    emulators_s: float = 0.0


def processes(proc: Path = PROC) -> dict[int, Process]:
    """Return every process by id."""
    found = {}
    for folder in proc.iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text()
            except OSError:  # it ended meanwhile
                continue
            name, _, rest = text.partition("(")[2].rpartition(")")
            fields = rest.split()
            ticks = sum(map(int, fields[FIRST_TIME:LAST_TIME]))
            found[int(folder.name)] = Process(int(fields[PARENT]), name, ticks / TICKS_PER_S)
    return found


def family(roots: Iterable[int], known: dict[int, Process]) -> dict[int, Process]:
    """Return these processes and whatever descends from them."""
    members = {pid for pid in roots if pid in known}
    grown = True
    while grown:
        new = {pid for pid, process in known.items() if process.parent in members} - members
        members |= new
        grown = bool(new)
    return {pid: known[pid] for pid in members}


def cpu(roots: Iterable[int]) -> Cpu:
    """Return what these processes and their descendants took so far."""
    members = family(roots, processes()).values()
    java = sum(p.cpu_s for p in members if p.name == JAVA)
    return Cpu(sum(p.cpu_s for p in members) - java, java)


def memory_mb(roots: Iterable[int]) -> float:
    """Return what they hold now, each shared page counted once (PSS), without emulators."""
    total = 0
    for pid, process in family(roots, processes()).items():
        try:
            text = (PROC / str(pid) / "smaps_rollup").read_text()
        except OSError:
            continue
        if process.name != JAVA:
            total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
    return total / 1024


def rested(roots: Iterable[int], timeout_s: float = 20.0, every_s: float = 0.25, share: float = 0.1) -> Cpu:
    """Wait until they take less than `share` of a core, and return what they took until then."""
    roots, deadline = list(roots), time.monotonic() + timeout_s
    before = cpu(roots)
    while True:
        time.sleep(every_s)
        now = cpu(roots)
        spent = now.own_s + now.emulators_s - before.own_s - before.emulators_s
        if spent < share * every_s or time.monotonic() > deadline:
            return now
        before = now
