"""A classifier that asks another one only where its answer matters: the local one answers the rest. Pure.

Three ways, each a setting: `no_parameter`, a call whose answer could not run whatever it said, for what it would have
to take from the text stands nowhere in it; `certified`, an answer of the local classifier that is proven; `agreeing`,
what earlier decisions about texts like it agree on.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Protocol

from shared.certificate import Certificate
from shared.event.money import amounts
from shared.event.payload import View
from shared.intent.declaration import Intent
from shared.intent.provenance import FromPayload, MoneyFromPayload, markers_of
from shared.intent.registry import Registry
from shared.model.extraction import extract
from shared.model.memory import Memory
from shared.model.question import NOT_ASKED, Answer, Classifier, Question
from shared.task.schemas import UNCLASSIFIED

# An intent that the local classifier gives less than this is not among those that the text may ask for.
PLAUSIBLE = 0.05
AGREEING = "agreeing-1"  # the model's name in records of what earlier decisions agree on
AGREED = 0.9  # how sure that is taken to be, less than measured, until a certificate says what it is
_NUMBER = re.compile(r"\d")


class Local(Classifier, Protocol):
    """A classifier that answers at once and for nothing, and tells what it thinks of every intent."""

    async def learn(self) -> None:
        """Have learnt what it answers by."""

    def shares(self, view: View) -> Mapping[str, float]:
        """Return the probability of every intent; nothing where it cannot tell."""


class FrugalClassifier:
    """A `Classifier` port around another one; `certificate` says what is proven of the local one."""

    def __init__(
        self,
        asked: Classifier,
        local: Local,
        registry: Registry,
        skips: Collection[str],
        certificate: Certificate | None = None,
        earlier: Callable[[], Awaitable[Memory]] | None = None,
    ) -> None:
        self.model = asked.model
        self._asked, self._local, self._registry = asked, local, registry
        self._skips, self._certificate, self._earlier = skips, certificate, earlier

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        """Return the local answer where no other one could matter, else what the model says.

        Raises:
            ModelUnavailable, ModelRefused: as the model that is asked.
        """
        if not question.insists:
            await self._local.learn()
            if "no_parameter" in self._skips and (why := self._why_none_could_run(question)):
                return replace(await self._local.ask(question, timeout_s), spared=f"{NOT_ASKED}: {why}")
            if "certified" in self._skips and self._certificate is not None:
                answer = await self._local.ask(question, timeout_s)
                if self._is_proven(answer, question, self._certificate):
                    return answer
            remember = self._earlier if "agreeing" in self._skips else None
            if remember is not None and (agreed := self._agreed(question, await remember())):
                return agreed
        return await self._asked.ask(question, timeout_s)

    async def close(self) -> None:
        """Release what both hold."""
        await self._asked.close()
        await self._local.close()

    def _why_none_could_run(self, question: Question) -> str:
        """Return why no answer could run: what the text may ask for lacks a parameter; empty: one could."""
        shares = self._local.shares(question.view)
        if not shares:  # it cannot read this text
            return ""
        offered = [n for n in question.schema["properties"]["intent"]["enum"] if n != UNCLASSIFIED]
        missing = {name: next(self._missing(self._registry[name], question.view), "") for name in offered}
        plausible = [name for name in offered if shares.get(name, 1.0) >= PLAUSIBLE]
        if any(not missing[name] for name in plausible):
            return ""
        lacking = dict.fromkeys(missing[name] for name in plausible)
        return f"no answer could run: {', '.join(lacking)} stands nowhere" if lacking else "nothing here is asked for"

    def _missing(self, intent: Intent, view: View) -> Iterator[str]:
        """Yield the parameters that an effect needs and that nothing in the text can be."""
        texts = [*view.texts.values(), *view.may_be_quoted.values()]
        has_digit = any(_NUMBER.search(text) for text in texts)
        has_money = any(True for text in texts for _ in amounts(text))
        for name, marker in markers_of(intent.parameters).items():
            is_absent = not has_money if isinstance(marker, MoneyFromPayload) else not has_digit
            is_sought = isinstance(marker, MoneyFromPayload) or name in self._numbered[intent.name]
            if intent.parameters.model_fields[name].is_required() and is_sought and is_absent:
                yield name

    @cached_property
    def _numbered(self) -> Mapping[str, frozenset[str]]:
        """For each intent: the parameters that stand in the text and, in all of its examples, have a digit."""
        found = {}
        for intent in self._registry.values():
            sourced = [n for n, m in markers_of(intent.parameters).items() if isinstance(m, FromPayload)]
            told = [extract(intent.parameters, View({"/text": text}, {}))[0] for text in intent.examples]
            values = {name: [str(t[name]) for t in told if name in t] for name in sourced}
            found[intent.name] = frozenset(n for n, v in values.items() if v and all(map(_NUMBER.search, v)))
        return found

    def _agreed(self, question: Question, memory: Memory) -> Answer | None:
        """Return what earlier decisions about texts like this one were, if all that it needs stands in the text."""
        began = time.perf_counter()
        intent = memory.agreed("\n".join(dict.fromkeys(question.view.texts.values())))
        if intent is None or intent not in question.schema["properties"]["intent"]["enum"]:
            return None
        parameters: dict[str, Any] = {}
        if intent != UNCLASSIFIED:
            parameters, is_complete = extract(self._registry[intent].parameters, question.view)
            if not is_complete:
                return None
        text = json.dumps({"intent": intent, "parameters": parameters, "confidence": AGREED})
        return Answer(text, AGREEING, tokens_used=0, latency_ms=(time.perf_counter() - began) * 1000)

    @staticmethod
    def _is_proven(answer: Answer, question: Question, certificate: Certificate) -> bool:
        said = json.loads(answer.text)
        line = certificate.line_for(said["intent"])
        is_of = certificate.is_of(answer.model, question.version)
        return is_of and line is not None and bool(said["confidence"] >= line.threshold)
