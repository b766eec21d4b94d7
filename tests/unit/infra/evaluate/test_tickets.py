"""Files of labelled tickets: what is taken, what is refused in which words, and that they come back as written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.errors import StackError
from infra.evaluate import tickets
from infra.evaluate.tickets import MAX_LINE_BYTES, Ticket, read, write

ROOT = Path(__file__).resolve().parents[4]
GOOD = {"id": "t1", "text": "I want my money back", "intent": "refund_request"}


def line(**changes: object) -> str:
    return json.dumps({name: value for name, value in (GOOD | changes).items() if value != "absent"})


def test_tickets_come_back_as_they_were_written(tmp_path: Path) -> None:
    some = [
        Ticket("t1", "größer\n\u2028 \x07", "refund_request"),
        Ticket("t2", "a", "out_of_scope", "near", "clinc150", "order_checks"),
    ]
    path = tmp_path / "tickets.jsonl"
    assert write(path, some) == 2
    assert read(path) == some
    assert write(path, []) == 0


def test_the_tickets_of_the_tests_are_read_whole() -> None:
    found = read(ROOT / "tests/data/tickets.jsonl")
    assert len(found) == 360
    assert {t.oos_kind for t in found} == {None, "near", "far"}


def test_blank_lines_and_members_of_others_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_text(f"\n{line(dataset='x', oos_kind=None)}\n\n", encoding="utf-8")
    assert read(path) == [Ticket("t1", "I want my money back", "refund_request")]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("{", "line 3: the body is not JSON"),
        ("[]", "line 3: "),
        ('{"id": "t2", "id": "t3"}', "line 3, field '/id': "),
        (line(id="t2", text="absent"), "line 3, field 'text': is missing; add it"),
        (line(id="t2", text=" "), "line 3, field 'text': is ' '; it must be a text that is not empty"),
        (line(id="t2", text=5), "line 3, field 'text': is 5; it must be a text"),
        (line(id="t2", intent="absent"), "line 3, field 'intent': is missing"),
        (line(id=7), "line 3, field 'id': is 7; it must be a text"),
        (line(id="x" * 201), "line 3, field 'id': has 201 characters; at most 200 are taken"),
        (line(), "line 3, field 'id': 't1' is also the id of line 1; give each ticket an id of its own"),
        (line(id="t2", oos_kind="nearby"), "line 3, field 'oos_kind': is 'nearby'; it must be near, far or null"),
        (line(id="t2", oos_kind="far"), "line 3, field 'oos_kind': is 'far', but the intent is 'refund_request'"),
        (line(id="t2", source_label=3), "line 3, field 'source_label': is 3; it must be a text"),
        (line(id="t2", text="x" * MAX_LINE_BYTES), f"line 3: is over {MAX_LINE_BYTES} bytes; shorten the text"),
    ],
)
def test_a_bad_line_is_named_with_its_field_and_the_cure(tmp_path: Path, bad: str, words: str) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_text(f"{line()}\n\n{bad}\n", encoding="utf-8")
    with pytest.raises(StackError) as refused:
        read(path)
    assert f"{path}, {words}" in str(refused.value)


def test_a_file_without_tickets_or_with_too_many_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tickets.jsonl"
    with pytest.raises(StackError, match="cannot be read: No such file"):
        read(path)
    path.write_text("\n")
    with pytest.raises(StackError, match="holds no tickets; write one JSON object a line"):
        read(path)
    monkeypatch.setattr(tickets, "MAX_TICKETS", 2)
    write(path, [Ticket(f"t{n}", "text", "refund_request") for n in range(3)])
    with pytest.raises(StackError, match="has over 2 lines"):
        read(path)
