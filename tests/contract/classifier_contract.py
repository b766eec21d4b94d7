"""What every `Classifier` promises, and what those that ask a server promise besides.

A subclass named `Test...` supplies the fixture `classifier`, or says how to build one for a server.
"""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest
from pydantic import Field

from infra.gemini_server import GeminiServer, serving
from shared.errors import ModelRefused, ModelUnavailable, SwitchyardError
from shared.event.payload import View
from shared.event.strict_json import parse_object
from shared.intent.declaration import Intent, ParametersModel, Provider
from shared.intent.provenance import FromPayload
from shared.intent.registry import Registry
from shared.model import prompt
from shared.model.question import Classifier, Question
from shared.model.request import max_output_tokens
from shared.model.together import join, split
from shared.task.schemas import UNCLASSIFIED, AutomationTask

KEY = "AIza-the-key-itself"
MODEL = "gemini-3.5-flash-lite"
PRIVATE = "my card ends in 4242"
HANG_S = 20.0  # far less than forever, and than any SDK waits by itself

SAID = '{"intent": "refund_request", "parameters": {"order_id": "#10021"}, "confidence": 0.95}'
# Parts of a candidate, and the text that both adapters make of them.
ANSWERS: list[Any] = [
    pytest.param([{"text": SAID}], SAID, id="one part"),
    pytest.param([{"text": SAID[:30]}, {"text": SAID[30:]}], SAID, id="two parts"),
    pytest.param([{"text": "They want money.", "thought": True}, {"text": SAID}], SAID, id="thought first"),
    pytest.param([{"text": SAID, "thought": False}, {"text": "Done.", "thought": True}], SAID, id="thought last"),
    pytest.param([{"text": SAID, "thoughtSignature": "YWJj"}], SAID, id="signed"),
    pytest.param([{"text": ""}, {"text": SAID}], SAID, id="empty part"),
    pytest.param([{"text": f"THOUGHT: money\n{SAID}"}], f"THOUGHT: money\n{SAID}", id="thought in words"),
    pytest.param([{"text": f"```json\n{SAID}\n```"}], f"```json\n{SAID}\n```", id="code fence"),
    pytest.param([{"text": "größer 日本 \u2028"}], "größer 日本 \u2028", id="any script"),
]
# Usage as a reply has it; tokens in all, of the question, of the question and cached.
USAGES: list[Any] = [
    pytest.param(
        {"promptTokenCount": 900, "candidatesTokenCount": 40, "totalTokenCount": 940}, (940, 900, 0), id="all"
    ),
    pytest.param({"promptTokenCount": 900, "candidatesTokenCount": 40}, (940, 900, 0), id="no total"),
    pytest.param(
        {"promptTokenCount": 900, "candidatesTokenCount": 40, "thoughtsTokenCount": 300}, (1240, 900, 0), id="thoughts"
    ),
    pytest.param({"promptTokenCount": 900, "cachedContentTokenCount": 800}, (900, 900, 800), id="cached"),
    pytest.param({"promptTokenCount": 90, "cachedContentTokenCount": 800}, (90, 90, 90), id="more cached than asked"),
    pytest.param({}, (0, 0, 0), id="nothing"),
]


class Parameters(ParametersModel):
    order_id: Annotated[str, Field(pattern=r"^#?[A-Za-z0-9-]{3,40}$"), FromPayload()]
    amount_minor: int | None = None


REFUND = Intent(
    name="refund_request",
    description="The customer wants money back.",
    examples=("refund #10021", "money back for #10022", "refund order 10023"),
    parameters=Parameters,
    provider=Provider("stripe", url="https://stripe.example"),
)


def question(text: str = f"I want a refund of $25.00 for order #10021, {PRIVATE}") -> Question:
    task = AutomationTask(task_id="t1", source="zendesk", raw_payload={"text": text})
    return prompt.build(task, View(texts={"/text": text}, fields={}), Registry({"refund_request": REFUND}))


