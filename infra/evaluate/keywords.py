"""The router that most desks begin with, to compare with: patterns and keywords in, an intent or none out. Pure.

For intents of well-known names the patterns are what a careful person writes in an hour; for others they are the words
and word pairs that stand in several of an intent's own examples, and in no other's.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise

from shared.intent.registry import Registry
from shared.model.question import Answer, Question
from shared.task.schemas import UNCLASSIFIED

LEAST_SHARE = 0.15  # of an intent's examples that a keyword stands in, and in two of them at least
# The special before the general: the first that matches wins.
PATTERNS = {
    "ticket_summary": r"\b(summar(y|i[sz]e)|tl;?dr)\b",
    "password_reset": r"\b(reset|forgot(ten)?|lost|change|new|recover|wrong)\b.{0,40}\bpass ?(word|code)s?\b"
    r"|\bpass ?(word|code)s?\b.{0,40}\b(reset|forgot(ten)?|lost|not work\w*|doesn.t work|change)\b|\blocked out\b",
    "change_address": r"\b(change|update|new|edit|correct|wrong|different)\b.{0,40}\baddress\b|\bship\b.{0,30}\bto\b",
    "refund_request": r"\b(refund(ed|s)?|money back|reimburse\w*)\b|\breturn (this|it|the|an?)\b.*\b(item|order)\b",
    "cancel_order": r"\b(cancel|stop)\b.{0,25}\borders?\b",
    "order_status": r"\b(where('s| is)|track\w*|status of|when (will|does|is)|has)\b.{0,40}"
    r"\b(orders?|packages?|parcels?|deliver\w*|shipments?)\b|\border status\b",
}
_WORD = re.compile(r"[^\W\d_]+")


class KeywordClassifier:
    """A `Classifier`. It has no idea how sure it is, so it is always sure of what it names."""

    model = "keywords"

    def __init__(self, registry: Registry) -> None:
        self._patterns = {name: re.compile(p, re.IGNORECASE) for name, p in PATTERNS.items() if name in registry}
        self._owner = _keywords(registry)

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        """Return an answer without parameters."""
        intent = self.judge("\n".join(question.view.texts.values()))
        said = {"intent": intent, "parameters": {}, "confidence": 0.0 if intent == UNCLASSIFIED else 1.0}
        return Answer(json.dumps(said), self.model, tokens_used=0, latency_ms=0.0)

    async def close(self) -> None:
        """Hold nothing, release nothing."""

    def judge(self, text: str) -> str:
        """Return the first intent whose pattern matches, else the one with the most keywords; of two equals none."""
        if named := next((name for name, pattern in self._patterns.items() if pattern.search(text)), None):
            return named
        hits = Counter(self._owner[word] for word in _words(text) if word in self._owner).most_common(2)
        if not hits or (len(hits) == 2 and hits[0][1] == hits[1][1]):
            return UNCLASSIFIED
        return hits[0][0]


def _keywords(registry: Registry) -> dict[str, str]:
    """Return the keywords of the intents that have no pattern, each with its one owner."""
    seen = {name: Counter(w for e in intent.examples for w in _words(e)) for name, intent in registry.items()}
    owners = Counter(word for words in seen.values() for word in words)
    return {
        word: name
        for name, words in seen.items()
        if name not in PATTERNS
        for word, count in words.items()
        if owners[word] == 1 and count >= max(2, LEAST_SHARE * len(registry[name].examples))
    }


def _words(text: str) -> set[str]:
    words = [word.lower() for word in _WORD.findall(text)]
    return {*words, *(f"{first} {second}" for first, second in pairwise(words))}
