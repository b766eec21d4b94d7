"""What is measured of a system, one row for each number of tickets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """What `tasks` tickets took, of which `in_flight` requests were open at a time.

    A ticket's wait is from sending it to the system's call of the shop. CPU is counted until the system rests again;
    `emulators_ms` is what emulators took beside it, `bench_ms` what sender, shop and model server took of the same
    machine. Memory is the most that its processes held, shared pages once; `processes` were there at the end.
    Commits and messages are known of the embedded Switchyard only, and else 0.
    """

    system: str
    tasks: int
    in_flight: int
    seconds: float
    per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_ms: float
    emulators_ms: float
    bench_ms: float
    peak_mb: float
    calls: float
    prompt_tokens: float
    output_tokens: float
    repeated: int
    cold_s: float
    cold_cpu_s: float
    commits: float = 0.0
    messages: float = 0.0
    processes: int = 1


@dataclass(frozen=True, slots=True)
class Cold:
    """From starting the processes to the first effect: seconds, and CPU seconds, which say more on a busy machine."""

    seconds: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with each system. `window`: so many tickets may be sent and not done; None: any number."""

    sizes: Sequence[int]
    in_flight: int
    calls: int
    window: int | None = None


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows as JSON keeps them."""
    return [{k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(row).items()} for row in rows]
