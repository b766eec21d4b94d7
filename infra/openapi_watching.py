"""How people look again and work beside decisions: audits, breakers, switches, traces, notes; described."""

from __future__ import annotations

from collections.abc import Iterable

from functions.console.audits import AuditBody
from functions.console.breakers import RearmBody
from functions.console.figures import Report
from functions.console.report import MOST_DAYS
from functions.console.switches import SwitchBody
from functions.console.waterfall import Trace
from functions.console.working import BODIES
from infra.openapi_parts import Schema, answer, closed, operation, parameter, ref, refusals
from shared.task.audit import Audit
from shared.task.breaker import Breaker

MODELS = (
    *((body, "validation") for body in BODIES.values()),
    (AuditBody, "validation"),
    (RearmBody, "validation"),
    (SwitchBody, "validation"),
    (Audit, "serialization"),
    (Breaker, "serialization"),
    (Trace, "serialization"),
    (Report, "serialization"),
)


def paths(task_id: Iterable[Schema], refused: Schema) -> Schema:
    """Describe the paths; `refused` are the errors of what changes something."""
    found = _audits(list(task_id), refused) | _breakers(refused) | _switches(refused) | _traces(list(task_id))
    return found | _working(list(task_id), refused) | _report()


def _audits(task_id: list[Schema], refused: Schema) -> Schema:
    blind = {"type": "object", "description": "As Audit; of a blind one without what the classifier said"}
    listed = {"200": answer("Those that nobody has answered", closed(audits={"type": "array", "items": blind}))}
    answered = {"200": answer("The audit, closed", ref("Audit"))} | refused
    about = "List what ran by itself and wants a second look, oldest first."
    return {
        "/api/audits": {"get": operation("listAudits", about, listed | refusals(401, 403, 503))},
        "/api/audits/{task_id}": {
            "parameters": task_id,
            "post": operation("answerAudit", AuditBody.__doc__, answered, body=ref("AuditBody")),
        },
    }


def _traces(task_id: list[Schema]) -> Schema:
    where = "Where Cloud Trace shows how it began and its last part; none where spans do not go there"
    links = {"type": "array", "items": {"type": "string"}, "description": where}
    traced = closed(task_id=task_id[0]["schema"], traces={"type": "array", "items": ref("Trace")}, cloud_traces=links)
    shown = {"200": answer("Its traces, oldest first", traced)} | refusals(401, 403, 404, 410, 503)
    get = operation("traceTask", "Tell where the time of one task went.", shown)
    return {"/api/tasks/{task_id}/trace": {"parameters": task_id, "get": get}}


def _working(task_id: list[Schema], refused: Schema) -> Schema:
    done = {"200": answer("The task as it stands", ref("TaskRecord"))} | refused
    posts = {a: operation(f"{a}Task", body.__doc__, done, body=ref(body.__name__)) for a, body in BODIES.items()}
    return {f"/api/tasks/{{task_id}}/{a}": {"parameters": task_id, "post": post} for a, post in posts.items()}


def _breakers(refused: Schema) -> Schema:
    by_intent = {"type": "object", "additionalProperties": ref("Breaker")}
    listed = {"200": answer("By intent", closed(breakers=by_intent))} | refusals(401, 403, 503)
    armed = {"200": answer("The breaker, armed", {"type": "object"})} | refused
    return {
        "/api/breakers": {"get": operation("listBreakers", "List the breakers that have ever opened.", listed)},
        "/api/breakers/{intent}/rearm": {
            "parameters": [parameter("path", "intent", {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"})],
            "post": operation("rearmBreaker", RearmBody.__doc__, armed, body=ref("RearmBody")),
        },
    }


def _switches(refused: Schema) -> Schema:
    listed = {"200": answer("By intent", closed(switches={"type": "object"}))} | refusals(401, 403, 503)
    return {
        "/api/switches": {"get": operation("listSwitches", "List what the switch of each intent does.", listed)},
        "/api/switches/{intent}": {
            "parameters": [parameter("path", "intent", {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"})],
            "post": operation(
                "setSwitch",
                SwitchBody.__doc__,
                {"200": answer("The switch as it is now", {"type": "object"})} | refused,
                body=ref("SwitchBody"),
            ),
        },
    }


def _report() -> Schema:
    shown = answer("The numbers; as CSV one to a line", ref("Report"))
    shown["content"]["text/csv"] = {"schema": {"type": "string"}}
    asked = [
        parameter("query", "days", {"type": "integer", "minimum": 1, "maximum": MOST_DAYS, "default": 7}),
        parameter("query", "format", {"enum": ["json", "csv"], "default": "json"}),
    ]
    about = "Tell what became of the last days' tickets, who decided, what was corrected, and what it cost."
    get = operation("getReport", about, {"200": shown} | refusals(400, 401, 403, 503), parameters=asked)
    return {"/api/report": {"get": get}}
