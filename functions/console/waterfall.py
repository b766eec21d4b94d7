"""Spans in, as OpenTelemetry's SDK writes them as JSON; a task's way through the steps out, one waterfall per trace.

What people waited for is no span: the work after it is a trace of its own, which links to the one before. For a picture
a trace is cut where nothing runs, as before a message is tried again: on one scale with that, all else would be dots.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import copy
from datetime import datetime, timedelta
from typing import Any

from pydantic import AwareDatetime, Field

from shared.task.schemas import Model
from shared.tracing import ATTRIBUTES

TASK, ASKED = ATTRIBUTES["task_id"], ATTRIBUTES["asked"]
MAX_SPANS = 500  # of a task that are shown, the first ones
MAX_IDLE_MS = 2_000.0  # within a picture


class SpanRow(Model):
    """One span, below the one that it is part of."""

    name: str
    span_id: str
    parent_id: str = Field(description="Empty, or that of a span elsewhere, at the root of what is known here")
    depth: int = Field(ge=0, description="How many of the spans above it is part of")
    offset_ms: float = Field(description="From the beginning of the trace")
    duration_ms: float
    failed: bool = Field(description="Whether it ended with an error, which may be a wish to be tried again")
    attributes: dict[str, str] = Field(description="What it says, by the names of OpenTelemetry's conventions")
    links: list[str] = Field(description="Traces that this one goes on from, or does the work of")

    def words(self, task_id: str) -> str:
        """Return what helps most to read the waterfall of a task, the most telling first; nothing that is as usual.

        What is another task's says so: work for it may tell this one of it, as where it asks the like.
        """
        said = {name: self.attributes.get(attribute, "") for name, attribute in ATTRIBUTES.items()}
        words = [f"of task {said['task_id']}" if said["task_id"] not in ("", task_id) else ""]
        words += [said["error_code"] if self.failed else "", said["state_to"]]
        words += [said["outcome"] if said["outcome"].upper() != said["state_to"] else ""]
        words += [f"attempt {said['attempt']}" if said["attempt"] not in ("", "1") else ""]
        words += [f"{said['asked']} tasks in one call" if said["asked"] else ""]
        words += [f"{said['tokens_used']} tokens" if said["tokens_used"] not in ("", "0") else ""]
        words += [said["host"], "" if said["status"].startswith("2") else said["status"]]
        return ", ".join(filter(None, words))


class Trace(Model):
    """The spans of one trace that are about the task, in the order of their beginning, parents before children."""

    trace_id: str
    began_at: AwareDatetime
    length_ms: float
    waited_ms: float | None = Field(description="Between the end of the trace before and this beginning; null: none")
    spans: list[SpanRow]


def waterfalls(spans: Iterable[Mapping[str, Any]], task_id: str) -> list[Trace]:
    """Return the traces of a task, oldest first. Of a trace about several tasks, what is about this one and what that
    is part of; what cannot be read as a span is left out.
    """
    read = {span.key: span for raw in spans if (span := _Span.of(raw))}
    kept = _about(read, task_id)
    traces: defaultdict[str, list[_Span]] = defaultdict(list)
    for span in sorted(kept, key=lambda span: span.began)[:MAX_SPANS]:
        traces[span.key[0]].append(span)
    found: list[Trace] = []
    ended: datetime | None = None
    for trace_id, own in traces.items():
        began, end = own[0].began, max(span.ended for span in own)
        waited = None if ended is None else max(0.0, _ms(ended, began))
        rows = [_row(span, depth, began) for span, depth in _ordered(own)]
        found.append(Trace(trace_id=trace_id, began_at=began, length_ms=_ms(began, end), waited_ms=waited, spans=rows))
        ended = end if ended is None else max(ended, end)
    return found


def stretches(traces: Iterable[Trace]) -> list[Trace]:
    """Return traces for a picture: cut where nothing of them runs for long, in the order in which things happened."""
    whole = list(traces)
    known = {trace.trace_id for trace in whole}
    parts = (part for trace in whole for part in _cut(trace, known - {trace.trace_id}))
    cut = sorted(parts, key=lambda part: part.began_at)
    ended: datetime | None = None
    for n, part in enumerate(cut):
        waited = None if ended is None else max(0.0, _ms(ended, part.began_at))
        cut[n] = part.model_copy(update={"waited_ms": waited})
        end = part.began_at + timedelta(milliseconds=part.length_ms)
        ended = end if ended is None else max(ended, end)
    return cut


def _cut(trace: Trace, known: Collection[str]) -> Iterator[Trace]:
    groups: list[list[SpanRow]] = []
    ended_ms = 0.0
    for row in sorted(trace.spans, key=lambda row: row.offset_ms):
        if not groups or row.offset_ms > ended_ms + MAX_IDLE_MS:
            groups.append([])
        groups[-1].append(row)
        ended_ms = max(ended_ms, row.offset_ms + row.duration_ms)
    for group in groups:
        begin = group[0].offset_ms
        length = max(row.offset_ms + row.duration_ms for row in group) - begin
        inside = {row.span_id for row in group}
        depths: dict[str, int] = {}
        rows: list[SpanRow] = []
        for row in trace.spans:  # parents before children
            if row.span_id in inside:
                depths[row.span_id] = depth = depths.get(row.parent_id, -1) + 1
                links = [link for link in row.links if link in known or not row.depth]  # others are of other tasks
                shown = {"depth": depth, "offset_ms": row.offset_ms - begin, "links": links}
                rows.append(row.model_copy(update=shown))
        at = trace.began_at + timedelta(milliseconds=begin)
        yield trace.model_copy(update={"began_at": at, "length_ms": length, "spans": rows})


class _Span:
    """A span as it was written; `key` and `parent` are of its trace and itself."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        context = raw["context"]
        trace = _hex(context["trace_id"], 32)
        self.key = (trace, _hex(context["span_id"], 16))
        self.parent = (trace, _hex(raw["parent_id"] or "", 16))
        self.name = str(raw["name"])
        self.began, self.ended = datetime.fromisoformat(raw["start_time"]), datetime.fromisoformat(raw["end_time"])
        self.failed = raw["status"]["status_code"] == "ERROR"
        self.attributes = {str(name): str(value) for name, value in raw["attributes"].items()}
        to = (link["context"] for link in raw["links"])
        self.links = [(_hex(link["trace_id"], 32), _hex(link["span_id"], 16)) for link in to]

    def moved(self, home: tuple[str, str], *, is_part: bool) -> _Span:
        """Return it as part of a span of another trace, or of what already is."""
        made = copy(self)
        made.key, made.parent = (home[0], self.key[1]), (home[0], self.parent[1]) if is_part else home
        return made

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> _Span | None:
        """Return a span, or None if it is none."""
        try:
            return cls(raw)
        except (LookupError, TypeError, ValueError, AttributeError):
            return None


