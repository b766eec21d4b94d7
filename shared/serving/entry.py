"""What stands around every step: request in, response out, one log line, errors mapped to statuses in one place."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from shared import tracing
from shared.errors import BadRequest, Misconfigured, NotFound, Retry, SettingError, SwitchyardError, TooLarge
from shared.logs import Severity, log, show_traceback, where
from shared.serving import collector
from shared.serving.connections import keep_connections
from shared.serving.push import MAX_ENVELOPE_BYTES, Delivery, parse

UNTRACED = frozenset({"GET", "HEAD"})  # they change nothing, and pages and probes ask all day long
# Whose requests are spans. Of others a delivery is one, or what they do for a task: mostly they find nothing to do.
ASKED_BY_OTHERS = frozenset({"intake", "console", "chat"})

MEMBERS = frozenset({"task_id", "source", "raw_payload", "priority", "metadata"})  # of a task, as it is sent

if "FUNCTION_TARGET" in os.environ:  # functions-framework loads this before it builds its server
    keep_connections()
    collector.pause()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended: a stable word, the answer, and allow-listed fields for the log line."""

    code: str
    status: int = 200
    body: dict[str, Any] | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    severity: Severity = "INFO"


Step = Callable[[Delivery], Awaitable[Outcome]]
Made = Callable[[], Delivery]


async def guard(function: str, request: Request | None, work: Callable[[], Awaitable[Response]]) -> Response:
    """Run `work`; answer any error with its status and stable code, never with a traceback or with input."""
    if request is None or not tracing.is_on() or request.method in UNTRACED:
        return await _answered(function, request, work)
    if function not in ASKED_BY_OTHERS:
        return await _flushed(await _answered(function, request, work))
    parent = tracing.parent_of(request.headers)
    with tracing.entered(function, parent, kind="server", function=function, method=request.method) as seen:
        response = await _answered(function, request, work)
        seen.tell(status=response.status_code)
    return await _flushed(response)


async def _flushed(response: Response) -> Response:
    if tracing.flush_is_due():
        await tracing.flush()
    return response


async def _answered(function: str, request: Request | None, work: Callable[[], Awaitable[Response]]) -> Response:
    try:
        return await work()
    except SwitchyardError as error:
        _log_error(function, request, error)
        return error_response(error)
    except Exception as error:  # the last line of defence: the framework would print a raw traceback
        log(
            "ERROR",
            "unexpected error",
            function=function,
            outcome="internal",
            error_type=type(error).__name__,
            operation=where(error),
            trace_id=trace_id(request),
        )
        show_traceback(error)
        return error_response(SwitchyardError("an unexpected error; see the log", code="internal"))
    finally:
        collector.resume()  # by the first answer all is loaded that most requests need


async def serve_push(function: str, request: Request, step: Step) -> Response:
    """Parse the push envelope, run the step, log one canonical line, and answer: 2xx acknowledges, 503 retries."""

    async def work() -> Response:
        return await _take(function, request, parse(await read_body(request, MAX_ENVELOPE_BYTES)), step)

    return await _flushed(await _answered(function, request, work))


def _of(function: str, delivery: Delivery) -> dict[str, Any]:
    """Return what a span says of a delivery: each attempt has its own."""
    return {
        "function": function,
        "system": "gcp_pubsub",
        "subscription": delivery.subscription,
        "message_id": delivery.message_id,
        "attempt": delivery.attempt,
    }


async def serve_delivery(function: str, made: Made, step: Step) -> int:
    """Return the status that `serve_push` would answer, where bus and function are one process and need no HTTP.

    `made` returns the delivery, or raises as `parse` does.
    """

    async def work() -> Response:
        return await _take(function, None, made(), step)

    return (await guard(function, None, work)).status_code


async def _take(function: str, request: Request | None, delivery: Delivery, step: Step) -> Response:
    began = started()
    try:
        with tracing.entered(function, delivery.traceparent, kind="consumer", **_of(function, delivery)):
            outcome = await step(delivery)
            log_outcome(function, outcome, began, delivery)
    except Retry as error:
        _log_error(function, request, error, delivery)
        return error_response(error)
    return Response(status_code=outcome.status)


