"""What functions-framework refuses by itself is refused as all else is, by functions that anybody reaches."""

from __future__ import annotations

import functions_framework.aio as aio
import httpx
import pytest

from functions.chat import main as chat
from functions.console import main as console
from functions.intake import main as intake

MODULES = {"intake": intake, "console": console, "chat": chat}


@pytest.mark.parametrize("function", MODULES)
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("PURGE", "/", 405, "method_not_allowed"),
        ("TRACE", "/zendesk", 405, "method_not_allowed"),
        ("QUERY", "/api/tasks", 405, "method_not_allowed"),
        ("GET", "/favicon.ico", 404, "not_found"),
        ("GET", "/robots.txt", 404, "not_found"),
    ],
)
async def test_refusal_is_json_with_a_code(function: str, method: str, path: str, status: int, code: str) -> None:
    module = MODULES[function]
    app = aio.create_asgi_app_from_module(function, module.__file__, "http", module, module.__spec__)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert status != 405 or "POST" in answer.headers["allow"]
