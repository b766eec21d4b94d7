"""Spans of OpenTelemetry around the way of a task: steps, messages, commits, model calls, handlers, provider calls.

While `TRACING` is off nothing here does anything, and nothing of OpenTelemetry is imported. Only allow-listed fields
pass, as in `logs`: ids, codes and numbers. No payload, parameter, header or exception text ever.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from shared.errors import SettingError
from shared.logs import follow, is_word, log
from shared.settings import Tracing, tracing_of

if TYPE_CHECKING:
    from shared.spans import Span, Spans

Kind = Literal["internal", "server", "client", "producer", "consumer"]

MESSAGE_CONTEXT = "googclient_traceparent"  # as google-cloud-pubsub writes and reads it
# Our fields -> attributes; those without our name in front are of OpenTelemetry's semantic conventions, 1.37.
ATTRIBUTES: Mapping[str, str] = {
    "function": "faas.name",
    "task_id": "switchyard.task.id",
    "source": "switchyard.source",
    "intent": "switchyard.intent",
    "generation": "switchyard.task.generation",
    "state_from": "switchyard.task.state_from",
    "state_to": "switchyard.task.state",
    "attempts": "switchyard.task.attempts",
    "outcome": "switchyard.outcome",
    "confidence": "switchyard.confidence",
    "tokens_used": "switchyard.tokens_used",
    "asked": "switchyard.asked_together",
    "error_code": "error.type",
    "system": "messaging.system",
    "topic": "messaging.destination.name",
    "subscription": "messaging.destination.subscription.name",
    "message_id": "messaging.message.id",
    "attempt": "messaging.gcp_pubsub.message.delivery_attempt",
    "database": "db.system.name",
    "operation": "db.operation.name",
    "count": "db.operation.batch.size",
    "method": "http.request.method",
    "host": "server.address",
    "status": "http.response.status_code",
    "question": "gen_ai.operation.name",
    "provider": "gen_ai.provider.name",
    "model": "gen_ai.request.model",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
}

# As OpenTelemetry reads it: no version ff, no ids of zeros, and only after version 00 something that it does not know.
_TRACEPARENT = re.compile(
    r"(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)

_spans: Spans | None = None
_is_asked = False  # whether the environment was looked at


class Nothing:
    """A span while nobody traces."""

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def tell(self, **_: Any) -> None:
        """Say nothing."""


NOTHING = Nothing()


def install(spans: Spans | None) -> None:
    """Trace with `spans` from now on, or not at all, whatever the environment says."""
    global _spans, _is_asked
    _spans, _is_asked = spans, True
    follow(traceparent if spans else None)


def start(settings: Tracing, data_dir: str, project: str) -> None:
    """Trace as the settings say; where that cannot be, the log says so, and the work goes on untraced."""
    install(None)
    if settings.exporter == "off":
        return
    try:
        from shared.spans import Spans, exporting

        install(Spans(exporting(settings, data_dir, project), settings.ratio, project))
    except Exception as error:  # no exporter is installed, or there are no credentials
        log("ERROR", "nothing can be traced", outcome="not_traced", error_type=type(error).__name__)


def stop() -> None:
    """Export what is held, and trace no more."""
    if _spans is not None:
        _spans.close()
    install(None)


def is_on() -> bool:
    """Whether this process traces."""
    if not _is_asked:
        _ask()
    return _spans is not None


def entered(name: str, parent: str, *, kind: Kind, **fields: Any) -> Span | Nothing:
    """Return the span of work that came from outside, to be entered; `parent` is a W3C traceparent or empty."""
    if not is_on():
        return NOTHING
    assert _spans is not None
    return _spans.span(name, kind, fields, parent)


def span(name: str, *, kind: Kind = "internal", links: Iterable[str] = (), **fields: Any) -> Span | Nothing:
    """Return a span within the current one, to be entered; where nothing is recorded around it, nothing is here.

    `links`: traceparents of others that it is done for, such as tasks that are asked about in one call. Where only some
    of these are kept, it is part of the first of them: with few traces kept, mostly somebody else's is around it.
    """
    if _spans is None:
        return NOTHING
    others = tuple(links)
    if _spans.is_recording():
        return _spans.span(name, kind, fields, links=others)
    kept = next(filter(_spans.is_kept, others), None)
    return NOTHING if kept is None else _spans.span(name, kind, fields, kept, others)


def tell(**fields: Any) -> None:
    """Say more of the current span."""
    if _spans is not None:
        _spans.tell(fields)


def link(parent: str) -> None:
    """Link the current span to one of another trace that did its work, by its traceparent."""
    if _spans is not None:
        _spans.link(parent)


def traceparent() -> str:
    """Return the current span as W3C writes it, or an empty string."""
    return "" if _spans is None else _spans.traceparent()


def trace_id() -> str:
    """Return the current trace's id, or an empty string."""
    return trace_id_of(traceparent())


def stamped(document: dict[str, Any]) -> dict[str, Any]:
    """Return a task's document with the span that writes it.

    Where that is of another trace than what was written before, after a person's decision or by the sweep, it links to
    it: the wait is no span.
    """
    if _spans is not None and "traceparent" in document and (here := _spans.traceparent()):
        _spans.link(document["traceparent"])
        document["traceparent"] = here
    return document


def flush_is_due() -> bool:
    """Whether `flush` has something to do."""
    return _spans is not None and _spans.flush_is_due()


async def flush() -> None:
    """Export what is held before the answer leaves: after it Cloud Run gives an instance no CPU."""
    if _spans is not None:
        await _spans.flush()


def trace_id_of(parent: str) -> str:
    """Return the trace's id in a W3C traceparent, or an empty string: what is no traceparent names no trace."""
    found = _TRACEPARENT.fullmatch(parent)
    return found[1] if found else ""


def parent_of(headers: Mapping[str, str]) -> str:
    """Return the caller's span as W3C writes it, from its own header or Google's `TRACE/SPAN;o=1`; or nothing."""
    given = headers.get("traceparent", "")
    if trace_id_of(given):
        return given
    trace, _, rest = headers.get("x-cloud-trace-context", "").partition("/")
    number, _, options = rest.partition(";o=")
    if not number.isascii() or not number.isdigit() or len(number) > 20:
        return ""
    told = f"00-{trace.lower()}-{int(number) % 2**64:016x}-{'01' if options == '1' else '00'}"
    return told if trace_id_of(told) else ""


def allowed(fields: Mapping[str, Any]) -> dict[str, str | int | float]:
    """Return of these fields what may be said, by the names of attributes."""
    return {
        ATTRIBUTES[name]: value
        for name, value in fields.items()
        if name in ATTRIBUTES and (is_word(value) if isinstance(value, str) else isinstance(value, int | float))
    }


def _ask() -> None:
    """Look once at what the environment says. What cannot be used is refused where all settings are read."""
    global _is_asked
    _is_asked = True
    try:
        wanted = tracing_of(os.environ)
    except SettingError:
        return
    start(wanted, os.environ.get("DATA_DIR") or ".switchyard", os.environ.get("GOOGLE_CLOUD_PROJECT", ""))
