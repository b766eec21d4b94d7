"""`python -m infra.openapi [--check]`: what intake and the console's JSON API take and answer, as OpenAPI 3.1.

Made from the models and tables that the functions run on; committed beside them, so that they can serve it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from functions.console import labels, privacy, router
from functions.console.acting import ACTIONS, DecisionBody, LookBody, RepairBody
from functions.console.api import LETTER_ACTIONS, LetterBody
from functions.console.search import COUNT_UP_TO, COUNTED, MAX_PAGE, ORDERS
from functions.console.whatif_api import SimulateBody
from functions.intake.room import MAX_WEBHOOK_BYTES
from functions.intake.sources import MAX_NAME_CHARS, NAME, VENDORS, Source, source_at
from infra import openapi_watching
from infra.openapi_parts import Schema, answer, closed, operation, parameter, ref, refusals
from shared.event.signatures import sign
from shared.records.ignored import Count, Date
from shared.task.label import Label
from shared.task.letter import DeadLetter, LetterRow
from shared.task.router import Hash, Report, Version
from shared.task.schemas import MAX_PAYLOAD_BYTES, AutomationTask, State, TaskId, TaskRecord, TaskRow

ROOT = Path(__file__).resolve().parent.parent

_REST = "Other paths answer 404 and other methods 405, with an error of the same form."
_BODY = (400, 413, 415)
_DECIDE = (*_BODY, 401, 403, 404, 409, 410, 422, 503)


def documents() -> dict[Path, Schema]:
    """Return each function's description by the file it belongs in."""
    return {ROOT / "functions/intake/openapi.json": intake(), ROOT / "functions/console/openapi.json": console()}


def intake() -> Schema:
    """Describe webhooks and plain tasks."""
    task_id = TypeAdapter(TaskId).json_schema()
    either = {"description": "its id instead, if something else came under task_id before"}
    named = closed(task_id=task_id, or_task_id=task_id | either)
    accepted = {"202": answer("The bus has acknowledged the task", named)}
    answers = accepted | refusals(*_BODY, 401, 503)
    ignored = answer(
        "Nothing became of it: an event that asks nothing of anybody, or a handshake",
        {"anyOf": [closed(ignored={"const": True}, reason={"type": "string"}), closed(challenge={"type": "string"})]},
    )
    told = {"description": "the task that it takes words back from, or whose effect it proves, if there is one"}
    revises = closed(revises=task_id | told)
    parked = closed(parked={"type": "string", "description": "why the body could not be read; people see it"})
    safe = answer("The bus has acknowledged the task, or the body that is parked", {"anyOf": [named, revises, parked]})
    signed = answers | {"200": ignored, "202": safe}
    reply = closed(response_type={"const": "ephemeral"}, text={"type": "string"})
    hook = _webhook("acceptEvent", source_at("/hooks/name"), signed)
    direct = operation("acceptTask", AutomationTask.__doc__, answers | refusals(403), body=ref("AutomationTask"))
    source_name = parameter(
        "path", "source", {"type": "string", "maxLength": MAX_NAME_CHARS, "pattern": f"^{NAME.pattern}$"}
    )
    paths: Schema = {
        "/": {"post": direct | {"security": [{}, {"idToken": []}]}},
        "/hooks/{source}": {"parameters": [source_name], "post": hook},
    }
    for name in VENDORS:
        source = source_at(f"/{name}")
        paths[f"/{name}"] = {"post": _webhook(f"accept{name.title()}", source, signed)}
    paths["/slack"]["post"]["responses"]["200"] = answer(
        "Nothing became of it; or, to a command or a shortcut, what became of it", {"anyOf": [*_either(ignored), reply]}
    )
    limits = f"at most {MAX_WEBHOOK_BYTES} bytes of a webhook, {MAX_PAYLOAD_BYTES} of a task"
    about = f"Takes events, {limits}, and answers once they are safe."
    described = _document("Switchyard intake", about, paths, [(AutomationTask, "validation")])
    token = {"type": "http", "scheme": "bearer", "description": "A Google-signed ID token; or the generic signature"}
    described["components"]["securitySchemes"] = {"idToken": token}
    return described


