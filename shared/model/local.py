"""The classifier that needs no key and no network: trained in a moment on what the intents' folders say.

For demonstrations, tests and degraded operation. It is sure only of plain requests and leaves the rest to people.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from shared.event.payload import View
from shared.intent.registry import Registry
from shared.model.artefact import Artefact
from shared.model.extraction import extract
from shared.model.language import is_foreign
from shared.model.question import Answer, Question
from shared.model.regression import features
from shared.model.synonyms import GROUP_OF
from shared.model.teaching import train
from shared.task.schemas import UNCLASSIFIED

MAX_CHARS = 8_000  # a longer message is judged by its beginning, and never with confidence
DOUBTFUL = 0.5  # the most that incomplete parameters or a cut text leave of a confidence
NAMED = 0.25  # an intent is named, with its modest confidence, unless that it is none is four times as likely

_WORD = re.compile(r"[^\W\d_]+")


class LocalClassifier:
    """A `Classifier` port: regression for the intent, plain extraction for the parameters."""

    def __init__(self, registry: Registry, artefact: Artefact | None = None) -> None:
        self._registry = registry
        self._artefact = artefact
        self._learning = threading.Lock()

    @property
    def artefact(self) -> Artefact:
        """What it learnt: the artefact it was given, or what the registry teaches, learnt in a fraction of a second."""
        with self._learning:
            if self._artefact is None:
                self._artefact = train(self._registry)
            return self._artefact

    async def learn(self) -> None:
        """Have learnt, in a thread: the loop serves others meanwhile."""
        if self._artefact is None:
            await asyncio.to_thread(lambda: self.artefact)

    @cached_property
    def _vocabulary(self) -> Mapping[str, object]:
        return {**self.artefact.regression.weights, **GROUP_OF}

    @property
    def model(self) -> str:
        """The name of exactly these weights."""
        return self.artefact.name

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        """Return an answer within milliseconds; the first call trains, if no artefact was given."""
        began = time.perf_counter()
        await self.learn()
        view, whole = _beginning(question.view)
        intent, confidence = self.judge(view, question.schema["properties"]["intent"]["enum"])
        parameters: dict[str, Any] = {}
        complete = True
        if intent != UNCLASSIFIED:
            parameters, complete = extract(self._registry[intent].parameters, view)
        confidence = confidence if complete and whole else min(confidence, DOUBTFUL)
        text = json.dumps({"intent": intent, "parameters": parameters, "confidence": round(confidence, 4)})
        return Answer(text, self.model, tokens_used=0, latency_ms=(time.perf_counter() - began) * 1000)

    async def close(self) -> None:
        """Hold nothing, release nothing."""

    def judge(self, view: View, allowed: Iterable[str]) -> tuple[str, float]:
        """Return the intent and its probability, before any parameter is looked for; `unclassified` has 0."""
        text = "\n".join(dict.fromkeys(view.texts.values()))
        if not _WORD.search(text) or is_foreign(text, self.artefact.languages, self._vocabulary):
            return UNCLASSIFIED, 0.0
        probabilities = self.artefact.regression.probabilities(features(text))
        none = probabilities.pop(UNCLASSIFIED)
        intent = max(probabilities, key=probabilities.__getitem__)
        # An intent that is not on offer keeps its share: the next best is no better for it.
        if probabilities[intent] < NAMED * none or intent not in set(allowed):
            return UNCLASSIFIED, 0.0
        return intent, probabilities[intent]

    def shares(self, view: View) -> dict[str, float]:
        """Return the probability of every intent, by name; nothing where it cannot tell."""
        text = "\n".join(dict.fromkeys(view.texts.values()))
        if is_foreign(text, self.artefact.languages, self._vocabulary):
            return {}
        probabilities = self.artefact.regression.probabilities(features(text))
        return {name: share for name, share in probabilities.items() if name != UNCLASSIFIED}


def _beginning(view: View) -> tuple[View, bool]:
    """Return the view with its first MAX_CHARS characters, and whether that is all of it."""
    texts, left = {}, MAX_CHARS
    for label, text in view.texts.items():
        texts[label] = text[:left]
        left -= len(texts[label])
    return View(texts, view.fields), sum(map(len, view.texts.values())) <= MAX_CHARS
