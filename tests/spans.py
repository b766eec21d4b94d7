"""Spans kept in memory, and what tests ask of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import tracing
from shared.spans import Spans


class Kept(InMemorySpanExporter):
    """Spans that have ended, in the order of their ends."""

    def one(self, name: str) -> ReadableSpan:
        """Return the one span of this name."""
        (found,) = (span for span in self.get_finished_spans() if span.name == name)
        return found

    def tree(self) -> set[tuple[str, str]]:
        """Return (parent, child) by their names; a span without a known parent has an empty one."""
        spans = self.get_finished_spans()
        names = {span.context.span_id: span.name for span in spans}
        return {(names.get(span.parent.span_id, "") if span.parent else "", span.name) for span in spans}

    def text(self) -> str:
        """Return all that is exported of all spans."""
        return "\n".join(span.to_json(indent=None) for span in self.get_finished_spans())


@contextmanager
def traced(ratio: float = 1.0) -> Iterator[Kept]:
    """Trace, in this process, until the end."""
    kept = Kept()
    spans = Spans(SimpleSpanProcessor(kept), ratio)
    tracing.install(spans)
    try:
        yield kept
    finally:
        spans.close()
        tracing.install(None)