def console() -> Schema:
    """Describe what people's tools look at and decide."""
    record = {"200": answer("The task as it stands", ref("TaskRecord"))}
    task_id = [parameter("path", "task_id", TypeAdapter(TaskId).json_schema())]
    page = closed(tasks={"type": "array", "items": ref("TaskRow")}, next_page_token={"type": ["string", "null"]})
    query = [
        parameter(
            "query", "q", {"type": "string", "description": "words, all of which stand in it: mail, order, ticket, id"}
        ),
        parameter("query", "state", TypeAdapter(State).json_schema()),
        parameter("query", "intent", {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}),
        parameter("query", "source", {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}),
        parameter("query", "requester", {"type": "string", "description": "part of it"}),
        parameter("query", "assignee", {"type": "string", "description": "part of it; me: yours alone"}),
        parameter("query", "decided_by", {"type": "string", "description": "part of it; me: what you decided"}),
        parameter("query", "closed", {"enum": ["yes", "no"], "description": "FAILED ones that somebody closed"}),
        parameter("query", "min", {"type": "string", "description": "an amount such as 25.00, in any currency"}),
        parameter("query", "max", {"type": "string", "description": "an amount such as 25.00, in any currency"}),
        parameter("query", "older", {"type": "string", "description": "an age such as 30min, 2h or 3d"}),
        parameter("query", "since", {"type": "string", "description": "ISO 8601; without a zone it is UTC"}),
        parameter("query", "until", {"type": "string", "description": "ISO 8601; without a zone it is UTC"}),
        parameter(
            "query", "order", {"enum": list(ORDERS), "default": "newest", "description": "urgent, amount: with state"}
        ),
        parameter("query", "limit", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 50}),
        parameter("query", "page_token", {"type": "string", "description": "`next_page_token` of the page before"}),
    ]
    paths: Schema = {
        "/api/tasks": {
            "get": operation(
                "listTasks",
                "List tasks without payloads and followups.",
                {"200": answer("One page", page)} | refusals(400, 401, 403, 503),
                parameters=query,
            )
        },
        "/api/tasks/{task_id}": {
            "parameters": task_id,
            "get": operation("getTask", "Show one task.", record | refusals(401, 403, 404, 410, 503)),
        },
        "/api/approvals/{task_id}": {
            "parameters": task_id,
            "post": operation("decide", DecisionBody.__doc__, record | refusals(*_DECIDE), body=ref("DecisionBody")),
        },
    }
    letters = closed(
        dead_letters={"type": "array", "items": ref("LetterRow")}, next_page_token={"type": ["string", "null"]}
    )
    letter_query = [q for q in query if q["name"] in ("limit", "page_token")]
    letter_query.append(parameter("query", "open", {"const": "true", "description": "only what nobody has seen to"}))
    letter_id = [parameter("path", "letter_id", {"type": "string", "pattern": "^[0-9a-f]{8,64}$"})]
    paths["/api/dead-letters"] = {
        "get": operation(
            "listDeadLetters",
            "List dead letters, newest first, without their bytes.",
            {"200": answer("One page", letters)} | refusals(400, 401, 403, 503),
            parameters=letter_query,
        )
    }
    one = {"200": answer("The letter with its bytes", ref("DeadLetter"))} | refusals(401, 403, 404, 503)
    paths["/api/dead-letters/{letter_id}"] = {
        "parameters": letter_id,
        "get": operation("getDeadLetter", "Show one dead letter.", one),
    }
    seen_to = {"200": answer("What was done", closed(letter_id={"type": "string"}, state={"type": "string"}))}
    for action in LETTER_ACTIONS:
        paths[f"/api/dead-letters/{{letter_id}}/{action}"] = {
            "parameters": letter_id,
            "post": operation(
                f"{action}DeadLetter", LetterBody.__doc__, seen_to | refusals(*_DECIDE), body=ref("LetterBody")
            ),
        }
    counted = closed(
        **{name: {"type": "integer"} for name in (*COUNTED, "dead_letters")},
        up_to={"const": COUNT_UP_TO, "description": "where counting stops: that many or more"},
    )
    paths["/api/counts"] = {
        "get": operation(
            "count", "Count what wants somebody.", {"200": answer("Counts", counted)} | refusals(401, 403, 503)
        )
    }
    day = closed(day=TypeAdapter(Date).json_schema(), counts={"type": "array", "items": ref("Count")})
    days = closed(days={"type": "array", "items": day, "description": "the last seven, today first"})
    paths["/api/ignored"] = {
        "get": operation(
            "countIgnored",
            "Count events that asked nothing of anybody.",
            {"200": answer("Counts", days)} | refusals(401, 403, 503),
        )
    }
    policy = {"200": answer("Policy", {"type": "object"})} | refusals(401, 403, 503)
    paths["/api/policy"] = {"get": operation("getPolicy", "Tell what decides today, and who asks.", policy)}
    compared = {"200": answer("What would be different", {"type": "object"})} | refusals(*_BODY, 401, 403, 422, 503)
    paths["/api/policy/simulate"] = {
        "post": operation("simulatePolicy", SimulateBody.__doc__, compared, body=ref("SimulateBody"))
    }
    for action in ACTIONS:
        body = LookBody if action == "undo" else RepairBody
        paths[f"/api/tasks/{{task_id}}/{action}"] = {
            "parameters": task_id,
            "post": operation(action, body.__doc__, record | refusals(*_DECIDE), body=ref(body.__name__)),
        }
    paths |= _labels(query) | _privacy() | _router() | openapi_watching.paths(task_id, refusals(*_DECIDE))
    about = "Shows tasks and takes people's decisions. In the cloud behind the Identity-Aware Proxy."
    models = [
        (DecisionBody, "validation"),
        (RepairBody, "validation"),
        (LookBody, "validation"),
        (LetterBody, "validation"),
        (SimulateBody, "validation"),
        (TaskRow, "serialization"),
        *((body, "validation") for body in dict.fromkeys(body for _, body in privacy.WORKS.values())),
        *((body, "validation") for _, body in router.WORKS.values()),
        *openapi_watching.MODELS,
        (Report, "serialization"),
        (Version, "serialization"),
        (TaskRecord, "serialization"),
        (Label, "serialization"),
        (LetterRow, "serialization"),
        (DeadLetter, "serialization"),
        (Count, "serialization"),
    ]
    described = _document("Switchyard console", about, paths, models)
    schemas = described["components"]["schemas"]
    for name in ("LetterRow", "DeadLetter"):
        schemas[name]["properties"]["letter_id"] = {"type": "string"}
    return described


