"""The published descriptions are those of the code, and the real apps keep to them, whatever Schemathesis sends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import functions.console.main as console
import functions.intake.main as intake
from infra.openapi import ROOT, documents
from shared.event.signatures import sign
from shared.wiring import composition
from tests.fuzz.scenery import EMPTY, SIGNERS, VENDORS, Scenery, populated, secret_of, secrets
from tests.world import deployed

DOCUMENTS = documents()
APPS = {"intake": deployed(intake, "intake"), "console": deployed(console, "console")}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SLICE = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Signing:
    """An app behind a proxy that signs every body as the path's source would, so that tests reach what is behind."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        source = scope["path"].rpartition("/")[2]
        scheme = source if source in VENDORS else "generic"
        signed = sign(scheme, body, secret_of(source).encode(), datetime.now(UTC)) if source in SIGNERS else {}
        headers = [(n, v) for n, v in scope["headers"] if n.decode() not in signed]
        headers += [(n.encode(), v.encode()) for n, v in signed.items()]

        async def again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app({**scope, "headers": headers}, again, send)


@pytest.fixture(autouse=True, scope="module")
def configured() -> Iterator[None]:
    with secrets():
        yield
    composition.install(None)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.parent.name)
def test_committed_description_is_the_one_of_the_code(path: Path) -> None:
    assert json.loads(path.read_text()) == DOCUMENTS[path], "stale: run `make openapi`"


@pytest.mark.parametrize("function", APPS)
async def test_description_is_served(function: str) -> None:
    EMPTY.world()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APPS[function]), base_url="http://127.0.0.1") as http:
        answer = await http.get("/openapi.json")
        refused = await http.post("/openapi.json")
    assert answer.json() == DOCUMENTS[ROOT / f"functions/{function}/openapi.json"]
    assert (answer.headers["content-type"], refused.status_code) == ("application/json", 405)


def described(function: str) -> BaseSchema:
    """Return the schema of a function, whose requests go to its app in this process."""
    schema = schemathesis.openapi.from_dict(DOCUMENTS[ROOT / f"functions/{function}/openapi.json"])
    schema.app = Signing(APPS[function]) if function == "intake" else APPS[function]
    return schema


@pytest.fixture(scope="module")
def scenery() -> Scenery:
    return asyncio.run(populated())


@described("intake").parametrize()
@SLICE
def test_intake_answers_as_described(case: schemathesis.Case[Any]) -> None:
    EMPTY.world()
    if "source" in (case.path_parameters or {}):  # any other has no secret, which is a real 503
        case.path_parameters["source"] = "crm"
    case.call_and_validate(checks=CHECKS)


@described("console").parametrize()
@SLICE
def test_console_answers_as_described(case: schemathesis.Case[Any], scenery: Scenery) -> None:
    scenery.world()
    if "task_id" in (case.path_parameters or {}):  # else every task would be one that is not there
        names = sorted(scenery.documents)
        case.path_parameters["task_id"] = names[len(str(case.body)) % len(names)].rpartition("/")[2]
    case.call_and_validate(checks=CHECKS)
