"""`python -m infra.demo`: start the stack and the vendor sandbox, send events, decide, show, and check the outcomes.

Exits with 0 only if every task ended as it must and the sandbox's ledger holds exactly the expected effects.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from infra import manual, running
from infra.commands import in_one_line
from infra.demo.case import Case
from infra.demo.events import ORDERS, PEOPLE, events, secrets_for_demo
from infra.demo.show import Board, summary
from infra.errors import StackError
from infra.outside import load_here
from infra.processes import Child
from shared.intent.registry import check_handlers, discover
from shared.settings import load
from shared.wiring.ports import Write

START_TIMEOUT_S = 120.0
SENDINGS, PAUSE_S = 5, 1.0  # of an event that intake could not take in time
SETTLE_TIMEOUT_S = float(os.environ.get("DEMO_TIMEOUT_S", "120"))
ALLOWANCE = "refund_request<=50.00 USD|50.00 EUR,cancel_order,change_address"
RESTING = frozenset({"SUCCEEDED", "FAILED", "UNKNOWN", "REJECTED", "EXPIRED", "CANCELLED", "AWAITING_APPROVAL"})


def parser() -> argparse.ArgumentParser:
    """Return the page of the manual; settings come from the environment."""
    page = manual.page(
        "Start everything in a folder of its own, send signed webhooks, decide as a person would, check the outcomes.",
        "switchyard demo",
        "BACKEND=emulators switchyard demo",
        environment={
            "BACKEND": "embedded (default), or emulators: Google's, which `make demo BACKEND=emulators` prepares for",
            "CLASSIFIER": "local (default), gemini or genai",
            "DEMO_TIMEOUT_S": "how long tasks may take until they rest; default: 120",
        },
        status={
            0: "every outcome is the right one",
            1: "some are wrong, or it could not start",
            2: "a setting cannot be used, or the declaration of an intent is broken",
        },
    )
    return argparse.ArgumentParser(prog="switchyard demo", **page)


@in_one_line
def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo in a folder of its own, where what it starts could start at all."""
    parser().parse_args(argv)
    load_here(check_handlers(discover()))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="switchyard-demo-") as folder:
        env = secrets_for_demo() | {
            "DATA_DIR": folder,
            "INTAKE_URL_PORT": "0",
            "CONSOLE_PORT": "0",
            "AUTOMATIC": ALLOWANCE,
            "SANDBOX": "on",
        }
        os.environ.update(env)
        log = Path(folder) / "stack.log"
        print(f"starting the {load().backend} stack and the vendor sandbox", flush=True)
        stack = Child("infra.run", log=log)
        try:
            stack.wait_for("ready", START_TIMEOUT_S)
            status = asyncio.run(_demo(running.read(Path(folder)), began))
        except (StackError, httpx.HTTPError, TimeoutError) as error:
            print(f"demo failed: {type(error).__name__}: {error}\n--- end of the stack's log", file=sys.stderr)
            print("\n".join(log.read_text(errors="replace").splitlines()[-60:]), file=sys.stderr)
            status = 1
        finally:
            ended = stack.stop()
        if ended != 0:
            print(f"the stack ended with status {ended}, not 0", file=sys.stderr)
        return status or ended


async def _demo(stack: running.Running, began: float) -> int:
    cases = [Case(event) for event in events(os.environ)]
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        (await http.post(f"{stack.sandbox}/_orders", json=ORDERS)).raise_for_status()
        (await http.post(f"{stack.sandbox}/_people", json=PEOPLE)).raise_for_status()
        hooks = [
            {"vendor": v, "url": f"{stack.intake}/{v}", "secret": os.environ[f"{v.upper()}_WEBHOOK_SECRET"]}
            for v in ("stripe", "slack")
        ]
        (await http.post(f"{stack.sandbox}/_webhooks", json=hooks)).raise_for_status()
        with Board(cases) as board:
            for again in (False, True):  # of two at once, either may come first
                for case in cases:
                    if (case.event.reason == "repeated") == again:
                        await _send(http, stack, case)
                        board.refresh()
                await _settle(http, stack, cases, board)
            for case in cases:
                if case.decision:
                    await _decide(http, stack, case)
            await _settle(http, stack, cases, board, decided=True)
        ledger = (await http.get(f"{stack.sandbox}/_ledger")).json()
        known = (await http.get(f"{stack.console}/api/tasks", params={"limit": 100})).json()["tasks"]
    problems = [*_problems(cases, ledger), *_of_echoes(cases, ledger, known)]
    summary(cases, ledger, problems, time.monotonic() - began)
    return 1 if problems else 0