def _labels(query: list[Schema]) -> Schema:
    page = closed(labels={"type": "array", "items": ref("Label")}, next_page_token={"type": ["string", "null"]})
    asked = [q for q in query if q["name"] in labels.NAMES]
    asked.append(
        parameter("query", "texts", {"const": "true", "description": "with the words, while the task has them"})
    )
    shown = {"200": answer("One page", page)} | refusals(400, 401, 403, 503)
    counted = {"200": answer("Counts", {"type": "object"})} | refusals(401, 403, 503)
    return {
        "/api/labels": {
            "get": operation("listLabels", "List what decisions say of the classifier.", shown, parameters=asked)
        },
        "/api/labels/count": {"get": operation("countLabels", "Count decisions, and those that are proof.", counted)},
    }


def _privacy() -> Schema:
    shown = {"200": answer("What there is, or was done", {"type": "object"})} | refusals(*_BODY, 401, 403, 422, 503)
    paths: Schema = {"keys": {"get": operation("countKeys", "Count tasks, and those with a key.", shown)}}
    for name, (do, body) in privacy.WORKS.items():
        post = operation(f"{name}OfPerson", do.__doc__, shown, body=ref(body.__name__))
        paths[name] = paths.get(name, {}) | {"post": post}
    return {f"/api/privacy/{name}": path for name, path in paths.items()}