class ClassifierContract:
    """Inherited by the suite of every adapter."""

    async def test_answer_is_json_that_the_gate_can_read(self, classifier: Classifier) -> None:
        answer = await classifier.ask(question(), 5)
        said = parse_object(answer.text.encode())
        assert set(said) == {"intent", "parameters", "confidence"}
        assert said["intent"] in ("refund_request", UNCLASSIFIED)
        assert 0 <= said["confidence"] <= 1
        assert said["parameters"].get("order_id", "#10021") in ("#10021", "10021")

    async def test_answer_names_its_model_cost_and_time(self, classifier: Classifier) -> None:
        timeout_s = 5
        answer = await classifier.ask(question(), timeout_s)
        assert answer.model == classifier.model != ""
        assert answer.tokens_used >= 0
        assert 0 <= answer.latency_ms <= timeout_s * 1000

    async def test_ten_questions_at_once_are_answered_each_for_itself(self, classifier: Classifier) -> None:
        texts = [f"I want a refund of $25.00 for order #{20000 + n}" for n in range(10)]
        answers = await asyncio.gather(*(classifier.ask(question(t), 5) for t in texts))
        for n, answer in enumerate(answers):
            assert str(20000 + n) in answer.text

    async def test_text_that_fits_nothing_is_not_called_sure(self, classifier: Classifier) -> None:
        said = parse_object((await classifier.ask(question("is cnn really fake news"), 5)).text.encode())
        assert said["intent"] == UNCLASSIFIED or said["confidence"] < 0.8

    async def test_payload_is_in_no_repr(self, classifier: Classifier) -> None:
        asked = question()
        assert PRIVATE not in repr(await classifier.ask(asked, 5)) + repr(classifier)

    async def test_closing_twice_is_harmless(self, classifier: Classifier) -> None:
        await classifier.close()
        await classifier.close()


