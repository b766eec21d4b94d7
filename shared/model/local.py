"""The classifier that needs no key and no network: trained in a moment on the intents' own examples.

For demonstrations, tests and degraded operation. It is sure only of plain requests and leaves the rest to people.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from shared.event.payload import View
from shared.intent.registry import Registry
from shared.model.extraction import extract
from shared.model.question import Answer, Question
from shared.model.regression import Regression
from shared.task.schemas import UNCLASSIFIED

MAX_CHARS = 8_000  # a longer message is judged by its beginning, and never with confidence
DOUBTFUL = 0.5  # the most that incomplete parameters or a cut text leave of a confidence

_WORD = re.compile(r"[^\W\d_]+")


class LocalClassifier:
    """A `Classifier` port: regression for the intent, plain extraction for the parameters."""

    model = "local-lr-1"

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        """Return an answer within milliseconds; the first call trains, which takes a fraction of a second."""
        began = time.perf_counter()
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
        probabilities = self._regression.probabilities(text)
        intent = max(probabilities, key=probabilities.__getitem__)
        # An intent that is not on offer keeps its share: the next best is no better for it.
        if intent == UNCLASSIFIED or intent not in set(allowed) or not _WORD.search(text):
            return UNCLASSIFIED, 0.0
        return intent, probabilities[intent]

    @cached_property
    def _regression(self) -> Regression:
        examples = [(text, intent.name) for intent in self._registry.values() for text in intent.examples]
        known = [_words(text) for text, _ in examples]
        # What some team makes an intent of is no background there: lines close to an example of theirs are left out.
        background = [(line, UNCLASSIFIED) for line in _background() if not any(_close(_words(line), k) for k in known)]
        return Regression(*zip(*examples, *background, strict=True))


def _beginning(view: View) -> tuple[View, bool]:
    """Return the view with its first MAX_CHARS characters, and whether that is all of it."""
    texts, left = {}, MAX_CHARS
    for label, text in view.texts.items():
        texts[label] = text[:left]
        left -= len(texts[label])
    return View(texts, view.fields), sum(map(len, view.texts.values())) <= MAX_CHARS


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


def _close(line: frozenset[str], example: frozenset[str]) -> bool:
    return len(line & example) >= 0.6 * len(line | example)


def _background() -> Iterator[str]:
    return (line.strip() for line in _BACKGROUND.split("/"))


# What people also write to support desks, and small talk: neither is to be mistaken for an intent.
_BACKGROUND = """
what is the weather going to be like tomorrow / tell me a joke / who won the football match last night /
how many calories are in a banana / what is the capital of Australia / play some music /
translate good morning into Spanish / how do I bake sourdough bread / set an alarm for seven /
what does this word mean / recommend a good book / how tall is the highest mountain / what time is it in Tokyo /
who wrote this song / why is the sky blue / how do I change a flat tyre /
is the restaurant on the corner open today / where can I buy cheap flights / thank you very much, that was all /
hello, is anybody there / you are a robot, let me talk to a human / my refund has not arrived yet, where is it /
you promised a refund two weeks ago and I still do not see it on my statement /
how long does a refund take until it shows up in my account / the refund is missing from my account /
I am still waiting for my refund / I was told the refund was sent but nothing has come /
my refund is pending, when do I receive it / I cannot find my refund /
how do I get back money that was taken for a payment I did not make / why has my refund not been processed /
what is your return policy / my card was declined / why was my payment rejected / the payment did not go through /
my credit card does not work in the shop / there is a charge on my statement that I did not make /
I was charged twice for the same thing / I do not recognise this withdrawal, somebody used my card /
I want to dispute a transaction / how do I report fraud / what is this extra fee on my bill /
someone took money out of my account without permission / I lost my card / my card was stolen, block it right away /
please freeze my account / put a stop on my account / please close my account /
how do I delete my account and my data / I want to terminate my contract / I forgot the PIN of my card /
how do I change my PIN / unblock my PIN / I want to change my security question / I need to update my phone number /
change the e-mail address on my account / I would like to update my email address /
please correct the name on my profile / edit my personal details / I want to cancel my subscription /
cancel my reservation for tonight / please cancel my flight / cancel the transfer I made yesterday /
cancel a check I wrote / stop the automatic billing of my plan / I want to order a new card /
when will my new card arrive in the mail / how do I track the card you sent me /
my replacement card has not come yet / I need to order more checks / how do I activate my card /
when does my card expire / what is my account balance / show me my recent transactions /
list everything I bought last month / send me a bank statement / when is my bill due /
how much do I owe on my electric bill / I want to pay my bill / how do I transfer money to a friend /
how long does a transfer take / the transfer has not arrived / what is the exchange rate /
how do I top up my account / is there a limit on how much I can spend / what is my credit limit /
I want to apply for a loan / what is the status of my application / why is my account blocked /
how do I verify my identity / where is the nearest cash machine /
the cash machine did not give me the right amount / I want a quote for car insurance / I need to file a claim /
I want to change my insurance plan / send me proof of insurance / my luggage is lost /
schedule an appointment with an advisor / what are your opening hours / what services do you offer in my country /
can I have a second account for my child / how do I set up direct deposit / where do I find my tax form /
do you accept American Express / the app crashes when I open it / your website is very slow today /
I would like to talk to your manager / do you have this in blue / how much does shipping cost /
what delivery options are there / I would like to order two pizzas / can you change the size of the item /
our server is down / I need access to the shared drive / my laptop does not start /
please invite a colleague to the project / when is the next team meeting / I have a question about my invoice /
please send me a copy of the invoice / change my billing frequency to monthly / change the delivery date /
please add a phone line / I am getting married and my name changes
"""
