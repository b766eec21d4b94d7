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

from functions.console import privacy
from functions.console.api import ACTIONS, LETTER_ACTIONS, MAX_PAGE, ORDERS, DecisionBody, LetterBody, RepairBody
from functions.console.search import COUNT_UP_TO, COUNTED
from functions.intake.room import MAX_WEBHOOK_BYTES
from functions.intake.sources import MAX_NAME_CHARS, NAME, VENDORS, Source, source_at
from shared import errors
from shared.event.signatures import sign
from shared.records.ignored import Count, Date
from shared.task.letter import DeadLetter, LetterRow
from shared.task.schemas import MAX_PAYLOAD_BYTES, AutomationTask, State, TaskId, TaskRecord, TaskRow

ROOT = Path(__file__).resolve().parent.parent
Schema = dict[str, Any]

_STATUSES: dict[int, type[errors.SwitchyardError]] = {
    error.status: error
    for error in (
        errors.BadRequest,
        errors.Unauthenticated,
        errors.Forbidden,
        errors.NotFound,
        errors.Gone,
        errors.MethodNotAllowed,
        errors.Refused,
        errors.TooLarge,
        errors.UnsupportedMediaType,
        errors.Unprocessable,
        errors.Retry,
    )
}
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
    named = _object(task_id=task_id, or_task_id=task_id | either)
    accepted = {"202": _json("The bus has acknowledged the task", named)}
    answers = accepted | _errors(*_BODY, 401, 503)
    ignored = _json(
        "Nothing became of it: an event that asks nothing of anybody, or a handshake",
        {"anyOf": [_object(ignored={"const": True}, reason={"type": "string"}), _object(challenge={"type": "string"})]},
    )
    told = {"description": "the task that it takes words back from, or whose effect it proves, if there is one"}
    revises = _object(revises=task_id | told)
    parked = _object(parked={"type": "string", "description": "why the body could not be read; people see it"})
    safe = _json("The bus has acknowledged the task, or the body that is parked", {"anyOf": [named, revises, parked]})
    signed = answers | {"200": ignored, "202": safe}
    reply = _object(response_type={"const": "ephemeral"}, text={"type": "string"})
    hook = _webhook("acceptEvent", source_at("/hooks/name"), signed)
    direct = _operation("acceptTask", AutomationTask.__doc__, answers | _errors(403), body=_ref("AutomationTask"))
    source_name = _parameter(
        "path", "source", {"type": "string", "maxLength": MAX_NAME_CHARS, "pattern": f"^{NAME.pattern}$"}
    )
    paths: Schema = {
        "/": {"post": direct | {"security": [{}, {"idToken": []}]}},
        "/hooks/{source}": {"parameters": [source_name], "post": hook},
    }
    for name in VENDORS:
        source = source_at(f"/{name}")
        paths[f"/{name}"] = {"post": _webhook(f"accept{name.title()}", source, signed)}
    paths["/slack"]["post"]["responses"]["200"] = _json(
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
    record = {"200": _json("The task as it stands", _ref("TaskRecord"))}
    task_id = [_parameter("path", "task_id", TypeAdapter(TaskId).json_schema())]
    page = _object(tasks={"type": "array", "items": _ref("TaskRow")}, next_page_token={"type": ["string", "null"]})
    query = [
        _parameter("query", "state", TypeAdapter(State).json_schema()),
        _parameter("query", "intent", {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}),
        _parameter("query", "source", {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}),
        _parameter("query", "since", {"type": "string", "description": "ISO 8601; without a zone it is UTC"}),
        _parameter("query", "until", {"type": "string", "description": "ISO 8601; without a zone it is UTC"}),
        _parameter("query", "order", {"enum": list(ORDERS), "default": "newest"}),
        _parameter("query", "limit", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 50}),
        _parameter("query", "page_token", {"type": "string", "description": "`next_page_token` of the page before"}),
    ]
    paths: Schema = {
        "/api/tasks": {
            "get": _operation(
                "listTasks",
                "List tasks without payloads and followups.",
                {"200": _json("One page", page)} | _errors(400, 401, 403, 503),
                parameters=query,
            )
        },
        "/api/tasks/{task_id}": {
            "parameters": task_id,
            "get": _operation("getTask", "Show one task.", record | _errors(401, 403, 404, 410, 503)),
        },
        "/api/approvals/{task_id}": {
            "parameters": task_id,
            "post": _operation("decide", DecisionBody.__doc__, record | _errors(*_DECIDE), body=_ref("DecisionBody")),
        },
    }
    letters = _object(
        dead_letters={"type": "array", "items": _ref("LetterRow")}, next_page_token={"type": ["string", "null"]}
    )
    letter_query = [q for q in query if q["name"] in ("limit", "page_token")]
    letter_query.append(_parameter("query", "open", {"const": "true", "description": "only what nobody has seen to"}))
    letter_id = [_parameter("path", "letter_id", {"type": "string", "pattern": "^[0-9a-f]{64}$"})]
    paths["/api/dead-letters"] = {
        "get": _operation(
            "listDeadLetters",
            "List dead letters, newest first, without their bytes.",
            {"200": _json("One page", letters)} | _errors(400, 401, 403, 503),
            parameters=letter_query,
        )
    }
    one = {"200": _json("The letter with its bytes", _ref("DeadLetter"))} | _errors(401, 403, 404, 503)
    paths["/api/dead-letters/{letter_id}"] = {
        "parameters": letter_id,
        "get": _operation("getDeadLetter", "Show one dead letter.", one),
    }
    seen_to = {"200": _json("What was done", _object(letter_id={"type": "string"}, state={"type": "string"}))}
    for action in LETTER_ACTIONS:
        paths[f"/api/dead-letters/{{letter_id}}/{action}"] = {
            "parameters": letter_id,
            "post": _operation(
                f"{action}DeadLetter", LetterBody.__doc__, seen_to | _errors(*_DECIDE), body=_ref("LetterBody")
            ),
        }
    counted = _object(
        **{name: {"type": "integer"} for name in (*COUNTED, "dead_letters")},
        up_to={"const": COUNT_UP_TO, "description": "where counting stops: that many or more"},
    )
    paths["/api/counts"] = {
        "get": _operation(
            "count", "Count what wants somebody.", {"200": _json("Counts", counted)} | _errors(401, 403, 503)
        )
    }
    day = _object(day=TypeAdapter(Date).json_schema(), counts={"type": "array", "items": _ref("Count")})
    days = _object(days={"type": "array", "items": day, "description": "the last seven, today first"})
    paths["/api/ignored"] = {
        "get": _operation(
            "countIgnored",
            "Count events that asked nothing of anybody.",
            {"200": _json("Counts", days)} | _errors(401, 403, 503),
        )
    }
    policy = {"200": _json("Policy", {"type": "object"})} | _errors(401, 403, 503)
    paths["/api/policy"] = {"get": _operation("getPolicy", "Tell what decides today, and who asks.", policy)}
    for action in ACTIONS:
        paths[f"/api/tasks/{{task_id}}/{action}"] = {
            "parameters": task_id,
            "post": _operation(action, RepairBody.__doc__, record | _errors(*_DECIDE), body=_ref("RepairBody")),
        }
    paths |= _privacy()
    about = "Shows tasks and takes people's decisions. In the cloud behind the Identity-Aware Proxy."
    models = [
        (DecisionBody, "validation"),
        (RepairBody, "validation"),
        (LetterBody, "validation"),
        (TaskRow, "serialization"),
        *((body, "validation") for body in dict.fromkeys(body for _, body in privacy.WORKS.values())),
        (TaskRecord, "serialization"),
        (LetterRow, "serialization"),
        (DeadLetter, "serialization"),
        (Count, "serialization"),
    ]
    described = _document("Switchyard console", about, paths, models)
    schemas = described["components"]["schemas"]
    for name in ("LetterRow", "DeadLetter"):
        schemas[name]["properties"]["letter_id"] = {"type": "string"}
    return described


