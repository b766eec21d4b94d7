"""Webhooks and plain tasks: signed by the schemes of their sources over whatever body, or not signed at all."""

from __future__ import annotations

import json
import random
from codecs import BOM_UTF8
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import functions.intake.main as intake
from shared.event.signatures import sign
from shared.records.ignored import Count, Told
from shared.task.schemas import MAX_PAYLOAD_BYTES, AutomationTask
from shared.topics import COUNTED, EVENTS
from tests.fuzz import hostile, mutations
from tests.fuzz.case import CANARY, Answer, Broken, Case
from tests.fuzz.scenery import EMPTY, HEADERS, VENDORS, WEBHOOKS, secret_of
from tests.fuzz.wire import Wire
from tests.world import deployed, ticket

PATHS = (
    "/",
    *(f"/{vendor}" for vendor in VENDORS),
    "/hooks/crm",
    "/hooks/nobody",
    "/hooks/slack",
    "/healthz",
    "/hooks/",
)
APP = deployed(intake, "intake")
# A source without a secret, and a token where none are taken: settings, not inputs.
UNSET = frozenset({"secret_missing", "audience_missing"})
FORGED = (
    ("stripe-signature", f"t=1,v1={'0' * 64}"),
    ("x-hub-signature", f"sha256={'0' * 64}"),
    ("x-hub-signature-256", f"sha256={'0' * 64}"),
    ("x-slack-signature", f"v0={'0' * 64}"),
    ("x-slack-request-timestamp", "1767603600"),
    ("x-zendesk-webhook-signature", "AAAA"),
    ("x-zendesk-webhook-signature-timestamp", "2026-01-05T09:00:00Z"),
)


class Intake:
    """Scenes: `signed` (by the path's source, over the final body), `forged`, `cloud` (direct tasks need proof)."""

    name = "intake"
    share = 30

    def seeds(self) -> Sequence[Case]:
        cases = []
        for file in sorted(WEBHOOKS.glob("*.json")):
            vendor = file.name.partition("_")[0]
            body = json.dumps(json.loads(file.read_bytes()) | {"note": CANARY}).encode()
            cases.append(Case(self.name, "signed", body, path=f"/{vendor}", headers=HEADERS))
        event = {"channel": "C1", "ts": "1.2", "user": "U1", "subtype": "file_share", "text": CANARY}
        shared = json.dumps({"type": "event_callback", "event": event}).encode()
        hook = json.dumps({"id": 7, "priority": 4, "text": CANARY}).encode()
        task = ticket(CANARY, priority=4, metadata={"team": "eu"}).model_dump_json().encode()
        return [
            *cases,
            Case(self.name, "signed", shared, path="/slack", headers=HEADERS),
            Case(self.name, "signed", hook, path="/hooks/crm", headers=HEADERS),
            Case(self.name, "signed", task, headers=HEADERS),
            Case(self.name, "cloud", task, headers=HEADERS),
            Case(self.name, "forged", hook, path="/stripe", headers=HEADERS),
            Case(self.name, "signed", method="GET", path="/healthz", headers=HEADERS),
            Case(self.name, "signed", method="GET", path="/openapi.json", headers=HEADERS),
        ]

    def mutate(self, rng: random.Random, case: Case, other: Case) -> Case:
        match rng.randrange(20):
            case 0:
                return case.but(path=rng.choice(PATHS) if rng.random() < 0.7 else f"/hooks/{hostile.text(rng)[:300]}")
            case 1:
                return case.but(scene=rng.choice(("signed", "forged", "cloud")))
            case 2:
                return case.but(body=other.body)
            case 3 if case.scene == "forged":
                return case.but(headers=mutations.headers(rng, (*HEADERS, *FORGED)))
            case 4 | 5 | 6:
                return mutations.envelope(rng, case)
        return case.but(body=mutations.json_body(rng, case.body, other.body))

    async def run(self, case: Case, wire: Wire) -> Sequence[Answer]:
        world = EMPTY.world(backend="gcp" if case.scene == "cloud" else "embedded")
        answer = await wire.call(
            APP, self._signed(case), expected_503=UNSET, shows_records=case.path == "/openapi.json"
        )
        counts = [data for _, data, attributes in world.publisher.messages if COUNTED in attributes]
        if counts and (answer.status != 200 or sum(c.count for c in _told(counts)) != 1):
            raise Broken("ignored is counted, and nothing else", f"{answer.status}, {len(counts)} messages")
        messages = [m for m in world.publisher.messages if COUNTED not in m[2]]
        if (answer.status == 202) != (len(messages) == 1):
            raise Broken("accepted is published", f"{answer.status}, {len(messages)} messages")
        if any(line["severity"] == "ERROR" for line in answer.lines):
            raise Broken("stranger raises an alarm", answer.code)
        for topic, data, attributes in messages:
            if case.scene == "forged" and case.path != "/":
                raise Broken("forged webhook is refused", case.path)
            if topic == EVENTS:
                if data != case.body or case.path == "/" or len(json.dumps(attributes)) > 1024:
                    raise Broken("parked body is kept as it came", case.path)
                continue
            task = AutomationTask.model_validate_json(data)
            sent = json.loads(case.body.removeprefix(BOM_UTF8), strict=False, object_pairs_hook=_without_duplicates)
            if task.raw_payload != (sent["raw_payload"] if case.path == "/" else _mended(sent)):
                raise Broken("payload is passed on unchanged", topic)
            if len(data) > MAX_PAYLOAD_BYTES * 2 or len(json.dumps(attributes)) > 1024:
                raise Broken("message is bounded", f"{len(data)} bytes, {len(json.dumps(attributes))} of attributes")
        return [answer]

    def _signed(self, case: Case) -> Case:
        if case.scene == "forged" or (case.path == "/" and case.scene != "cloud"):
            return case
        source = {"/hooks/crm": "crm", "/": "direct"}.get(case.path, case.path.removeprefix("/"))
        scheme = source if source in VENDORS else "generic"
        if scheme == "generic" and source not in ("crm", "direct"):
            return case
        signature = sign(scheme, case.body, secret_of(source).encode(), datetime.now(UTC))
        return case.but(headers=(*case.headers, *signature.items()))


def _told(counts: Sequence[bytes]) -> list[Count]:
    days = [Told.model_validate_json(data).days for data in counts]
    return [count for day in days for told in day.values() for count in told]


def _mended(value: Any) -> Any:
    """Write what has one reading as intake may: character by character."""
    if isinstance(value, str):
        return "".join("\ufffd" if 0xD800 <= ord(c) < 0xE000 else c for c in value if c != "\x00")
    if isinstance(value, dict):
        return _without_duplicates([(_mended(key), _mended(item)) for key, item in value.items()])
    return [_mended(item) for item in value] if isinstance(value, list) else value


def _without_duplicates(members: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(members)) < len(members):
        raise Broken("of two members one is dropped in silence", str([key for key, _ in members])[:200])
    return dict(members)
