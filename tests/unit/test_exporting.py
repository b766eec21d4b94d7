"""Spans leave before a request is answered, to a collector that speaks OTLP, and hold nobody up for long."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from google.oauth2.credentials import Credentials
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shared import spans, tracing
from shared.settings import Tracing


class Collector(HTTPServer):
    """Keeps the names of the spans that were sent to it, and of which service and project they say to be."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.resource: dict[str, str] = {}
        self.headers: set[str] = set()
        super().__init__(("127.0.0.1", 0), _Taking)


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.headers = {name.lower() for name in self.headers}
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        for resource in sent.resource_spans:
            self.server.resource = {a.key: a.value.string_value for a in resource.resource.attributes}
            self.server.names += [span.name for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        return None


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as collector:
        serving = threading.Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        monkeypatch.setenv(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://127.0.0.1:{collector.server_address[1]}/v1/traces"
        )
        monkeypatch.setenv("K_SERVICE", "classify")
        yield collector
        tracing.stop()
        collector.shutdown()
        serving.join()


async def test_spans_are_sent_when_a_request_ends_and_the_rest_when_the_instance_does(collector: Collector) -> None:
    tracing.start(Tracing("cloud"), "", "acme-prod")
    with tracing.entered("classify", "", kind="consumer"), tracing.span("commit"):
        pass
    assert tracing.flush_is_due()
    await tracing.flush()
    assert collector.names == ["commit", "classify"]
    assert (collector.resource["service.name"], collector.resource["gcp.project_id"]) == ("classify", "acme-prod")
    with tracing.entered("execute", "", kind="consumer"):
        pass
    assert not tracing.flush_is_due(), "a busy instance sends now and then"
    await asyncio.to_thread(tracing.stop)
    assert collector.names == ["commit", "classify", "execute"]


async def test_whoever_is_slow_to_take_spans_is_asked_the_less(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracing.start(Tracing("cloud"), "", "acme-prod")
    now = iter([100.0, 103.0, 103.0 + 59, 103.0 + 61])  # began, ended, and two looks; 3 s are 5 % of a minute
    monkeypatch.setattr(spans, "time", SimpleNamespace(monotonic=lambda: next(now)))
    await tracing.flush()
    assert [tracing.flush_is_due(), tracing.flush_is_due()] == [False, True]


def test_cloud_trace_is_asked_as_the_functions_account_with_no_right_but_to_add_spans(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans, "ENDPOINT", os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    account = Credentials("a-token")  # type: ignore[no-untyped-call]
    monkeypatch.setattr("google.auth.default", lambda scopes: (account, "acme-prod"))
    tracing.start(Tracing("cloud"), "", "acme-prod")
    with tracing.entered("classify", "", kind="consumer"):
        pass
    tracing.stop()
    assert collector.names == ["classify"]
    assert "authorization" in collector.headers
    assert "x-goog-user-project" not in collector.headers  # whoever sends it must be allowed to charge that project


def test_where_nothing_can_be_traced_the_log_says_so_and_work_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(spans, "_cloud", lambda: 1 / 0)
    tracing.start(Tracing("cloud"), "", "p")
    assert not tracing.is_on()
    assert '"outcome":"not_traced","error_type":"ZeroDivisionError"' in capsys.readouterr().out
