"""A trial in; one screen, or the same as data, out. No word of a ticket can move the cursor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from infra.ops.show import plain
from infra.rehearsal import Call
from infra.trial.play import Trial
from shared.canonical import canonical_json
from shared.event.reading import at

STYLES = {"pass": "green", "fail": "yellow", "not reached": "dim"}
STATES = {"SUCCEEDED": "bold green", "FAILED": "bold red", "UNKNOWN": "bold red"}
Line = tuple[str, str]  # words, style


def show(trial: Trial, *, verbose: bool) -> None:
    """Print the screen."""
    console = Console(highlight=False, soft_wrap=True)
    parts = {
        "event": _event(trial),
        "question": _question(trial, verbose),
        "answer": _answer(trial),
        "gate": _gate(trial),
        "plan": _plan(trial),
        "approval": iter([(trial.approval, "")]),
        "provider": _provider(trial),
        "handler": _raised(trial),
        "state": _state(trial),
    }
    for name, lines in parts.items():
        for number, (words, style) in enumerate(lines):
            console.print(Text(f"{'' if number else name:<10}", "bold").append(plain(words), style or "not bold"))


def data(trial: Trial) -> dict[str, Any]:
    """Return everything as JSON types."""
    record, answer, asked, said = trial.record, trial.answer, trial.question, trial.record.classification
    return {
        "event": {
            "task_id": trial.task.task_id,
            "source": trial.task.source,
            "requester": trial.view.fields["requester"],
            "texts": dict(trial.view.texts),
            "cuts": cuts(trial),
        },
        "question": {
            "prompt_version": asked.version,
            "instructions": asked.instructions,
            "content": asked.content,
            "schema": asked.schema,
        },
        "answer": {
            "classifier": trial.classifier,
            "model": said.model,
            "text": answer.text if answer else "",
            "instead_of": trial.instead_of,
            "refusal": trial.refusal,
            "latency_ms": said.latency_ms,
            "tokens_used": said.tokens_used,
        },
        "gate": [asdict(check) for check in trial.checks],
        "plan": trial.plan,
        "plan_calls": [asdict(call) for call in trial.planned],
        "approval": trial.approval,
        "order": trial.order,
        "calls": [asdict(call) for call in trial.calls],
        "effects": trial.effects,
        "raised": [asdict(raised) for raised in trial.raised],
        "state": record.state,
        "intent": record.intent,
        "parameters": record.shown_parameters,
        "result": record.result.model_dump() if record.result else None,
        "error": record.error.model_dump() if record.error else None,
    }


def cuts(trial: Trial) -> list[str]:
    """Return which texts the model sees less of than the event has: quotes and hidden characters, and what is long."""
    asked: dict[str, str] = json.loads(trial.question.content.split("\n")[1])["texts"]
    found = []
    for pointer, text in trial.view.texts.items():
        sent = at(trial.task.raw_payload, pointer)
        if isinstance(sent, str) and len(sent.strip()) > len(text):
            found.append(f"{pointer}: {len(text):,} of {len(sent):,} characters are read")
        if asked[pointer] != text:
            found.append(f"{pointer}: {len(asked[pointer]):,} of {len(text):,} characters are asked about")
    return found


def _event(trial: Trial) -> Iterator[Line]:
    requester = json.dumps(trial.view.fields["requester"], ensure_ascii=False)
    yield f"{trial.task.task_id} from {trial.task.source}, requester {requester}", ""
    yield from ((f"{pointer}  {' '.join(text.split())}", "cyan") for pointer, text in trial.view.texts.items())
    if not trial.view.texts:
        yield "no text that the model may read", "yellow"
    yield from ((cut, "yellow") for cut in cuts(trial))


def _question(trial: Trial, verbose: bool) -> Iterator[Line]:
    asked, folded = trial.question, "" if verbose else " (--verbose shows them)"
    yield (
        (
            f"prompt {asked.version}: {len(asked.instructions):,} characters of instructions{folded}, "
            f"{len(asked.content):,} of content, schema of {len(canonical_json(dict(asked.schema))):,} bytes"
        ),
        "",
    )
    yield from ((line, "dim") for line in asked.instructions.splitlines() if verbose)
    yield from ((line, "dim") for line in asked.content.split("\n"))


def _answer(trial: Trial) -> Iterator[Line]:
    said, answer = trial.record.classification, trial.answer
    by = f"{trial.classifier}, model {said.model}, {said.latency_ms:.1f} ms, {said.tokens_used} tokens"
    if answer is None:
        yield f"{trial.classifier}: no usable answer ({trial.refusal})", "yellow"
    elif trial.instead_of:
        yield f"{by}: {trial.instead_of}", ""
        yield "that is not the intent to try; going on with what the text states for it, and no confidence:", "yellow"
        yield answer.text, ""
    else:
        yield f"{by}: {answer.text}", ""


def _gate(trial: Trial) -> Iterator[Line]:
    for check in trial.checks:
        why = f": {'; '.join(check.reasons)}" if check.reasons else ""
        yield f"{check.result:<12}{check.wants}{why}", STYLES[check.result]
    yield "it runs" if trial.record.decision.route == "execute" else "a person has to look", ""


def _plan(trial: Trial) -> Iterator[Line]:
    if trial.plan:
        yield trial.plan, ""
    if trial.order:
        yield f"(in the sandbox order {trial.order} is the requester's)", "dim"
    yield from _calls(trial.planned)


def _provider(trial: Trial) -> Iterator[Line]:
    yield from _calls(trial.calls)
    for effect in trial.effects:
        amount = f", {effect['amount_minor']} minor units" if effect["amount_minor"] is not None else ""
        yield f"effect: {effect['vendor']} {effect['operation']} {effect['subject']}{amount}", "green"
    if not trial.effects:
        yield "no effect", "dim"


def _calls(calls: list[Call]) -> Iterator[Line]:
    for call in calls:
        key = f", key {call.key}" if call.key else ""
        yield f"{call.method} {call.target} -> {call.status} in {call.latency_ms:.1f} ms{key}", "dim"


def _raised(trial: Trial) -> Iterator[Line]:
    for raised in trial.raised:
        yield f"{raised.function}() raised {raised.words}{f' at {raised.where}' if raised.where else ''}", "red"
        yield from ((line, "red") for line in raised.traceback.splitlines())


def _state(trial: Trial) -> Iterator[Line]:
    result, style = trial.record.result, STATES.get(trial.record.state, "bold yellow")
    took = f" ({result.execution_time_ms:.1f} ms in the handler, {result.tokens_used} tokens)" if result else ""
    yield f"{trial.record.state}: {_words(trial)}{took}", style


def _words(trial: Trial) -> str:
    record = trial.record
    if record.state == "READY":
        return f"it would be tried again ({record.error.code if record.error else 'not_applied'})"
    if record.error is not None:
        return f"{record.error.message or 'see above'} ({record.error.code})"
    return record.result.output if record.result else "waits for a person"
