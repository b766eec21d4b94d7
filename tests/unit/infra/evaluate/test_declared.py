"""Intents that are no folders: what two files make of them, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.errors import StackError
from infra.evaluate.declared import intent_alone, read
from infra.evaluate.tickets import Ticket, write
from shared.event.payload import View
from shared.intent.registry import Registry
from shared.model.local import LocalClassifier
from tests.shipped import shipped

LOCK = {"name": "lock_card", "description": "The card is lost.", "parameters": ["card_last4"]}
CLOSE = {"name": "close_account", "description": "The account is to go.", "parameters": []}
LINES = {
    "lock_card": ("I lost my card", "freeze my stolen card", "please lock the card"),
    "close_account": ("close my account", "I want to leave the bank", "delete the account for good"),
}


def registry(folder: Path, *intents: Any, lines: Any = LINES) -> Registry:
    definitions, examples = folder / "intents.json", folder / "examples.jsonl"
    definitions.write_text(json.dumps({"version": 1, "intents": intents}))
    write(examples, [Ticket(text, text, name) for name, texts in lines.items() for text in texts])
    return read(definitions, examples)


def test_two_files_make_a_registry_that_a_classifier_learns_from(tmp_path: Path) -> None:
    found = registry(tmp_path, LOCK, CLOSE)
    assert list(found) == ["close_account", "lock_card"]
    assert found["lock_card"].parameters.model_validate({}).model_dump() == {"card_last4": None}
    said, confidence = LocalClassifier(found).judge(View({"/text": "my card is stolen, lock it"}, {}), found)
    assert (said, confidence > 0.5) == ("lock_card", True)


@pytest.mark.parametrize(
    ("intents", "lines", "words"),
    [
        ([], LINES, 'must be {"intents": [{"name", "description", "parameters"}, ...]}'),
        ([LOCK, "close_account"], LINES, "must be"),
        ([LOCK, CLOSE | {"name": "Close"}], LINES, 'the name "Close" must match'),
        ([LOCK, CLOSE | {"name": "unclassified"}], LINES, 'the name "unclassified" must match'),
        ([LOCK, CLOSE, LOCK], LINES, "two intents have the same name"),
        ([LOCK, CLOSE | {"parameters": "email"}], LINES, "'close_account': parameters must be a list of names"),
        ([LOCK, CLOSE | {"parameters": ["E-Mail"]}], LINES, "'close_account': parameters must be a list of names"),
        ([LOCK, CLOSE | {"near_misses": "close the window"}], LINES, "'close_account': near_misses must be a list"),
        ([LOCK, CLOSE | {"near_misses": [5]}], LINES, "'close_account': near_misses"),
        ([LOCK, CLOSE | {"description": ""}], LINES, "'close_account': description is empty"),
        ([LOCK, CLOSE], {"lock_card": LINES["lock_card"]}, "'close_account': examples: needs at least 3"),
        ([LOCK], LINES, "has examples of close_account, which"),
        ([LOCK, CLOSE], LINES | {"close_account": ("a", "b", "please lock the card!")}, "is also one of"),
    ],
)
def test_what_is_no_intent_is_refused_by_name(tmp_path: Path, intents: Any, lines: Any, words: str) -> None:
    with pytest.raises(StackError) as refused:
        registry(tmp_path, *intents, lines=lines)
    assert words in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path / "examples.jsonl", [Ticket("t1", "I lost my card", "lock_card")])
    for text, words in ((None, "cannot be read"), ("{", "is not JSON"), (" " * 2**20 + "{}", "is over 1048576 bytes")):
        if text is not None:
            (tmp_path / "intents.json").write_text(text)
        with pytest.raises(StackError, match=words):
            read(tmp_path / "intents.json", tmp_path / "examples.jsonl")


def test_an_intent_alone_is_asked_without_parameters() -> None:
    bare = intent_alone(shipped())
    assert list(bare) == list(shipped())
    assert all(not i.parameters.model_json_schema().get("required") for i in bare.values())
    for name, intent in shipped().items():
        assert replace(bare[name], parameters=intent.parameters, policy=intent.policy, needs=intent.needs) == intent
