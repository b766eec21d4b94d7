"""How tickets are routed: by the product's own path, a bounded number at once, and none of them lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from infra.errors import StackError
from infra.evaluate import recording
from infra.evaluate.recording import Recorder
from infra.evaluate.route import Verdict
from infra.evaluate.run import FromRecording, Live, run
from infra.evaluate.tickets import Ticket
from shared.errors import ModelRefused, ModelUnavailable
from shared.model.question import Answer, Question
from shared.settings import Settings
from tests.shipped import shipped
from tests.unit.infra.evaluate.verdicts import NONE, REFUND, RESET, THREE, ticket

SETTINGS = Settings(max_concurrent_calls=4)
BUSY = ModelUnavailable("over quota", retry_after_s=0.001)
DOWN = ModelUnavailable("no connection")
NO_KEY = ModelUnavailable("the model API refused the key", code="model_misconfigured")
BLOCKED = ModelRefused("blocked", code="safety_block")


def says(intent: str = REFUND, confidence: float = 0.9, **parameters: object) -> str:
    return json.dumps({"intent": intent, "parameters": parameters, "confidence": confidence})


class Scripted:
    """A classifier that answers each call with the next step, and with the last one from then on."""

    model = "scripted"

    def __init__(self, *steps: str | Exception) -> None:
        self.steps = list(steps)
        self.questions: list[Question] = []
        self.under_way = self.most_under_way = 0

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        self.questions.append(question)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return Answer(step, self.model, tokens_used=10, latency_ms=1.0)

    async def close(self) -> None:
        pass


def patient(classifier: Scripted, patience_s: float = 30.0) -> Live:
    return Live(classifier, timeout_s=1.0, patience_s=patience_s, first_wait_s=0.001)


def tickets(count: int, intent: str = REFUND) -> list[Ticket]:
    return [ticket(n, intent) for n in range(count)]


async def route(text: str, answer: str, **settings: object) -> Verdict:
    """Route one ticket through the shipped intents."""
    one = [ticket(1, text=text)]
    made = replace(SETTINGS, **settings)  # type: ignore[arg-type]
    (verdict,) = await run(one, shipped(), made, patient(Scripted(answer)))
    return verdict


async def test_verdicts_come_in_the_order_of_the_tickets_and_few_calls_at_once() -> None:
    heard: list[int] = []
    classifier = Scripted(says())
    verdicts = await run(tickets(40), THREE, SETTINGS, patient(classifier), tell=heard.append)
    assert [v.ticket.id for v in verdicts] == [f"t{n}" for n in range(40)]
    assert classifier.most_under_way == SETTINGS.max_concurrent_calls
    assert heard == list(range(1, 41))


async def test_a_classifier_sees_the_text_and_nothing_of_where_it_is_from() -> None:
    classifier = Scripted(says())
    one = Ticket("an-id-of-ours", "my words", "the-gold-one", None, "a-dataset", "a-label")
    await run([one], THREE, SETTINGS, patient(classifier))
    (question,) = classifier.questions
    asked = f"{question.instructions}{question.content}{question.view}"
    assert "my words" in asked
    assert not [word for word in ("an-id-of-ours", "the-gold-one", "a-dataset", "a-label") if word in asked]


async def test_a_model_over_quota_is_waited_for() -> None:
    classifier = Scripted(BUSY, BUSY, DOWN, says())
    (verdict,) = await run(tickets(1), THREE, SETTINGS, patient(classifier))
    assert (verdict.said, verdict.failure, len(classifier.questions)) == (REFUND, "", 4)


async def test_a_model_is_left_alone_for_as_long_as_it_says() -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    await run(tickets(1), THREE, SETTINGS, patient(Scripted(ModelUnavailable(retry_after_s=0.05), says())))
    assert clock() - began >= 0.05


async def test_a_call_that_fails_for_good_is_counted_and_the_run_goes_on() -> None:
    classifier = Scripted(says(), BLOCKED, says())
    verdicts = await run(tickets(5), THREE, SETTINGS, patient(classifier))
    assert sorted(v.failure for v in verdicts) == ["", "", "", "", "safety_block"]
    (failed,) = [v for v in verdicts if v.failure]
    assert (failed.said, failed.executes, failed.answer) == (NONE, False, None)


async def test_a_model_that_stays_away_for_one_ticket_is_counted_too() -> None:
    settings = replace(SETTINGS, max_concurrent_calls=1)
    classifier = Scripted(says(), DOWN, says())
    verdicts = await run(tickets(3), THREE, settings, patient(classifier, patience_s=0.0))
    assert [v.failure for v in verdicts] == ["", "model_unavailable", ""]


async def test_calls_that_fail_now_and_then_do_not_end_the_run() -> None:
    settings = replace(SETTINGS, max_concurrent_calls=1)
    classifier = Scripted(*(says() if n % 2 == 0 else DOWN for n in range(60)))
    verdicts = await run(tickets(60), THREE, settings, patient(classifier, patience_s=0.0))
    assert sum(v.failure == "model_unavailable" for v in verdicts) == 30


@pytest.mark.parametrize(
    ("steps", "calls"), [((NO_KEY,), 1), ((DOWN,), 3), ((says(), NO_KEY), 21), ((says(), DOWN), 21)]
)
async def test_a_run_that_nobody_answers_ends_and_says_what_to_check(steps: tuple[str | Exception], calls: int) -> None:
    settings = replace(SETTINGS, max_concurrent_calls=1)
    classifier = Scripted(*steps)
    with pytest.raises(StackError, match="check GEMINI_API_KEY, GEMINI_MODEL and GEMINI_API_ENDPOINT"):
        await run(tickets(100), THREE, settings, patient(classifier, patience_s=0.0))
    assert len(classifier.questions) == calls


async def test_the_answer_is_read_as_the_gate_reads_it() -> None:
    unsure = await route("reset my password", says(RESET, 0.4, email="kim@example.com"))
    odd = await route("reset my password", "the answer is 42")
    fenced = await route("reset my password", f"```json\n{says(RESET, 0.9, email='kim@example.com')}\n```")
    lacking = await route("I want my money back", says(REFUND, 0.9))
    assert (unsure.said, unsure.can_run, unsure.acts(0.4), unsure.acts(0.41)) == (RESET, True, True, False)
    assert (odd.said, odd.can_run) == (NONE, False)
    assert (fenced.said, fenced.can_run) == (RESET, False)
    assert (lacking.said, lacking.can_run, lacking.sureness, lacking.score) == (REFUND, False, 0.9, 0.0)


async def test_the_gate_executes_what_its_settings_allow() -> None:
    answer = says(RESET, 0.9, email="kim@example.com")
    waits = await route("reset my password", answer)
    assert [reason.partition(":")[0] for reason in waits.reasons] == ["policy"]
    assert (await route("reset my password", answer, automatic={RESET: None})).executes
    assert not (await route("reset my password", answer, automatic={RESET: None}, confidence_threshold=0.95)).executes
    off = await route("reset my password", answer, disabled_intents=frozenset({RESET}))
    assert (off.said, off.executes) == (NONE, False)


@pytest.fixture
def record(tmp_path: Path) -> Callable[[], Recorder]:
    return lambda: Recorder(tmp_path / "run.jsonl", "scripted", "abc")


async def test_a_recorded_run_is_the_same_as_the_live_one(record: Callable[[], Recorder], tmp_path: Path) -> None:
    recorder = record()
    classifier = Scripted(says(), BLOCKED, "not JSON", says(NONE, 0.3), says(RESET))
    live = await run(tickets(9), THREE, SETTINGS, patient(classifier), recorder=recorder)
    recorder.close()
    again = await run(tickets(9), THREE, SETTINGS, FromRecording(recording.read(tmp_path / "run.jsonl")))
    assert again == live
    with pytest.raises(StackError, match="has no answer for ticket 't9'"):
        await run(tickets(10), THREE, SETTINGS, FromRecording(recording.read(tmp_path / "run.jsonl")))


async def test_a_run_that_breaks_off_goes_on_where_it_ended(record: Callable[[], Recorder]) -> None:
    settings = replace(SETTINGS, max_concurrent_calls=1)
    recorder, broken = record(), patient(Scripted(says(), says(), NO_KEY), 0.0)
    with pytest.raises(StackError):
        await run(tickets(40), THREE, settings, broken, recorder=recorder)
    recorder.close()
    classifier, recorder = Scripted(says()), record()
    verdicts = await run(tickets(40), THREE, settings, patient(classifier), recorder=recorder)
    recorder.close()
    assert len(classifier.questions) == 38
    assert all(verdict.said == REFUND for verdict in verdicts)
