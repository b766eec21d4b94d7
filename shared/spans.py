"""OpenTelemetry's SDK, set up: spans in, exported to Cloud Trace or into a file of this machine. Imported only while
something is traced.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.settings import Tracing
from shared.tracing import Kind, allowed

ENDPOINT = "https://telemetry.googleapis.com/v1/traces"  # OTLP, which Google recommends over its older exporter
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
EXPORT_TIMEOUT_S = 3.0
FLUSH_EVERY_S = 1.0  # an instance that is asked seldom exports within each request, a busy one every so often
FLUSH_SHARE = 0.05  # of the time at most, so that requests do not wait for an endpoint that is slow or down
LOCAL_DELAY_MS = 200.0  # until a span is in the file
NEVER_MS = 86_400_000.0
MAX_LINKS = 32  # of a span; a call that asks about many tasks links to as many at most
_PROPAGATOR = TraceContextTextMapPropagator()
_KINDS: Mapping[Kind, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}


class Span:
    """One span between `with` and its end. An exception is told by its code or class, never by its words."""

    def __init__(
        self,
        tracer: trace.Tracer,
        name: str,
        kind: Kind,
        fields: Mapping[str, Any],
        parent: str | None,
        links: list[Link],
    ) -> None:
        self._make = (tracer, name, kind, fields, parent, links)
        self._span: trace.Span
        self._current: Any

    def __enter__(self) -> Span:
        tracer, name, kind, fields, parent, links = self._make
        # A unit of work that comes from outside takes nothing from whatever runs around it in this process.
        context = None if parent is None else context_of(parent)
        self._span = tracer.start_span(name, context, _KINDS[kind], allowed(fields), links)
        self._current = trace.use_span(self._span, record_exception=False, set_status_on_exception=False)
        self._current.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._current.__exit__(kind, error, traceback)
        if error is not None:
            self.tell(error_code=str(getattr(error, "code", "") or type(error).__name__))
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()

    def tell(self, **fields: Any) -> None:
        """Say more of it; what is not listed is left out."""
        self._span.set_attributes(allowed(fields))


class Spans:
    """The spans of this process. `ratio`: the share of traces that are kept where the caller has not kept its own."""

    def __init__(self, processor: SpanProcessor, ratio: float = 1.0, project: str = "") -> None:
        # By the trace's id, so that every step decides alike. A caller's own "not kept" is decided anew, for the
        # platform says so of nearly all requests that bring no trace.
        share = TraceIdRatioBased(ratio)
        sampler = ParentBased(share, remote_parent_not_sampled=share)
        name = os.environ.get("K_SERVICE", "switchyard")
        resource = Resource.create({"service.name": name, "gcp.project_id": project})
        self._provider = TracerProvider(sampler, resource)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("switchyard")
        self._flushes = isinstance(processor, Throttled)
        self._flush_at = 0.0

    def span(
        self, name: str, kind: Kind, fields: Mapping[str, Any], parent: str | None = None, links: Iterable[str] = ()
    ) -> Span:
        """Return a span to be entered, within the current one; or within `parent`, a W3C traceparent or empty."""
        told = [Link(other) for link in links if link != parent and (other := _context_in(link)).is_valid]
        return Span(self._tracer, name, kind, fields, parent, told[:MAX_LINKS])

    def is_recording(self) -> bool:
        """Whether the current span is kept."""
        return trace.get_current_span().is_recording()

    def is_kept(self, parent: str) -> bool:
        """Whether the span with this traceparent is kept."""
        return _context_in(parent).trace_flags.sampled

    def tell(self, fields: Mapping[str, Any]) -> None:
        """Say more of the current span."""
        trace.get_current_span().set_attributes(allowed(fields))

    def traceparent(self) -> str:
        """Return the current span as W3C writes it, or an empty string."""
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        return carrier.get("traceparent", "")

    def link(self, parent: str) -> None:
        """Link the current span to one of another trace; once, however often it is said."""
        other, here = _context_in(parent), trace.get_current_span()
        if not other.is_valid or other.trace_id == here.get_span_context().trace_id:
            return
        links: tuple[Link, ...] = tuple(getattr(here, "links", ()))
        if len(links) < MAX_LINKS and all(link.context.span_id != other.span_id for link in links):
            here.add_link(other)

    def flush_is_due(self) -> bool:
        """Whether spans are held that only `flush` exports, and it is time to."""
        return self._flushes and time.monotonic() >= self._flush_at

    async def flush(self) -> None:
        """Export what is held, beside the event loop."""
        began = time.monotonic()
        self._flush_at = began + FLUSH_EVERY_S  # those who come at once need not wait as well
        await asyncio.to_thread(self._provider.force_flush, round(EXPORT_TIMEOUT_S * 1000))
        ended = time.monotonic()
        self._flush_at = ended + max(FLUSH_EVERY_S, (ended - began) / FLUSH_SHARE)

    def close(self) -> None:
        """Export what is held, and no more."""
        self._provider.shutdown()


class Throttled(BatchSpanProcessor):
    """Exports within requests and at the process's end: in between its thread may have no CPU, for hours."""

    def __init__(self, exporter: Any) -> None:
        super().__init__(exporter, schedule_delay_millis=NEVER_MS)


def context_of(parent: str) -> Context:
    """Return the context of a W3C traceparent; the empty one where it is none."""
    return _PROPAGATOR.extract({"traceparent": parent}, Context())


def _context_in(parent: str) -> SpanContext:
    return trace.get_current_span(context_of(parent)).get_span_context()


def exporting(settings: Tracing, data_dir: str, project: str) -> SpanProcessor:
    """Return what takes the spans to where the settings say."""
    if settings.exporter == "cloud":
        return Throttled(_cloud())
    from shared.span_file import SpanFile

    out: Any = SpanFile(data_dir)
    written = ConsoleSpanExporter(out=out, formatter=lambda span: str(span.to_json(indent=None)) + "\n")
    return BatchSpanProcessor(written, schedule_delay_millis=LOCAL_DELAY_MS)


def _cloud() -> Any:
    import google.auth
    from google.auth.transport.requests import AuthorizedSession
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    # A collector on this machine or beside the container is asked by its address, and needs no key.
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
    if endpoint:
        return OTLPSpanExporter(endpoint, timeout=EXPORT_TIMEOUT_S)
    credentials, _ = google.auth.default(scopes=[SCOPE])
    # No project to charge is named, which would take a role of its own (serviceUsageConsumer): an account's own one is
    # charged without. A person's credentials name theirs by themselves.
    return OTLPSpanExporter(ENDPOINT, timeout=EXPORT_TIMEOUT_S, session=AuthorizedSession(credentials))