def _about(spans: Mapping[tuple[str, str], _Span], task_id: str) -> list[_Span]:
    """Return the spans that name the task, those that are part of them, and those that they are part of; and the model
    calls for it among others elsewhere, as part of what these link to."""
    tagged = {key for key, span in spans.items() if span.attributes.get(TASK) == task_id}
    below = {key for key, span in spans.items() if not tagged.isdisjoint(_upwards(span, spans))}
    own = {key for key in below if spans[key].attributes.get(TASK, task_id) == task_id}
    kept = {above for key in own for above in _upwards(spans[key], spans)}
    others = (span for key, span in spans.items() if key not in kept and ASKED in span.attributes)
    homes = {span.key: home for span in others if (home := next((link for link in span.links if link in own), None))}
    found = [spans[key] for key in kept]
    for span in spans.values():
        if root := next((above for above in _upwards(span, spans) if above in homes), None):
            found.append(span.moved(homes[root], is_part=span.key != root))
    return found


def _upwards(span: _Span, spans: Mapping[tuple[str, str], _Span]) -> Iterator[tuple[str, str]]:
    """Yield a span and all that it is part of, which a damaged file may close to a ring."""
    seen: set[tuple[str, str]] = set()
    here: _Span | None = span
    while here is not None and here.key not in seen:
        seen.add(here.key)
        yield here.key
        here = spans.get(here.parent)


def _ordered(spans: list[_Span]) -> Iterator[tuple[_Span, int]]:
    """Yield spans with their depth, each before what is part of it."""
    known = {span.key for span in spans}
    parts: defaultdict[tuple[str, str] | None, list[_Span]] = defaultdict(list)
    for span in spans:
        parts[span.parent if span.parent in known else None].append(span)
    waiting = [(span, 0) for span in reversed(parts[None])]
    while waiting:
        span, depth = waiting.pop()
        yield span, depth
        waiting += [(part, depth + 1) for part in reversed(parts[span.key])]


def _row(span: _Span, depth: int, began: datetime) -> SpanRow:
    return SpanRow(
        name=span.name,
        span_id=span.key[1],
        parent_id=span.parent[1],
        depth=depth,
        offset_ms=_ms(began, span.began),
        duration_ms=_ms(span.began, span.ended),
        failed=span.failed,
        attributes=span.attributes,
        links=list(dict.fromkeys(trace for trace, _ in span.links)),
    )


def _ms(began: datetime, ended: datetime) -> float:
    return round((ended - began).total_seconds() * 1000, 3)


def _hex(text: str, digits: int) -> str:
    found = text.removeprefix("0x")
    if found and (len(found) != digits or not found.isalnum()):
        raise ValueError
    return found
