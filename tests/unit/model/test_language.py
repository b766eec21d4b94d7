"""Which language a text is in, and that what is in another than those taught goes to somebody who reads it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.intent.registry import Registry
from shared.model.language import COMMON, is_foreign, languages_of
from shared.model.local import LocalClassifier
from tests.contract.test_local import NAMES, TICKETS, question
from tests.shipped import shipped

FOREIGN = """
Ich möchte ein Refund für meine Order 10021
Password vergessen
Refund Bestellung 10021
Bonjour, où est mon order 47384 ?
Refund svp, commande 10021
¿Dónde está mi pedido #47384?
Quiero un refund de mi orden 10021 por favor
Vorrei un refund per il mio ordine 10021
Quero um refund do pedido 10021
Ik wil graag een refund voor mijn order 10021
Jag vill ha refund på min order 10021
Jeg vil gerne have refund for min order 10021
Haluan refund tilauksesta 10021
Proszę o refund za order 10021
Chci refund za order 10021
Szeretnék refund a 10021 order után
Vreau refund pentru order 10021
Order 10021 için refund istiyorum
Saya mau refund untuk order 10021
Tôi muốn refund cho order 10021
Хочу refund за order 10021
Πού είναι η παραγγελία μου 47384;
أين طلبي 47384؟
注文10021の refund をお願いします
주문 47384 어디에 있나요?
mera order 10021 kahan hai, refund chahiye
Kur ir mans pasūtījums 47384?
Moj paket še ni prišel, refund prosim
"""
GERMAN = (
    "Wo ist meine Bestellung 47384?",
    "Wann kommt mein Paket endlich an?",
    "Ist die Bestellung 20017 schon verschickt?",
)


@pytest.fixture(scope="module")
def local() -> LocalClassifier:
    return LocalClassifier(shipped())


@pytest.mark.parametrize("text", FOREIGN.strip().splitlines())
def test_ticket_in_another_language_is_no_ones_however_much_it_borrows(local: LocalClassifier, text: str) -> None:
    view = question(text).view
    assert local.judge(view, NAMES) == ("unclassified", 0)


@pytest.mark.parametrize(
    "text",
    [
        "Hallo, where is my order 47384? Danke",
        "please send it to 5 Rue de la Paix, Paris, that is my new address",
        "Could you ship order 20017 to Calle de la Luna 3 instead? I moved",
        "cancel order A-1009, my name is Ana Maria de la Cruz von und zu Stein",
    ],
)
def test_foreign_names_and_greetings_do_not_make_a_ticket_foreign(local: LocalClassifier, text: str) -> None:
    assert local.judge(question(text).view, NAMES)[0] != "unclassified"


def test_real_english_tickets_are_not_taken_for_foreign(local: LocalClassifier) -> None:
    artefact = local.artefact
    assert artefact.languages == ("en",)
    held = [t["text"] for t in TICKETS if is_foreign(t["text"], artefact.languages, artefact.regression.weights)]
    assert len(held) <= 0.005 * len(TICKETS)


def test_languages_are_found_in_the_examples(local: LocalClassifier) -> None:
    assert languages_of(GERMAN) == ("de",)
    assert languages_of(["Где мой заказ?", "Хочу вернуть деньги"]) == ("und",)
    assert languages_of([*local_examples(), *GERMAN * 10]) == ("de", "en")
    assert languages_of(["", "12345"]) == ("und",)


def local_examples() -> list[str]:
    return [text for intent in shipped().values() for text in intent.examples]


def test_language_that_was_taught_is_judged() -> None:

    registry = shipped()
    status = replace(registry["order_status"], examples=GERMAN, near_misses=())
    local = LocalClassifier(Registry({"order_status": status, "cancel_order": registry["cancel_order"]}))
    assert local.artefact.languages == ("de", "en")
    assert local.judge(question("Wo ist mein Paket?").view, NAMES)[0] == "order_status"
    assert local.judge(question("¿Dónde está mi pedido?").view, NAMES) == ("unclassified", 0)


def test_profiles_hold_words_as_they_are_compared() -> None:
    for words in COMMON.values():
        assert all(word == word.lower() and word.isalpha() for word in words)