async def _send(http: httpx.AsyncClient, stack: running.Running, case: Case) -> None:
    """Send an event as its vendor does: again, where intake could not take it in time."""
    for _ in range(SENDINGS):
        answer = await http.post(stack.intake + case.event.path, content=case.event.body, headers=case.event.headers)
        if answer.status_code != 503:
            break
        await asyncio.sleep(PAUSE_S)
    case.status = answer.status_code
    said = answer.json() if answer.status_code == 202 else {}
    case.task_id, case.parked = said.get("task_id", ""), said.get("parked", "")


async def _settle(
    http: httpx.AsyncClient, stack: running.Running, cases: list[Case], board: Board, *, decided: bool = False
) -> None:
    """Wait until every task rests: ended, or waiting for a person."""
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while time.monotonic() < deadline:
        for case in cases:
            if case.task_id:
                answer = await http.get(f"{stack.console}/api/tasks/{case.task_id}")
                if answer.status_code == 200:
                    case.record = answer.json()
        board.refresh()
        waits_for_us = [c for c in cases if decided and c.decision and c.state == "AWAITING_APPROVAL"]
        if not waits_for_us and all(c.state in RESTING for c in cases if c.task_id):
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(f"tasks still moving after {SETTLE_TIMEOUT_S:g} s")


async def _decide(http: httpx.AsyncClient, stack: running.Running, case: Case) -> None:
    """Decide as an ops person would: through the API, or straight in the approval's document."""
    if case.decision == "approve by document":
        async with running.documents(stack, load()) as store:
            (approval,) = await store.read(f"approvals/{case.task_id}")
            assert approval.data is not None, "a paused task has an approval"
            await store.commit(Write(approval.path, approval.data | {"status": "approved"}, approval.version))
        return
    shown = {name: case.record[name] for name in ("generation", "params_hash")}
    body = shown | {"decision": case.decision, "comment": "seen in the demo"}
    answer = await http.post(f"{stack.console}/api/approvals/{case.task_id}", json=body)
    if answer.status_code != 200:
        raise StackError(f"the decision on {case.event.title!r} was refused: {answer.text}")


def _problems(cases: list[Case], ledger: dict[str, Any]) -> list[str]:
    found = []
    by_title = {c.event.title: c for c in cases}
    for case in cases:
        event = case.event
        if case.status != event.status:
            found.append(f"{event.title}: intake answered {case.status}, not {event.status}")
        elif event.state and case.state != event.state:
            found.append(f"{event.title}: ended {case.state}, not {event.state}")
        reasons = " ".join(case.record.get("decision", {}).get("reasons", []))
        if event.reason and event.reason not in reasons:
            found.append(f"{event.title}: {event.reason} is not among its reasons ({reasons})")
        if event.same_as and by_title[event.same_as].task_id != case.task_id:
            found.append(f"{event.title}: became a task of its own")
    wanted = Counter(e for c in cases for e in c.event.effects)
    got = Counter(effect_of(entry) for entry in ledger["entries"])
    if wanted != got:
        found.append(f"the ledger holds {dict(got)}, not {dict(wanted)}")
    return found


def _of_echoes(cases: list[Case], ledger: dict[str, Any], known: list[dict[str, Any]]) -> list[str]:
    """Return what is wrong with how our own effects were taken that the vendors told of: none may become a task."""
    ours = {case.task_id for case in cases}
    taken = [e for e in ledger["echoes"] if e["status"] != 200 and json.loads(e["body"]).get("revises") not in ours]
    found = [f"{e['kind']} of {e['vendor']} is taken for a request: {e['body']}" for e in taken]
    if not ledger["echoes"]:
        found.append("no vendor told of our effects")
    if strange := {task["task_id"] for task in known} - ours:
        found.append(f"there are tasks that nobody asked for: {', '.join(sorted(strange))}")
    return found


def effect_of(entry: dict[str, Any]) -> str:
    """Return a ledger entry in words: vendor, operation, and the amount where there is one."""
    amount = entry.get("amount_minor")
    return " ".join(str(w) for w in (entry["vendor"], entry["operation"], amount) if w is not None)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
