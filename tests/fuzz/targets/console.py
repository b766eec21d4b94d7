"""The console's JSON API: paths, queries, bodies and hosts, over tasks in every state."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import functions.console.main as console
from shared.canonical import sha256_hex
from shared.task.letter import DeadLetter
from shared.task.schemas import TaskRecord
from tests.fuzz import hostile, mutations
from tests.fuzz.case import CANARY, Answer, Broken, Case
from tests.fuzz.scenery import HEADERS, Scenery
from tests.fuzz.wire import Wire
from tests.world import deployed

APP = deployed(console, "console")
TOKEN = "MjAyNi0wMS0wNVQwOTowMDowMCswMDowMHx0YXNrcy9mYWlsZWQ="
QUERIES = (
    "",
    "limit=2",
    "state=READY",
    "intent=refund_request&limit=200",
    f"limit=3&page_token={TOKEN}",
    "page_token=MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMHx0YXNrcy90MQ==",
    "order=oldest&source=helpdesk",
    "since=2026-01-01&until=2026-01-05T09:00:00%2B02:00",
)
NAMES = (
    "ready",
    "paused",
    "unclear",
    "done",
    "failed",
    "unknown",
    "rejected",
    "nobody",
    "..",
    "a/b",
    "%2e",
    "é",
    "x" * 129,
)

LOST, UNSURE = (sha256_hex(name) for name in (b"lost", b"unsure"))
# Letters by id: of which task they are; one of no task, one of a task that was never stored.
LETTERS = {LOST: None, UNSURE: "unknown"} | {
    sha256_hex(name.encode()): name for name in ("failed", "done", "paused", "nobody")
}
MESSAGE = b'{"task_id":"lost"}'


class Console:
    """Scene: none."""

    name = "console"
    share = 18

    def __init__(self, scenery: Scenery) -> None:
        self._scenery = _with_letters(scenery)
        self._shown = {
            path.removeprefix("tasks/"): {"generation": data["generation"], "params_hash": data["params_hash"]}
            for path, (data, _) in scenery.documents.items()
            if path.startswith("tasks/")
        }
        self._intents = {name: scenery.documents[f"tasks/{name}"][0]["intent"] for name in self._shown}

    def seeds(self) -> Sequence[Case]:
        def post(path: str, **body: Any) -> Case:
            return Case(self.name, "", json.dumps(body).encode(), path=path, headers=HEADERS)

        def repair(name: str, action: str, **body: Any) -> Case:
            return post(f"/api/tasks/{name}/{action}", reason=CANARY, **self._shown[name], **body)

        refund = {"order_id": "#10021", "amount_minor": 100, "currency": "USD"}
        return [
            *(Case(self.name, "", method="GET", path="/api/tasks", query=q, headers=HEADERS) for q in QUERIES),
            *(
                Case(self.name, "", method="GET", path=p, headers=HEADERS)
                for p in (
                    "/healthz",
                    "/api/tasks/done",
                    "/openapi.json",
                    "/api/counts",
                    "/api/policy",
                    "/api/dead-letters",
                    *(f"/api/dead-letters/{x}" for x in LETTERS),
                )
            ),
            *(
                post(f"/api/approvals/{name}", decision=said, comment=CANARY, **self._shown[name], **more)
                for name in ("paused", "unclear", "done")
                for said in ("approve", "reject", "edit")
                for more in ({}, {"parameters": refund}, {"intent": "refund_request", "parameters": refund})
            ),
            repair("failed", "redrive"),
            repair("unknown", "redrive", verdict="not_applied"),
            repair("rejected", "redrive", intent="refund_request", parameters=refund),
            repair("rejected", "redrive", alone=False),
            repair("unknown", "settle", verdict="applied"),
            repair("paused", "cancel"),
            *(post(f"/api/dead-letters/{x}/redrive", reason=CANARY) for x in LETTERS),
            *(
                post(f"/api/dead-letters/{x}/redrive", reason=CANARY, verdict="not_applied", task=self._shown[name])
                for x, name in LETTERS.items()
                if name in self._shown
            ),
            post(f"/api/dead-letters/{LOST}/close", reason=CANARY),
        ]

    def mutate(self, rng: random.Random, case: Case, other: Case) -> Case:
        match rng.randrange(12):
            case 0:
                collection, names = rng.choice((("tasks", NAMES), ("approvals", NAMES), ("dead-letters", [*LETTERS])))
                action = rng.choice(("", "", "/redrive", "/settle", "/cancel", "/close", "/"))
                return case.but(path=f"/api/{collection}/{rng.choice(names)}{action}")
            case 1:
                name = rng.choice(
                    (
                        "limit",
                        "state",
                        "intent",
                        "page_token",
                        "source",
                        "since",
                        "until",
                        "order",
                        "open",
                        "limit%00",
                        hostile.key(rng),
                    )
                )
                plain = hostile.text(rng)
                raw = f"{name}={quote(plain, errors='replace') if rng.random() < 0.5 else plain}"
                return case.but(query="&".join(filter(None, (case.query, raw)))[-2000:])
            case 2 if case.query:
                return case.but(
                    query=mutations.raw_bytes(rng, case.query.encode("utf-8", "replace")).decode("utf-8", "replace")[
                        :3000
                    ]
                )
            case 3:
                return case.but(path=other.path, method=other.method)
            case 4 | 5:
                return mutations.envelope(rng, case)
        return case.but(body=mutations.json_body(rng, case.body, other.body))

    async def run(self, case: Case, wire: Wire) -> Sequence[Answer]:
        world = self._scenery.world()
        answer = await wire.call(APP, case, shows_records=True)
        if answer.status == 200 and answer.body:
            json.loads(answer.body, parse_constant=_no_json)
        changed = self._scenery.changed(world)
        if changed and (case.method != "POST" or answer.status != 200):
            raise Broken("only an accepted POST changes", f"{case.method} {answer.status}")
        for _, data, _ in [m for m in world.publisher.messages if m[0] == "tasks"]:
            if data != MESSAGE or f"/{LOST}/redrive" not in case.path:
                raise Broken("sent what nobody asked for", repr(data[:100]))
        for record, parameters in await self._scenery.run_what_may_run(world):
            self._must_be_wanted(case, record, parameters)
        return [answer]

    def _must_be_wanted(self, case: Case, record: TaskRecord, parameters: dict[str, Any]) -> None:
        """Raise Broken unless this request, read by another parser, asks for what ran."""
        body = json.loads(case.body)
        look = body.get("task") if "/dead-letters/" in case.path else body
        shown = self._shown[record.task_id]
        if not isinstance(look, dict) or {name: look.get(name) for name in shown} != shown:
            raise Broken("ran what nobody had looked at", record.task_id)
        approves = body.get("decision") == "approve"
        redrives = "/redrive" in case.path and isinstance(body.get("reason"), str) and "decision" not in body
        names = [record.task_id, *(x for x, task_id in LETTERS.items() if task_id == record.task_id)]
        named = any(f"/{name}" in case.path for name in names)
        if not (redrives or (approves and "/approvals/" in case.path)) or not named:
            raise Broken("ran what nobody asked for", record.task_id)
        if record.intent != (self._intents[record.task_id] if body.get("intent") is None else body["intent"]):
            raise Broken("ran another intent than was asked for", record.intent)
        wanted = body.get("parameters")
        if wanted is not None and {k: v for k, v in parameters.items() if v is not None} != wanted:
            raise Broken("ran with other parameters than were asked for", record.intent)


def _with_letters(scenery: Scenery) -> Scenery:
    """Return the scenery with dead letters that nobody has seen to."""
    world = scenery.world()
    for letter_id, task_id in LETTERS.items():
        topic, data = ("tasks", MESSAGE) if letter_id == LOST else ("results", b"{}")
        letter = DeadLetter(
            subscription=topic,
            message_id="m",
            task_id=task_id,
            reason="dead_lettered",
            outcome="undecodable",
            data=base64.b64encode(data).decode(),
            created_at=scenery.now,
            expire_at=scenery.now,
        )
        world.store.put(f"dead_letters/{letter_id}", **letter.model_dump())
    return Scenery(world.store.documents, world.now)


def _no_json(word: str) -> None:
    raise Broken("answer is no JSON", word)
