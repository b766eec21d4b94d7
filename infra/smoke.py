"""`python -m infra.smoke`: one signed canary task through intake, classify, the database and resume; did it all work?

The canary asks for nothing that an intent offers, so that it pauses; then it is rejected as people reject in the
Firestore console. No effect happens and nothing is left over. Exit status 0 only if resume has answered, and the
console, where one is named, shows the task.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from infra import running
from infra.errors import StackError
from infra.ops.client import OpsError, connect
from infra.proxies import is_here
from infra.webhook_secrets import CANARY, secret_here
from shared.errors import Conflict, Retry, SwitchyardError
from shared.event.signatures import sign
from shared.intent.named import load_for
from shared.intent.registry import discover
from shared.records.documents import approval_path, task_path
from shared.settings import Settings, secrets_of
from shared.wiring.ports import Document, Snapshot, Store, Write

TEXT = "The canary of a deployment sings. It wants nothing."
GOOD_ENDS = frozenset({"SUCCEEDED", "REJECTED"})
BAD_ENDS = frozenset({"FAILED", "UNKNOWN", "EXPIRED", "CANCELLED"})
PAUSE_S = 0.5
REQUEST_TIMEOUT_S = 30.0
# A function that starts cold, and Pub/Sub that has just learned of it, take their time.
TIMEOUT_S = 180.0
# Of Cloud Run, while it does not know yet that anybody may call intake, or of it at all; intake answers neither.
NOT_YET = frozenset({403, 404})


class SmokeError(Exception):
    """Raised when the deployment does not work; the message says where the canary stopped."""


def main() -> int:
    """Send the canary and say what became of it."""
    parser = argparse.ArgumentParser(prog="python -m infra.smoke", description=__doc__)
    parser.add_argument("--intake", help="intake's URL (default: the stack that runs here)")
    parser.add_argument("--console", help="a console that has to show the task; who asks it: IAP_SERVICE_ACCOUNT")
    parser.add_argument("--timeout-s", type=float, default=TIMEOUT_S, help=f"for all of it (default: {TIMEOUT_S:g})")
    options = parser.parse_args()
    try:
        asyncio.run(_run(load_for(discover()), options.intake, options.console, options.timeout_s))
    except (SmokeError, StackError, SwitchyardError, httpx.HTTPError) as error:
        print(f"smoke test failed: {error or type(error).__name__}", file=sys.stderr)
        return 1
    return 0


async def _run(settings: Settings, intake: str | None, console: str | None, timeout_s: float) -> None:
    if settings.backend == "gcp":
        secret = secrets_of(CANARY)[0]
        if not intake:
            raise SmokeError("--intake is needed: the output intake_url of Terraform")
        here = running.Running("gcp", os.getpid(), intake, console="", sandbox="")
    else:
        here = running.read(Path(settings.data_dir))
        secret = secret_here(CANARY, Path(settings.data_dir))
    async with running.documents(here, settings) as store:
        canary = Canary(store, time.monotonic() + timeout_s)
        task_id = await canary.send(intake or here.intake, secret)
        await canary.follow(task_id)
        if console:
            await canary.show(task_id, console)


@dataclass
class Canary:
    """One task on its way. `deadline` is of `time.monotonic`."""

    store: Store
    deadline: float

    def __post_init__(self) -> None:
        self._began = time.monotonic()

    async def send(self, intake: str, secret: bytes) -> str:
        """Post the canary and return its task's id. A deployment that has just begun may answer 5xx for a while.

        Raises:
            SmokeError: intake refused it, or kept failing.
        """
        body = json.dumps({"id": f"canary-{uuid.uuid4()}", "message": TEXT}).encode()
        async with httpx.AsyncClient(timeout=REQUEST_TIMEOUT_S, trust_env=not is_here(intake)) as http:
            while True:
                signed = sign("generic", body, secret, datetime.now(UTC))
                headers = {"content-type": "application/json", **signed}
                try:
                    answer = await http.post(f"{intake}/hooks/{CANARY}", content=body, headers=headers)
                except httpx.TransportError as error:
                    await self._pause(f"intake does not answer ({type(error).__name__})")
                    continue
                if answer.status_code == 202:
                    task_id = str(answer.json()["task_id"])
                    self._say(f"intake accepted task {task_id}")
                    return task_id
                said = f"intake answered {answer.status_code}: {answer.text[:200]}"
                if answer.status_code < 500 and answer.status_code not in NOT_YET:
                    raise SmokeError(said)
                await self._pause(said)

    async def follow(self, task_id: str) -> None:
        """Return once the task has ended as it should; reject it when it waits for a person.

        Raises:
            SmokeError: it did not end, or ended badly, or the sweep, which after two minutes does, answered for resume.
        """
        seen = "nothing"
        while True:
            task, approval = await self._read(task_path(task_id), approval_path(task_id))
            state = task.data["state"] if task.data else "nothing"
            if task.data and state != seen:
                self._say(_described(task.data))
                seen = state
            if state in BAD_ENDS:
                raise SmokeError(f"task {task_id} ended {state}")
            if state in GOOD_ENDS:
                return
            if approval.data and (error := approval.data["error"]):
                if error.startswith("unattributed"):
                    raise SmokeError(f"task {task_id}: the sweep found the decision, its event never reached resume")
                self._say(f"resume answered {error}; the task waits for those who may decide it")
                return
            if approval.data and approval.data["status"] == "pending":
                await self._reject(approval)
            await self._pause(f"task {task_id} is at {seen}")

    async def show(self, task_id: str, console: str) -> None:
        """Return once the console shows the task: it starts, believes the proxy, and reads what the others wrote.

        Raises:
            SmokeError: nobody can sign in there, or it does not show the task.
        """
        try:
            there = await asyncio.to_thread(connect, console)
        except OpsError as error:
            raise SmokeError(f"the console was not asked: {error}") from None
        with contextlib.closing(there):
            while True:
                try:
                    await asyncio.to_thread(there.get, f"tasks/{task_id}")
                    self._say(f"the console at {console} shows it")
                    return
                except OpsError as error:  # the proxy, too, may not know for minutes whom it is to let in
                    await self._pause(str(error))

    async def _read(self, *paths: str) -> list[Snapshot]:
        while True:
            try:
                return await self.store.read(*paths)
            except Retry as error:
                await self._pause(error.message)

    async def _reject(self, approval: Snapshot) -> None:
        """Decide as people do in the database's own console; what somebody wrote in between is looked at again."""
        decided = (approval.data or {}) | {"status": "rejected", "comment": "smoke test"}
        with contextlib.suppress(Conflict, Retry):
            await self.store.commit(Write(approval.path, decided, approval.version))
            self._say("rejected in the database, as a person would")

    async def _pause(self, stopped_at: str) -> None:
        """Wait a moment.

        Raises:
            SmokeError: the time is over.
        """
        if time.monotonic() > self.deadline:
            raise SmokeError(f"out of time: {stopped_at}")
        await asyncio.sleep(PAUSE_S)

    def _say(self, what: str) -> None:
        print(f"{time.monotonic() - self._began:6.1f} s  {what}", flush=True)


def _described(task: Document) -> str:
    model = task["classification"]
    return f"{task['state']}: {task['intent']} by {model['model']}, {model['tokens_used']} tokens, " + (
        f"{model['latency_ms']:.0f} ms"
    )


if __name__ == "__main__":
    sys.exit(main())
