"""generateContent over HTTP: authenticate, validate, take the next step of the script, answer like the real API."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from infra.gemini_server import tools
from infra.gemini_server.answers import Answerer, answer
from infra.gemini_server.faults import ERRORS, Faults, Step
from infra.gemini_server.requests import (
    Rejected,
    authenticate,
    content_of,
    instructions_of,
    is_of_several,
    items_of,
    validate,
)
from infra.gemini_server.several import answered

FINISH = ("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY")
ENDS = {"safety": "SAFETY", "max_tokens": "MAX_TOKENS", "max_tokens_empty": "MAX_TOKENS", "goes_on": "CONTINUATION"}
BLOCK = ("BLOCK_REASON_UNSPECIFIED", "SAFETY")
RPC = "type.googleapis.com/google.rpc."


@dataclass
class GeminiServer:
    """The server's state. `url` is set while it is being served."""

    faults: Faults = field(default_factory=Faults)
    answerer: Answerer = answer
    latency_ms: float = 0.0
    api_keys: Collection[str] = ()
    obedient: bool = False  # does what one message of several says of the others
    url: str = ""
    calls: int = 0
    tasks: int = 0  # answered in them
    in_flight: int = 0
    max_in_flight: int = 0
    prompt_tokens: int = 0  # at four characters each
    output_tokens: int = 0
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=100))  # the last bodies

    def script(self, *steps: str | Mapping[str, Any]) -> None:
        """Append steps, one per coming call, see `Faults.script`."""
        self.faults.script(steps)


def create_app(
    server: GeminiServer | None = None,
    *,
    answerer: Answerer = answer,
    latency_ms: float = 0.0,
    fault_rates: Mapping[str, float] | None = None,
    api_keys: Collection[str] = (),
    seed: int = 0,
) -> Starlette:
    """Return the ASGI app. Without `api_keys` every key that is not empty is good; `app.state.server` counts."""
    state = server or GeminiServer(Faults(fault_rates, seed), answerer, latency_ms, api_keys)
    app = Starlette(
        routes=[
            Route("/v1beta/models/{model}:generateContent", _generate, methods=["POST"]),
            Route("/v1/models/{model}:generateContent", _generate, methods=["POST"]),
            Route(
                "/v1beta1/projects/{project}/locations/{location}/publishers/google/models/{model}:generateContent",
                _generate,
                methods=["POST"],
            ),
            Route("/token", _token, methods=["POST"]),
            Route("/_script", _script, methods=["POST"]),
            Route("/_calls", _calls),
        ]
    )
    app.state.server = state
    return app


async def _generate(request: Request) -> Response:
    server: GeminiServer = request.app.state.server
    server.calls += 1
    server.in_flight += 1
    server.max_in_flight = max(server.max_in_flight, server.in_flight)
    try:
        return await _reply(server, request)
    except Rejected as no:
        details = [{"@type": f"{RPC}ErrorInfo", "reason": no.reason}] if no.reason else []
        return _error(no.http, no.status, no.message, details)
    finally:
        server.in_flight -= 1


async def _reply(server: GeminiServer, request: Request) -> Response:
    authenticate(request.headers, request.query_params, server.api_keys, vertex="project" in request.path_params)
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise Rejected(400, "INVALID_ARGUMENT", "Invalid JSON payload received.") from None
    validate(body)
    server.requests.append(body)
    step = server.faults.next()
    if step.fault == "hang":
        await _disconnected(request.receive)
    await asyncio.sleep(server.latency_ms / 1000)
    if step.fault in ERRORS:
        return _fault(step)
    if step.fault == "drop":
        return Unfinished(every_s=None)
    if step.fault == "trickle":
        return Unfinished(every_s=0.1)
    if step.fault == "not_json":
        return Response("<html>ok</html>", media_type="application/json")
    if step.fault == "bad_gateway":
        return Response("<html>502 Bad Gateway</html>", 502, media_type="text/html")
    by_number = "enum-encoding=int" in request.query_params.get("$alt", "")
    return JSONResponse(_answered(server, step, body, request.path_params["model"], by_number))


