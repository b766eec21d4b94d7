"""Two tasks through a whole stack, one by itself and one through a person: their spans as the console tells them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import httpx

from infra.manifest import build
from infra.outside import providers
from infra.resources import Manifest
from infra.run import _vendors
from shared.settings import Settings, Tracing
from tests.sources import sent_by
from tests.world import REGISTRY

FUNCTIONS = ("intake", "classify", "execute-refund-request", "console")
SOURCE, PARENT = "ab" * 16, "cd" * 8
WAIT_S = 60.0

# Each part below the one that it is part of.
RUN = [
    "publish intent-refund-request",
    "  execute-refund-request",
    "    commit",  # claimed
    "    handle refund_request",
    "      commit",  # begun, right before the first write
    "    commit",  # ended
    "    publish results",
    "    commit",
]
BY_ITSELF = ["intake", "  publish tasks", "    classify", "      commit", *(f"      {part}" for part in RUN)]
WHOLE, AFTER = {"intake", "classify", "execute-refund-request"}, {"console", "execute-refund-request"}
DECIDED = ["console", "  commit", *(f"  {part}" for part in RUN)]


def refunds() -> Manifest:
    """Return what is needed for refunds, and no more."""
    manifest = build(REGISTRY)
    return replace(
        manifest,
        functions=tuple(f for f in manifest.functions if f.name in FUNCTIONS),
        subscriptions=tuple(s for s in manifest.subscriptions if s.function in FUNCTIONS),
    )


@contextmanager
def vendors(data_dir: Path) -> Iterator[None]:
    """Play the vendors, and let nothing of it stay in the environment: an address would be that of nobody."""
    with mock.patch.dict(os.environ, AUTOMATIC="refund_request<=50.00 USD"):
        for provider in providers(REGISTRY):
            os.environ[provider.variable("API_KEY")] = "sandbox"
            os.environ.pop(provider.variable("API_URL"), None)
        with _vendors(REGISTRY, data_dir):
            yield


def settings(backend: Any, data_dir: Path, **ports: int) -> Settings:
    """Return settings with which refunds up to 50 USD run by themselves, and are traced."""
    return Settings(
        backend=backend,
        data_dir=str(data_dir),
        project="traces-test",
        automatic={"refund_request": 5000},
        tracing=Tracing("local"),
        **ports,  # type: ignore[arg-type]
    )


async def two_tasks_are_traced(intake: str, console: str) -> None:
    """Send a refund that runs by itself and one that waits, approve that, and look at both."""
    async with httpx.AsyncClient(timeout=WAIT_S) as http:

        async def ended(task_id: str, *states: str) -> Mapping[str, Any]:
            async with asyncio.timeout(WAIT_S):
                while True:
                    answer = await http.get(f"{console}/api/tasks/{task_id}")
                    if answer.status_code == 200 and answer.json()["state"] in states:
                        return dict(answer.json())
                    await asyncio.sleep(0.05)

        async def send(task_id: str, dollars: int, order: str, **headers: str) -> None:
            text, email = f"Please refund ${dollars}.00 for order #{order}", f"customer-{order}@example.com"
            payload = {"text": text, "requester": {"email": email}}  # whose order the sandbox says that it is
            task = {"task_id": task_id, "source": "helpdesk", "raw_payload": payload}
            assert (await sent_by(http, f"{intake}/", task, headers)).status_code == 202

        async def traces(task_id: str, *parts: set[str]) -> list[dict[str, Any]]:
            """Return a task's traces once each has these parts: each process tells its own a moment after they end."""
            async with asyncio.timeout(WAIT_S):
                while True:
                    found = (await http.get(f"{console}/api/tasks/{task_id}/trace")).json()["traces"]
                    told = [{span["name"] for span in trace["spans"]} for trace in found]
                    if len(told) == len(parts) and all(p <= names for p, names in zip(parts, told, strict=True)):
                        return list(found)
                    await asyncio.sleep(0.05)

        await send("small", 25, "10021", traceparent=f"00-{SOURCE}-{PARENT}-01")
        assert (await ended("small", "SUCCEEDED", "FAILED", "UNKNOWN"))["state"] == "SUCCEEDED"
        (trace,) = await traces("small", WHOLE)
        assert (trace["trace_id"], trace["spans"][0]["parent_id"]) == (SOURCE, PARENT)
        assert shape(trace) == BY_ITSELF
        calls = within(trace, "handle refund_request")
        assert {row["name"] for row in calls} >= {"GET stripe", "POST stripe"}, "the provider is read, and written to"
        assert {row["attributes"].get("http.response.status_code") for row in calls} >= {"200"}

        await send("large", 80, "10044")
        waiting = await ended("large", "AWAITING_APPROVAL")
        # What it would do is looked at by a message of its own: coming after the decision, that would begin the effect.
        await traces("large", WHOLE)
        look = {name: waiting[name] for name in ("generation", "params_hash")}
        approved = await http.post(f"{console}/api/approvals/large", json={"decision": "approve", **look})
        assert approved.status_code == 200, approved.text
        assert (await ended("large", "SUCCEEDED", "FAILED", "UNKNOWN"))["state"] == "SUCCEEDED"
        paused, decided = await traces("large", WHOLE, AFTER)
        assert shape(paused)[:4] == ["intake", "  publish tasks", "    classify", "      commit"]
        assert shape(decided) == DECIDED
        assert decided["spans"][0]["links"] == [paused["trace_id"]]
        assert decided["spans"][0]["parent_id"] == ""


def within(trace: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return what is part of the span of this name."""
    (whole,) = (row for row in trace["spans"] if row["name"] == name)
    return [row for row in trace["spans"] if row["parent_id"] == whole["span_id"]]


def shape(trace: Mapping[str, Any]) -> list[str]:
    """Return the names of a trace's spans, each indented by its depth, without the calls of model and providers."""
    parts = [row for row in trace["spans"] if row["attributes"].get("http.request.method") is None or row["depth"] == 0]
    return [
        "  " * row["depth"] + row["name"] for row in parts if not row["name"].startswith(("generate_content", "plan"))
    ]
