"""Whoever waits at the desk shows how long, and leads to the call that answered, also where others asked it."""

from __future__ import annotations

import asyncio
import json

from functions.console.waterfall import waterfalls
from shared import tracing
from shared.model.question import Answer
from shared.wiring.desk import Desk
from shared.wiring.traced import TracedClassifier
from tests.spans import Kept, traced
from tests.unit.wiring.test_desk_together import LONG_S, Model, question, settle


async def classified(desk: Desk, model: TracedClassifier, number: int, *, kept: bool) -> Answer:
    """Ask for the task `t<number>`, as `classify` does; `kept`: whether its source keeps its trace."""
    parent = f"00-{number + 1:032x}-{number + 1:016x}-{'01' if kept else '00'}"
    with tracing.entered("classify", parent, kind="consumer", task_id=f"t{number}"):
        return await desk.before(model).ask(question(number), LONG_S)


async def behind_the_first(traces: Kept, *kept: bool) -> dict[str, list[str]]:
    """Ask for as many tasks, all but the first together; return what is shown of each."""
    model, desk = Model(), Desk(1, 30.0, 10)
    seen = TracedClassifier(model, "fake")
    asking = [asyncio.create_task(classified(desk, seen, n, kept=is_kept)) for n, is_kept in enumerate(kept)]
    await settle()
    model.gate.set()
    async with asyncio.timeout(5):
        await asyncio.gather(*asking)
    assert [len(call) for call in model.calls] == [1, len(kept) - 1]
    spans = [json.loads(span.to_json()) for span in traces.get_finished_spans()]
    shown = {f"t{n}": waterfalls(spans, f"t{n}") for n in range(len(kept))}
    return {
        task_id: ["  " * row.depth + row.name for trace in found for row in trace.spans]
        for task_id, found in shown.items()
    }


FIRST = ["classify", "  wait for the model", "  ask together", "    generate_content fake"]
OTHERS = ["classify", "  wait for the model", "    ask together", "      generate_content fake"]


async def test_a_call_for_several_is_shown_with_each_and_with_no_other() -> None:
    with traced() as traces:
        shown = await behind_the_first(traces, True, True, True, True)
        call = traces.one("ask together")
        waits = [span for span in traces.get_finished_spans() if span.name == "wait for the model"]
    assert shown == {"t0": ["classify", "  generate_content fake"], "t1": FIRST, "t2": OTHERS, "t3": OTHERS}
    assert {link.context.span_id for link in call.links} == {span.context.span_id for span in waits[1:]}
    assert [[link.context.span_id for link in span.links] for span in waits] == [[], *[[call.context.span_id]] * 2]


async def test_a_call_for_several_is_kept_where_any_of_them_is() -> None:
    with traced(ratio=0.0) as traces:
        shown = await behind_the_first(traces, False, False, True, False)
    assert shown == {"t0": [], "t1": [], "t2": OTHERS, "t3": []}


async def test_a_call_for_several_of_whom_none_is_kept_is_not_either() -> None:
    with traced(ratio=0.0) as traces:
        await behind_the_first(traces, False, False, False)
    assert traces.get_finished_spans() == ()