def _answered(server: GeminiServer, step: Step, body: dict[str, Any], model: str, by_number: bool) -> dict[str, Any]:
    prompt_tokens = (len(instructions_of(body)) + len(content_of(body)) + tools.characters(body)) // 4
    reply: dict[str, Any] = {"modelVersion": model, "responseId": f"local-{server.calls}"}
    text, finish = _text(server, step, body), "STOP"
    if step.fault == "safety_prompt":
        reply["promptFeedback"] = {"blockReason": 1 if by_number else BLOCK[1]}
    elif step.fault != "no_candidates":
        finish = ENDS.get(step.fault, finish)
        parts = _parts(step, body, text)
        content: dict[str, Any] = {"role": "model"} | ({"parts": parts} if parts else {})
        reply["candidates"] = [
            {"content": content, "finishReason": _number(finish) if by_number else finish, "index": 0}
            | ({"continuationToken": "bW9yZQ=="} if step.fault == "goes_on" else {})
        ]
    usage = {"promptTokenCount": prompt_tokens, "totalTokenCount": prompt_tokens + -(-len(text) // 4)}
    server.prompt_tokens += prompt_tokens
    server.output_tokens += usage["totalTokenCount"] - prompt_tokens
    if text:
        usage["candidatesTokenCount"] = usage["totalTokenCount"] - prompt_tokens
    return reply | {"usageMetadata": usage if step.usage is None else step.usage}


def _number(finish: str) -> int:
    return FINISH.index(finish) if finish in FINISH else 99  # newer than the SDK that asks for numbers


def _parts(step: Step, body: Mapping[str, Any], text: str) -> Sequence[Mapping[str, Any]]:
    if step.parts is not None:
        return step.parts
    if body.get("tools") and step.fault == "ok" and step.text is None:
        return tools.reply_to(body, json.loads(text)) or [{"text": text}]
    return [{"text": text}] if text else []


def _text(server: GeminiServer, step: Step, body: dict[str, Any]) -> str:
    if step.text is not None:
        return step.text
    if step.fault in ("safety", "safety_prompt", "max_tokens_empty", "no_candidates", "stop_empty"):
        return ""
    if step.fault == "malformed":
        return 'Sure! {"intent": "refund_request", '
    items = items_of(content_of(body))
    if is_of_several(body):
        server.tasks += len(items)
        said = answered(items, server.answerer, step.fault, obedient=server.obedient)
    else:
        server.tasks += 1
        said = server.answerer(items[0][1])
    text = json.dumps(said, ensure_ascii=False)
    return text[: len(text) // 2] if step.fault in ("max_tokens", "goes_on") else text


def _fault(step: Step) -> Response:
    http, status, message = ERRORS[step.fault]
    details: list[dict[str, Any]] = []
    if step.fault == "429":
        details.append({"@type": f"{RPC}QuotaFailure", "violations": [{"quotaMetric": "generate_requests"}]})
    if step.retry_delay_s is not None:
        details.append({"@type": f"{RPC}RetryInfo", "retryDelay": f"{step.retry_delay_s:g}s"})
    response = _error(http, status, step.message or message, details)
    if step.retry_after is not None:
        response.headers["Retry-After"] = step.retry_after
    return response


def _error(http: int, status: str, message: str, details: Iterable[dict[str, Any]]) -> Response:
    error = {"code": http, "message": message, "status": status, "details": list(details)}
    return JSONResponse({"error": error}, http)


class Unfinished(Response):
    """A reply that announces more than it sends: one byte every `every_s` seconds, or none and then the end."""

    def __init__(self, every_s: float | None) -> None:
        super().__init__(media_type="application/json", headers={"content-length": "100000"})
        self._every_s = every_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and some spaces; returning early makes uvicorn close the connection."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": b" ", "more_body": True})
        if self._every_s is None:
            return
        gone = asyncio.create_task(_disconnected(receive))
        while not gone.done():
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            await asyncio.wait([gone], timeout=self._every_s)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _token(request: Request) -> Response:
    """Play Google's OAuth endpoint, for the `token_uri` of a test's service account."""
    return JSONResponse({"access_token": "local", "expires_in": 3600, "token_type": "Bearer"})


async def _script(request: Request) -> Response:
    server: GeminiServer = request.app.state.server
    try:
        steps = json.loads(await request.body())
        server.script(*steps)
    except (ValueError, TypeError) as error:
        return JSONResponse({"error": str(error)}, 400)
    return JSONResponse({"queued": len(steps)})


async def _calls(request: Request) -> Response:
    """Say what was asked since the start, for whoever counts what a task costs."""
    server: GeminiServer = request.app.state.server
    names = ("calls", "tasks", "prompt_tokens", "output_tokens", "in_flight", "max_in_flight")
    return JSONResponse({name: getattr(server, name) for name in names})
