"""What stands in for the world around a step, and does what a test tells it: bus, network, model, handlers."""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.errors import PublishFailed, SwitchyardError
from shared.model.question import Answer, Question
from tests.store import Network


class ScriptedNetwork(Network):
    """`fail_next` holds what the next commits are answered: an error, or None.

    `before_commit` is called once, right before the next commit arrives: another writer who comes first.
    """

    def __init__(self) -> None:
        self.fail_next: list[SwitchyardError | None] = []
        self.before_commit: Callable[[], Awaitable[Any]] | None = None

    async def send(self) -> None:
        await super().send()
        if self.before_commit is not None:
            interloper, self.before_commit = self.before_commit, None
            await interloper()

    def commit_fails(self) -> SwitchyardError | None:
        return self.fail_next.pop(0) if self.fail_next else None


class MemoryPublisher:
    """Remembers what was published; `broken` makes every publish fail."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes, dict[str, str]]] = []
        self.broken = False

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        if self.broken:
            raise PublishFailed("the bus is down")
        self.messages.append((topic, data, dict(attributes)))
        return str(len(self.messages))

    async def close(self) -> None:
        return None

    def on(self, topic: str) -> list[dict[str, Any]]:
        """Return the messages of a topic, decoded."""
        return [json.loads(data) for t, data, _ in self.messages if t == topic]


@dataclass
class ScriptedModel:
    """Answers what it is told to, in order; the last one for ever. An exception is raised, a coroutine awaited."""

    answers: list[Any] = field(default_factory=list)
    calls: int = 0
    model: str = "scripted"

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        self.calls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            answer = await answer(question)
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return Answer(text=text, model=self.model, tokens_used=120, latency_ms=5.0)

    async def close(self) -> None:
        return None


class ScriptedHandler:
    """A handler module: counts its calls and does what it is told, in order."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes) or ["done"]
        self.calls: list[tuple[Any, Any]] = []

    async def handle(self, params: Any, ctx: Any) -> Any:
        self.calls.append((params, ctx))
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, BaseException):
            raise outcome
        if callable(outcome):
            return await outcome(params, ctx)
        return outcome


class AskingHandler(ScriptedHandler):
    """A handler that can also ask its provider what became of an effect; `verdicts` are its answers, in order."""

    def __init__(self, *outcomes: Any, verdicts: Sequence[Any]) -> None:
        super().__init__(*outcomes)
        self.verdicts = list(verdicts)
        self.asked: list[str] = []

    async def reconcile(self, effect_key: str, ctx: Any) -> Any:
        self.asked.append(effect_key)
        verdict = self.verdicts.pop(0) if len(self.verdicts) > 1 else self.verdicts[0]
        if isinstance(verdict, Exception):
            raise verdict
        return verdict


class Fixed(random.Random):
    """Chance that always says the same, and counts how often it was asked for a number from 0 to 1."""

    def __init__(self, number: float) -> None:
        super().__init__(7)
        self.number, self.asked = number, 0

    def random(self) -> float:
        self.asked += 1
        return self.number
