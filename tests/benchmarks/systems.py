"""The systems that are compared: how each is started, and what it keeps when it crashes."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.environments import ROOT
from tests.benchmarks.programs import Program

COUNTED, COUNTS = Path(__file__).parent / "counted.py", "counts.json"
COMPETITORS = Path(__file__).parent / "competitors"
REDIS_LOCK = COMPETITORS / "redis/requirements.txt"


@dataclass(frozen=True, slots=True)
class Site:
    """Where one run takes place. `services` are addresses of what was started for it, as variables."""

    python: str
    folder: Path
    port: int
    shop: str
    model: str
    calls: int
    services: Mapping[str, str] = field(default_factory=dict)
    tree: Path = ROOT  # of Switchyard

    @property
    def environment(self) -> dict[str, str]:
        """What every competitor is told."""
        here = {"SHOP_URL": self.shop, "MODEL_URL": self.model, "CALLS": str(self.calls), "FOLDER": str(self.folder)}
        return {**here, **self.services, "PYTHONPATH": str(COMPETITORS)}


@dataclass(frozen=True, slots=True)
class System:
    """`keeps`: what survives a crash. `backend`: of Switchyard, or the one it needs. `door`: where tickets are sent."""

    name: str
    keeps: str
    programs: Callable[[Site], Sequence[Program]]
    lock: Path | None = None
    needs: frozenset[str] = frozenset()
    backend: str = ""
    polls: bool = False  # it reads tickets from the shop's list


def switchyard(backend: str) -> Callable[[Site], Sequence[Program]]:
    """Return how `make run` is started, with the shop as its provider and the model behind google-genai."""

    def programs(site: Site) -> Sequence[Program]:
        env = {
            "BACKEND": backend,
            "CLASSIFIER": "genai",
            "GEMINI_API_ENDPOINT": site.model,
            "GEMINI_API_KEY": "bench",
            "MAX_CONCURRENT_CALLS": str(site.calls),
            "SHOP_API_URL": site.shop,
            "SHOP_API_KEY": "bench",
            "SANDBOX": "off",
            "PROCESSES": os.environ.get("PROCESSES", "2"),  # embedded: as many as the others' workers have cores
            "RELOAD": "off",
            "DATA_DIR": str(site.folder),
            "INTAKE_URL_PORT": str(site.port),
            "CONSOLE_PORT": "0",
            "PYTHONPATH": str(site.tree),
        }
        module = ["-m", "infra.run"]
        counted = ["-P", str(COUNTED), str(site.folder / COUNTS)]
        return [Program([site.python, *(counted if backend == "embedded" else module)], site.tree, env)]

    return programs


def competitor(folder: str, *commands: str) -> Callable[[Site], Sequence[Program]]:
    """Return how a competitor is started: modules of its environment, in its folder."""

    def programs(site: Site) -> Sequence[Program]:
        return [
            Program(
                [site.python, "-m", *(word.format(**words(site)) for word in command.split())],
                COMPETITORS / folder,
                site.environment,
            )
            for command in commands
        ]

    return programs


def words(site: Site) -> dict[str, int]:
    """Return what a command line may name; `half`: threads of each of two processes."""
    return {"port": site.port, "calls": site.calls, "half": math.ceil(site.calls / 2)}


def lock_of(folder: str) -> Path:
    """Return a competitor's lock."""
    return COMPETITORS / folder / "requirements.txt"


WEB = "uvicorn app:web --port {port} --log-level warning"
SYSTEMS = (
    System("switchyard", "SQLite: every step", switchyard("embedded"), backend="embedded"),
    System(
        "switchyard-emulators",
        "Pub/Sub, Firestore: every step",
        switchyard("emulators"),
        needs=frozenset({"sdk"}),
        backend="emulators",
    ),
    System("fastapi", "nothing", competitor("fastapi_genai", WEB), lock_of("fastapi_genai")),
    System(
        "fastapi-generativeai",
        "nothing",
        competitor("fastapi_generativeai", WEB),
        lock_of("fastapi_generativeai"),
    ),
    System(
        "dramatiq",
        "Redis's memory: waiting, running",
        competitor("dramatiq_redis", WEB, "dramatiq app --processes 2 --threads {half}"),
        lock_of("dramatiq_redis"),
        frozenset({"redis"}),
    ),
    System(
        "celery",
        "Redis's memory: waiting",
        competitor("celery_redis", WEB, "celery --app app:celery worker --concurrency {calls} --loglevel WARNING"),
        lock_of("celery_redis"),
        frozenset({"redis"}),
    ),
    System(
        "huey",
        "SQLite: waiting",
        competitor("huey_sqlite", WEB, "huey.bin.huey_consumer app.huey --workers {calls} --quiet"),
        lock_of("huey_sqlite"),
    ),
    System("dbos", "SQLite: every step", competitor("dbos_sqlite", WEB), lock_of("dbos_sqlite")),
    System("langgraph", "nothing", competitor("langgraph_agent", WEB), lock_of("langgraph_agent")),
    System("script", "the list it reads", competitor("polling_script", "app"), lock_of("polling_script"), polls=True),
    System(
        "emulators-plain",
        "Pub/Sub, Firestore: the end",
        competitor("emulators_plain", WEB, "app"),
        lock_of("emulators_plain"),
        frozenset({"emulators"}),
        backend="emulators",
    ),
)


def named(names: Sequence[str]) -> list[System]:
    """Return the systems of these names in their order; all of them where there is none."""
    return [s for s in SYSTEMS if not names or s.name in names]


def python_here() -> str:
    """Return the interpreter that Switchyard's own tree is measured with."""
    return sys.executable
