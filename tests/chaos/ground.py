"""What a chaos run needs of the stack under it, whichever backend: doors, documents, targets, and what is left."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from signal import Signals
from typing import Any, Protocol

import httpx

from infra.processes import Child, url_in
from infra.sandbox.ledger import Entry
from shared.task.schemas import ResultMessage
from shared.wiring.ports import Publisher, Store
from tests.chaos.events import ALLOWANCE, SECRET

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 30.0
RUN = "CHAOS_RUN"  # an environment variable that every process of a run inherits
PROVIDERS = ("STRIPE_API_URL", "SHOP_API_URL", "SLACK_API_URL", "AUTH0_API_URL")
WRITES = ("stripe.refund", "shop.cancel", "shop.change_address", "auth0.change_password", "slack.post_message")
READS = ("stripe.find_payment", "shop.get_order")
WRITE_FAULTS = {
    "slow": 0.2,
    "timeout_after": 0.02,
    "timeout_before": 0.02,
    "500_after": 0.03,
    "500": 0.03,
    "reset_after": 0.03,
    "refuse": 0.03,
    "429": 0.03,
    "409": 0.01,
}
RARE_FAULTS = {"stored_500": 0.01}  # the key answers 500 for ever: attempts run out, then the provider is asked
READ_FAULTS = {"slow": 0.1, "503": 0.03, "refuse": 0.03, "timeout_before": 0.01}
MODEL_FAULTS = {"429": 0.1, "500": 0.05, "503": 0.05, "drop": 0.05, "safety": 0.03, "malformed": 0.03, "hang": 0.02}
MANY = 10_000
SLOW_MS = 800.0


class Victim(Protocol):
    """A process, or whatever takes signals as one does."""

    name: str

    def signal(self, number: Signals) -> None:
        """Send a signal; harmless if nothing runs."""


@dataclass(frozen=True, slots=True)
class Target:
    """A victim, what kind it counts as, and which blows it may get with which weight."""

    kind: str
    victim: Victim
    blows: Mapping[Signals, float]
    weight: float = 1.0


class Ground(Protocol):
    """A running stack between `async with` and its end; what happens to it in between is up to the chaos."""

    @property
    def targets(self) -> Sequence[Target]:
        """Everything that may be hit."""

    @property
    def store(self) -> Store:
        """The documents, seen from outside."""

    @property
    def publisher(self) -> Publisher:
        """The topics, seen from outside."""

    @property
    def intakes(self) -> Sequence[str]:
        """Where sources post: the URL of every instance."""

    @property
    def consoles(self) -> Sequence[str]:
        """Where people decide: the URL of every instance."""

    def under_way(self, healed_s: float, still_s: float) -> list[str]:
        """Return a line for whatever may still be delivered, so long after the last blow and the last task's move."""

    async def hush(self) -> None:
        """Deliver no more."""

    async def left_over(self) -> list[str]:
        """Return a line for every subscription that still has messages; only after `hush`."""

    async def results(self) -> list[ResultMessage]:
        """Return everything that was published on topic `results`."""


class Vendors:
    """The sandbox: it is never hit, it is the witness. `rare` adds faults that take minutes to heal."""

    def __init__(self, url: str, *, rare: bool) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._faults = WRITE_FAULTS | (RARE_FAULTS if rare else {})

    def misbehave(self) -> None:
        """Fail at the usual rates from now on."""
        calls = [*product(WRITES, self._faults.items()), *product(READS, READ_FAULTS.items())]
        self._rate(
            {
                "vendor": call.partition(".")[0],
                "operation": call.partition(".")[2],
                "fault": fault,
                "share": share,
                "ms": SLOW_MS if fault == "slow" else 0,
                "retry_after_s": 1,
            }
            for call, (fault, share) in calls
        )

    def behave(self) -> None:
        """Fail no more."""
        self._rate(())

    def ledger(self) -> list[Entry]:
        """Return every effect that was applied."""
        return [Entry(**entry) for entry in self._http.get("/_ledger").json()["entries"]]

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _rate(self, rates: Iterable[dict[str, Any]]) -> None:
        self._http.post("/_rates", json=list(rates)).raise_for_status()


@contextmanager
def vendors(folder: Path, seed: int, *, rare: bool) -> Iterator[Vendors]:
    """Run the sandbox with its ledger in `folder`."""
    place = ("--port", "0", "--ledger", str(folder / "ledger.jsonl"), "--seed", str(seed))
    child = Child("infra.sandbox", *place, log=folder / "sandbox.log")
    try:
        with closing(Vendors(url_in(child.wait_for("http://", START_TIMEOUT_S)), rare=rare)) as found:
            yield found
    finally:
        child.stop()


@dataclass(frozen=True, slots=True)
class Model:
    """What classifies: the settings of it, and the URL of a local Gemini API where there is one."""

    environment: Mapping[str, str]
    url: str = ""

    def behave(self) -> None:
        """Fail no more, as far as this run will ever ask."""
        if self.url:
            httpx.post(f"{self.url}/_script", json=["ok"] * MANY, trust_env=False).raise_for_status()


@contextmanager
def model(folder: Path, seed: int, classifier: str) -> Iterator[Model]:
    """Run the model; `genai` asks a local Gemini API that fails at rates of its own."""
    if classifier == "local":
        yield Model({"CLASSIFIER": "local"})
        return
    rates = [word for kind, share in MODEL_FAULTS.items() for word in ("--fault-rate", f"{kind}={share}")]
    child = Child("infra.gemini_server", "--port", "0", "--seed", str(seed), *rates, log=folder / "model.log")
    try:
        url = url_in(child.wait_for("http://", START_TIMEOUT_S))
        yield Model({"CLASSIFIER": classifier, "GEMINI_API_ENDPOINT": url, "GEMINI_API_KEY": "chaos"}, url)
    finally:
        child.stop()


def environment(vendors: Vendors, model: Model, data_dir: Path) -> dict[str, str]:
    """Return the settings of every process of the run."""
    return {
        **dict.fromkeys(PROVIDERS, vendors.url),
        **model.environment,
        "STRIPE_API_KEY": "sandbox",
        "DATA_DIR": str(data_dir),
        "AUTOMATIC": ALLOWANCE,
        "SANDBOX": "off",
        "WEBSHOP_WEBHOOK_SECRET": SECRET,
    }


def survivors(token: str, within_s: float = 5.0) -> list[str]:
    """Return the command of each process of the run that still lives after so many seconds; this one aside."""
    until = time.monotonic() + within_s
    while (found := list(_of_run(token))) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def _of_run(token: str) -> Iterator[str]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            mine = f"{RUN}={token}".encode() in (folder / "environ").read_bytes().split(b"\0")
            if mine and int(folder.name) != os.getpid():
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                yield f"{folder.name} {command[:150]}"
        except OSError:
            continue


def result_of(data: bytes) -> ResultMessage:
    """Return the result in a message of topic `results`."""
    fields: dict[str, Any] = json.loads(data)
    return ResultMessage.model_validate(fields)