def _privacy() -> Schema:
    answer = {"200": _json("What there is, or was done", {"type": "object"})} | _errors(*_BODY, 401, 403, 422, 503)
    paths: Schema = {"keys": {"get": _operation("countKeys", "Count tasks, and those with a key.", answer)}}
    for name, (do, body) in privacy.WORKS.items():
        post = _operation(f"{name}OfPerson", do.__doc__, answer, body=_ref(body.__name__))
        paths[name] = paths.get(name, {}) | {"post": post}
    return {f"/api/privacy/{name}": path for name, path in paths.items()}


def _document(title: str, about: str, paths: Schema, models: Iterable[Any]) -> Schema:
    _, schemas = models_json_schema(list(models), ref_template="#/components/schemas/{model}")
    at_fault = {"type": ["string", "null"], "description": "JSON pointer, header, parameter or setting at fault"}
    code = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
    error = _object(error=_object(code=code, message={"type": "string"}, field=at_fault))
    clock = {"type": "string", "description": "Why nothing is deleted or expires now; left out where all is well"}
    lost = {"type": "integer", "description": "Lines that could not be written to the log; left out where all were"}
    healthy = _object(status={"const": "ok"}, clock=clock, log_lines_lost=lost) | {"required": ["status"]}
    itself = {"200": _json("This document", {"type": "object"})}
    own = {
        "/healthz": {"get": _operation("health", "Tell that the service runs.", {"200": _json("It runs", healthy)})},
        "/openapi.json": {"get": _operation("describe", "Return this document.", itself)},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1", "description": f"{about} {_REST}"},
        "paths": paths | own,
        "components": {"schemas": schemas["$defs"] | {"Error": error}},
    }


def _operation(
    name: str, about: str | None, answers: Schema, *, body: Schema | None = None, parameters: Iterable[Schema] = ()
) -> Schema:
    operation = {"operationId": name, "summary": (about or "").partition("\n")[0], "parameters": list(parameters)}
    taken = {"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}} if body else {}
    return operation | taken | {"responses": dict(sorted(answers.items()))}


def _webhook(name: str, source: Source, answers: Schema) -> Schema:
    """Describe a signed route: which headers carry the signature is asked of the signing code."""
    scheme = source.name if source.name in VENDORS else "generic"
    signature = sorted(sign(scheme, b"", b"example", datetime(2026, 1, 5, tzinfo=UTC)).items())
    headers = (_parameter("header", n.title(), {"type": "string", "examples": [v]}, True) for n, v in signature)
    operation = _operation(name, source.verify.__doc__, answers, body={"type": "object"}, parameters=headers)
    operation["requestBody"]["content"] = {media: {"schema": {"type": "object"}} for media in source.media}
    return operation


def _either(answer: Schema) -> list[Schema]:
    schemas: list[Schema] = answer["content"]["application/json"]["schema"]["anyOf"]
    return schemas


def _parameter(where: str, name: str, schema: Schema, required: bool = False) -> Schema:
    return {"name": name, "in": where, "required": required or where == "path", "schema": schema}


def _errors(*statuses: int) -> Schema:
    """Describe error answers in the words of the error tree."""
    about = {s: (_STATUSES[s].__doc__ or "").removeprefix("Raised ").capitalize() for s in statuses}
    return {str(s): _json(about[s], _ref("Error")) for s in statuses}


def _json(about: str, schema: Schema) -> Schema:
    return {"description": about, "content": {"application/json": {"schema": schema}}}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


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