def _router() -> Schema:
    shown = {"200": answer("As it stands", {"type": "object"})} | refusals(401, 403, 503)
    known = {"200": answer("What is known of it", ref("Report"))} | refusals(400, 401, 403, 503)
    named = [parameter("query", "hash", TypeAdapter(Hash).json_schema(), required=True)]
    paths: Schema = {
        "": {"get": operation("getRouter", "Tell which version decides, and which is asked beside it.", shown)},
        "/report": {"get": operation("reportOfVersion", "Report on a candidate.", known, parameters=named)},
    }
    whole = {"200": answer("As it was uploaded", ref("Version"))} | refusals(400, 401, 403, 404, 422, 503)
    paths["/version"] = {"get": operation("getVersion", "Show one version whole.", whole, parameters=named)}
    done = {"200": answer("What was done", {"type": "object"})} | refusals(*_DECIDE)
    for name, (do, body) in router.WORKS.items():
        paths[f"/{name}"] = {"post": operation(f"{name}Router", do.__doc__, done, body=ref(body.__name__))}
    return {f"/api/router{name}": path for name, path in paths.items()}


def _document(title: str, about: str, paths: Schema, models: Iterable[Any]) -> Schema:
    _, schemas = models_json_schema(list(models), ref_template="#/components/schemas/{model}")
    at_fault = {"type": ["string", "null"], "description": "JSON pointer, header, parameter or setting at fault"}
    code = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
    error = closed(error=closed(code=code, message={"type": "string"}, field=at_fault))
    clock = {"type": "string", "description": "Why nothing is deleted or expires now; left out where all is well"}
    lost = {"type": "integer", "description": "Lines that could not be written to the log; left out where all were"}
    healthy = closed(status={"const": "ok"}, clock=clock, log_lines_lost=lost) | {"required": ["status"]}
    itself = {"200": answer("This document", {"type": "object"})}
    own = {
        "/healthz": {"get": operation("health", "Tell that the service runs.", {"200": answer("It runs", healthy)})},
        "/openapi.json": {"get": operation("describe", "Return this document.", itself)},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1", "description": f"{about} {_REST}"},
        "paths": paths | own,
        "components": {"schemas": schemas["$defs"] | {"Error": error}},
    }


def _webhook(name: str, source: Source, answers: Schema) -> Schema:
    """Describe a signed route: which headers carry the signature is asked of the signing code."""
    scheme = source.name if source.name in VENDORS else "generic"
    signature = sorted(sign(scheme, b"", b"example", datetime(2026, 1, 5, tzinfo=UTC)).items())
    headers = (parameter("header", n.title(), {"type": "string", "examples": [v]}, True) for n, v in signature)
    described = operation(name, source.verify.__doc__, answers, body={"type": "object"}, parameters=headers)
    described["requestBody"]["content"] = {media: {"schema": {"type": "object"}} for media in source.media}
    return described


def _either(answer: Schema) -> list[Schema]:
    schemas: list[Schema] = answer["content"]["application/json"]["schema"]["anyOf"]
    return schemas


def main() -> int:
    """Write the descriptions; with --check only say which are stale (exit status 1)."""
    check, stale = sys.argv[1:] == ["--check"], []
    for path, document in documents().items():
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        if not path.exists() or path.read_text() != text:
            stale.append(path)
            print(f"{'stale' if check else 'wrote'} {path.relative_to(ROOT)}")
            if not check:
                path.write_text(text)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