def announced_bytes(request: Request) -> int | None:
    """Return how long the caller says that the body is; None where it does not say, or not as a number."""
    said = request.headers.get("content-length", "")
    # int() refuses superscript digits and thousands of digits with an error of its own.
    return int(said[:19]) if said.isascii() and said.isdigit() else None


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body, reading no further than `limit` bytes.

    Raises:
        TooLarge: the announced or the actual size is over the limit.
        BadRequest: `incomplete_body`: the caller went away.
    """
    announced = announced_bytes(request)
    if announced is not None and announced > limit:
        raise TooLarge(f"the body has {announced} bytes; at most {limit} are taken")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise TooLarge(f"the body is over {limit} bytes")
    except ClientDisconnect:
        raise BadRequest("the connection closed before the whole body arrived", code="incomplete_body") from None
    return bytes(body)


def error_response(error: SwitchyardError) -> JSONResponse:
    """Return `{"error": {code, message, field}}` with the status of the error's branch."""
    headers = {}
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(retry_after_s)))
    # What a setting holds is for the log: whoever asks may be anybody.
    message = "a setting cannot be used; the log says why" if isinstance(error, SettingError) else error.message
    body = {"code": error.code, "message": message, "field": error.field}
    return JSONResponse({"error": body}, status_code=status_of(error), headers=headers)


def status_of(error: SwitchyardError) -> int:
    """Map an error to its HTTP status: the only such table."""
    if isinstance(error, BadRequest | Retry):
        return error.status
    return 503 if isinstance(error, SettingError) else 500


def started() -> float:
    """Return the moment a unit of work began, for `log_outcome`."""
    return time.perf_counter()


def log_outcome(function: str, outcome: Outcome, began: float, delivery: Delivery | None = None) -> None:
    """Write the canonical line of one unit of work, and say the same on its span; `began` comes from `started()`."""
    tracing.tell(outcome=outcome.code, **outcome.fields)
    fields: dict[str, Any] = {"execution_time_ms": round((time.perf_counter() - began) * 1000, 1)}
    if delivery is not None:
        fields |= {
            "attempt": delivery.attempt,
            "message_id": delivery.message_id,
            "trace_id": delivery.trace_id,
            "subscription": delivery.subscription,
        }
    log(outcome.severity, outcome.code, function=function, outcome=outcome.code, **(fields | outcome.fields))


def trace_id(request: Request | None) -> str:
    """Return the caller's trace id (W3C traceparent or Google's header), or an empty string: that of its spans here."""
    return "" if request is None else tracing.trace_id_of(tracing.parent_of(request.headers))


def _log_error(
    function: str, request: Request | None, error: SwitchyardError, delivery: Delivery | None = None
) -> None:
    log(
        _severity(error),
        error.message if isinstance(error, SettingError) else error.code,
        function=function,
        outcome="refused" if status_of(error) < 500 else "retry",
        error_code=error.code,
        field=_named_by_us(error.field),
        status=status_of(error),
        trace_id=delivery.trace_id if delivery else trace_id(request),
        message_id=delivery.message_id if delivery else None,
        attempt=delivery.attempt if delivery else None,
    )


def _severity(error: SwitchyardError) -> Severity:
    """ERROR is for operators: nobody outside may raise it at will, as a call of any /hooks/<name> could."""
    if isinstance(error, NotFound):
        return "INFO"
    if error.code in ("secret_missing", "audience_missing"):
        return "WARNING"
    return "ERROR" if isinstance(error, Misconfigured | SettingError) or status_of(error) == 500 else "WARNING"


def _named_by_us(field: str | None) -> str | None:
    """Return the name of a header, a setting or a task's member; another pointer may hold keys of a payload."""
    return None if field is None or (field.startswith("/") and field[1:] not in MEMBERS) else field
