"""Where a task's time went: its waterfalls on this machine, or the pages of Cloud Trace that show them."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

from functions.console.waterfall import Trace, waterfalls
from shared.settings import Settings
from shared.span_file import spans_about
from shared.task.schemas import TaskRecord
from shared.tracing import trace_id_of

CLOUD_TRACE = "https://console.cloud.google.com/traces/explorer;traceId={trace}?project={project}"


async def traces_of(settings: Settings, task_id: str) -> list[Trace]:
    """Return what was traced of a task on this machine; nothing where spans go elsewhere."""
    if settings.tracing.exporter != "local":
        return []
    return await asyncio.to_thread(_read, settings.data_dir, task_id)


def cloud_traces(settings: Settings, record: TaskRecord) -> list[str]:
    """Return where Cloud Trace shows a task's traces: the one it began in, and its last one, which links back.

    Of the last one it is known whether it was kept; what was never traced is nowhere.
    """
    last = trace_id_of(record.traceparent)
    if settings.tracing.exporter != "cloud" or not last:
        return []
    traces = [] if record.trace_id in ("", last) else [record.trace_id]
    if int(record.traceparent[-2:], 16) & 1:
        traces.append(last)
    project = quote(settings.project, safe="")
    return [CLOUD_TRACE.format(trace=quote(trace, safe=""), project=project) for trace in traces]


async def shown_traces(settings: Settings, record: TaskRecord) -> dict[str, Any]:
    """Return both, as the API gives them."""
    traces = [trace.model_dump(mode="json") for trace in await traces_of(settings, record.task_id)]
    return {"task_id": record.task_id, "traces": traces, "cloud_traces": cloud_traces(settings, record)}


def _read(data_dir: str, task_id: str) -> list[Trace]:
    return waterfalls(spans_about(data_dir, task_id), task_id)