class RemoteClassifierContract(ClassifierContract):
    """Inherited by the suite of each SDK: faults of the server, keys, timeouts."""

    def build(self, endpoint: str, key: str = KEY) -> Classifier:
        raise NotImplementedError

    @pytest.fixture
    def server(self) -> Iterator[GeminiServer]:
        with serving(api_keys=[KEY]) as server:
            yield server

    @pytest.fixture
    async def classifier(self, server: GeminiServer) -> AsyncIterator[Classifier]:
        classifier = self.build(server.url)
        yield classifier
        await classifier.close()

    async def test_answer_carries_text_model_tokens_and_latency(
        self, server: GeminiServer, classifier: Classifier
    ) -> None:
        server.latency_ms = 60
        server.script({"text": '{"intent": "refund_request", "parameters": {}, "confidence": 0.9}'})
        began = time.perf_counter()
        answer = await classifier.ask(question(), 5)
        assert 60 <= answer.latency_ms <= (time.perf_counter() - began) * 1000
        assert answer.text == '{"intent": "refund_request", "parameters": {}, "confidence": 0.9}'
        assert answer.model == classifier.model == MODEL
        assert answer.tokens_used > 100
        assert server.calls == 1

    async def test_request_keeps_instructions_apart_from_content(
        self, server: GeminiServer, classifier: Classifier
    ) -> None:
        asked = question()
        await classifier.ask(asked, 5)
        (body,) = server.requests
        assert body["systemInstruction"]["parts"] == [{"text": asked.instructions}]
        assert [content["parts"] for content in body["contents"]] == [[{"text": asked.content}]]
        assert "tools" not in body

    async def test_request_asks_for_json_of_the_schema_at_temperature_zero(
        self, server: GeminiServer, classifier: Classifier
    ) -> None:
        await classifier.ask(question(), 5)
        config = server.requests[0]["generationConfig"]
        assert config["temperature"] == 0
        assert config["responseMimeType"] == "application/json"
        properties = config["responseSchema"]["properties"]
        assert properties["intent"]["enum"] == ["refund_request", "unclassified"]
        assert set(properties["parameters"]["properties"]) == {"order_id", "amount_minor"}
        assert set(config["responseSchema"]["required"]) == {"intent", "parameters", "confidence"}

    async def test_several_questions_in_one_call_are_answered_as_each_alone(
        self, server: GeminiServer, classifier: Classifier
    ) -> None:
        questions = [question(f"I want a refund of $25.00 for order #{20000 + n}") for n in range(10)]
        alone = [(await classifier.ask(q, 5)).text for q in questions]
        together = join(questions)
        answer = await classifier.ask(together.question, 5)
        answers = split(together, answer)
        assert [json.loads(a.text) for a in answers] == [json.loads(text) for text in alone]
        assert sum(a.tokens_used for a in answers) == answer.tokens_used > 100
        assert (server.calls, server.tasks) == (11, 20)
        config = server.requests[-1]["generationConfig"]
        assert config["maxOutputTokens"] == max_output_tokens(10)
        assert set(config["responseSchema"]["items"]["required"]) == {"id", "intent", "parameters", "confidence"}

    @pytest.mark.parametrize(
        ("fault", "lost"), [("misses_one", 1), ("repeats_one", 1), ("unknown_id", 1), ("no_list", 3)]
    )
    async def test_what_a_call_of_several_has_no_answer_for_is_known(
        self, server: GeminiServer, classifier: Classifier, fault: str, lost: int
    ) -> None:
        server.script(fault)
        together = join([question(f"refund of $25.00 for order #{20000 + n}") for n in range(3)])
        answers = split(together, await classifier.ask(together.question, 5))
        assert [a.text for a in answers].count("") == lost

    async def test_schema_the_api_would_refuse_is_a_rejected_request(
        self, server: GeminiServer, classifier: Classifier
    ) -> None:
        asked = question()
        empty = {"type": "OBJECT", "properties": {"parameters": {"type": "OBJECT"}}}
        bad = Question(asked.instructions, asked.content, empty, asked.version, asked.view)
        with pytest.raises(ModelRefused) as caught:
            await classifier.ask(bad, 5)
        assert caught.value.code == "model_rejected_request"

    async def test_asking_leaves_the_shared_schema_unchanged(self, classifier: Classifier) -> None:
        asked = question()
        before = repr(asked.schema)
        await classifier.ask(asked, 5)
        assert repr(asked.schema) == before

    @pytest.mark.parametrize("fault", ["429", "500", "503", "504", "bad_gateway", "not_json", "drop"])
    async def test_transient_trouble_is_unavailable_after_one_call(
        self, server: GeminiServer, classifier: Classifier, fault: str
    ) -> None:
        server.script(fault)
        with pytest.raises(ModelUnavailable) as caught:
            await classifier.ask(question(), 5)
        assert caught.value.code == "model_unavailable"
        assert (caught.value.retry_after_s, caught.value.is_timeout) == (None, False)
        assert server.calls == 1

    @pytest.mark.parametrize("delay_s", [37, 0.5])
    async def test_quota_error_says_when_to_come_back(
        self, server: GeminiServer, classifier: Classifier, delay_s: float
    ) -> None:
        server.script({"fault": "429", "retry_delay_s": delay_s})
        with pytest.raises(ModelUnavailable) as caught:
            await classifier.ask(question(), 5)
        assert (caught.value.retry_after_s, caught.value.is_overload) == (delay_s, True)
        assert server.calls == 1

    async def test_retry_after_header_counts_where_no_retry_info_is_given(
        self, server: GeminiServer, classifier: Classifier
    ) -> None:
        server.script({"fault": "503", "retry_after": "12"})
        with pytest.raises(ModelUnavailable) as caught:
            await classifier.ask(question(), 5)
        assert caught.value.retry_after_s == 12

    @pytest.mark.parametrize("fault", ["401", "403", "404"])
    async def test_refused_key_or_model_is_retried_by_the_bus_until_an_operator_mends_it(
        self, server: GeminiServer, classifier: Classifier, fault: str
    ) -> None:
        server.script(fault)
        with pytest.raises(ModelUnavailable) as caught:
            await classifier.ask(question(), 5)
        assert caught.value.code == "model_misconfigured"
        assert server.calls == 1

    async def test_invalid_key_is_not_held_against_the_task(self, server: GeminiServer) -> None:
        classifier = self.build(server.url, key="AIza-revoked")
        with pytest.raises(ModelUnavailable) as caught:
            await classifier.ask(question(), 5)
        assert caught.value.code == "model_misconfigured"
        await classifier.close()

    @pytest.mark.parametrize(
        ("fault", "code"),
        [
            ("400", "model_rejected_request"),
            ("safety_prompt", "safety_block"),
            ("safety", "safety_block"),
            ("max_tokens", "cut_off"),
            ("max_tokens_empty", "cut_off"),
            ("no_candidates", "empty_answer"),
            ("stop_empty", "empty_answer"),
        ],
    )
    async def test_unusable_answer_is_refused_after_one_call(
        self, server: GeminiServer, classifier: Classifier, fault: str, code: str
    ) -> None:
        server.script(fault)
        with pytest.raises(ModelRefused) as caught:
            await classifier.ask(question(), 5)
        assert caught.value.code == code
        assert caught.value.tokens_used >= server.prompt_tokens
        assert (caught.value.tokens_used > 0) == (fault != "400")  # the API bills what it has read
        assert server.calls == 1

    async def test_text_that_is_no_json_is_returned_for_the_gate_to_judge(
        self, server: GeminiServer, classifier: Classifier
    ) -> None:
        server.script("malformed")
        assert (await classifier.ask(question(), 5)).text.startswith("Sure!")

    @pytest.mark.parametrize(("parts", "text"), ANSWERS)
    async def test_text_is_what_was_said_and_not_what_was_thought(
        self, server: GeminiServer, classifier: Classifier, parts: list[dict[str, Any]], text: str
    ) -> None:
        server.script({"parts": parts})
        assert (await classifier.ask(question(), 5)).text == text

    async def test_answer_of_thoughts_alone_is_empty(self, server: GeminiServer, classifier: Classifier) -> None:
        server.script({"parts": [{"text": "They want money.", "thought": True}]})
        with pytest.raises(ModelRefused) as caught:
            await classifier.ask(question(), 5)
        assert caught.value.code == "empty_answer"

    @pytest.mark.parametrize(("usage", "tokens"), USAGES)
    async def test_tokens_are_the_total_or_the_sum_of_its_parts(
        self, server: GeminiServer, classifier: Classifier, usage: dict[str, int], tokens: tuple[int, int, int]
    ) -> None:
        server.script({"usage": usage})
        answer = await classifier.ask(question(), 5)
        assert (answer.tokens_used, answer.input_tokens, answer.cached_tokens) == tokens

    async def test_hang_ends_at_the_timeout(self, server: GeminiServer, classifier: Classifier) -> None:
        await classifier.ask(question(), 5)
        server.script("hang")
        started = time.perf_counter()
        with pytest.raises(ModelUnavailable) as caught:
            await classifier.ask(question(), 1)  # time enough to get there
        assert caught.value.is_timeout
        assert 0.95 < time.perf_counter() - started < HANG_S
        assert server.calls == 2

    async def test_slow_trickle_ends_at_the_timeout(self, server: GeminiServer, classifier: Classifier) -> None:
        server.script("trickle")
        started = time.perf_counter()
        with pytest.raises(ModelUnavailable):
            await classifier.ask(question(), 0.5)
        assert time.perf_counter() - started < HANG_S

    async def test_server_that_is_not_there_is_unavailable(self, server: GeminiServer) -> None:
        classifier = self.build("http://127.0.0.1:1")
        with pytest.raises(ModelUnavailable):
            await classifier.ask(question(), 5)
        await classifier.close()

    async def test_ten_calls_are_in_flight_at_once(self, server: GeminiServer, classifier: Classifier) -> None:
        await classifier.ask(question(), 5)
        server.latency_ms = 1500  # time enough for all to get there
        started = time.perf_counter()
        answers = await asyncio.gather(*(classifier.ask(question(), 30) for _ in range(10)))
        assert len(answers) == server.max_in_flight == 10
        assert time.perf_counter() - started < 5 * 1.5

    async def test_event_loop_stays_free_during_a_call(self, server: GeminiServer, classifier: Classifier) -> None:
        await classifier.ask(question(), 5)
        server.latency_ms = 1500
        call = asyncio.create_task(classifier.ask(question(), 30))
        ticks = 0
        while not call.done():
            await asyncio.sleep(0.01)
            ticks += 1
        assert ticks > 15
        await call

    async def test_cancelled_ask_ends_at_once_and_the_next_one_works(
        self, server: GeminiServer, classifier: Classifier
    ) -> None:
        server.script("hang")
        call = asyncio.create_task(classifier.ask(question(), 20))
        async with asyncio.timeout(10):
            while server.in_flight == 0:  # noqa: ASYNC110 - the server runs in another thread
                await asyncio.sleep(0.01)
        call.cancel()
        started = time.perf_counter()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert time.perf_counter() - started < 5
        assert (await classifier.ask(question(), 5)).text

    @pytest.mark.parametrize("fault", ["400", "403", "429", "500"])
    async def test_no_secret_and_no_content_in_an_error(
        self, server: GeminiServer, classifier: Classifier, fault: str
    ) -> None:
        server.script({"fault": fault, "message": f"you sent {KEY} and {PRIVATE}"})
        with pytest.raises(SwitchyardError) as caught:
            await classifier.ask(question(), 5)
        error = caught.value
        shown = "".join(traceback.format_exception(error)) + repr(error) + str(error) + error.message
        assert KEY not in shown
        assert PRIVATE not in shown

    async def test_objects_do_not_show_the_key(self, classifier: Classifier) -> None:
        assert KEY not in repr(classifier)
