"""The file that people review: stable, complete, read by the gate, and not to be had by looking again."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from infra.calibrate.counting import Classifier
from infra.calibrate.effects import acted_share, effects
from infra.calibrate.proposal import Wanted, propose
from infra.calibrate.writing import certificate, text, write
from infra.errors import StackError
from shared.calibration.certify import LOOKS
from shared.certificate import Certificate
from shared.intent.named import check_names
from shared.settings import load
from shared.task.label import Label
from tests.unit.infra.calibrate.made import NOW, REFUSED, WRONG, run_of
from tests.world import REGISTRY

CLASSIFIER = Classifier("m", "p1")
SURE, NONE = {"confidence": 0.96}, {"said": "unclassified", "confidence": 0.99, **WRONG}
ONE = Wanted(one_look=True)
FIRST = LOOKS[0]


def certified(labels: list[Label], wanted: Wanted = ONE, days: int = 90) -> Certificate:
    return certificate(propose(labels, wanted), CLASSIFIER, labels, NOW, days=days)


def test_certificate_says_what_was_seen_and_the_gate_reads_it() -> None:
    labels = run_of((150, SURE), (2, SURE | WRONG), (100, {"confidence": 0.2}), (48, NONE))
    made = certified(labels)
    (line,) = made.lines
    assert (line.intents, line.threshold, line.right, line.counted) == (("order_status",), 0.4, 150, 152)
    assert (made.look, made.looks, made.decisions, made.acted_share) == (1, 1, 300, round(152 / 300, 4))
    assert (made.since, made.until) == (labels[0].at, labels[-1].at)
    assert made.valid_until == made.until + timedelta(days=90)
    settings = load({"CERTIFICATE": text(made), "CERTIFICATION": "required"})
    assert check_names(settings, REGISTRY).certificate == made


def test_an_intent_of_which_nothing_reaches_the_threshold_is_not_in_it() -> None:
    labels = run_of((150, SURE), (30, {"said": "cancel_order", "confidence": 0.3}), (1, {"said": "change_address"}))
    assert certified(labels).lines[0].intents == ("change_address", "order_status")


def test_same_decisions_make_the_same_bytes_with_a_pair_a_line() -> None:
    labels = run_of((150, SURE), (150, {"confidence": 0.3} | WRONG))
    assert text(certified(labels)) == text(certified(labels))
    assert "[0.3, 0.0]" in text(certified(labels))


def test_where_nothing_is_proven_there_is_no_certificate() -> None:
    with pytest.raises(
        StackError, match=r"nothing is proven by 300 decisions. order_status: the first .* The next look is at 500"
    ):
        certified(run_of((150, SURE), (150, SURE | WRONG)), Wanted())
    with pytest.raises(StackError, match="That was its one look: a better classifier is another one"):
        certified(run_of((150, SURE), (150, SURE | WRONG)))
    with pytest.raises(StackError, match="the classifier named no intent"):
        certified(run_of((300, NONE)), Wanted())


def test_a_certificate_that_has_lapsed_is_not_made() -> None:
    with pytest.raises(StackError, match="has lapsed; decide more tickets, or say --days"):
        certified(run_of((300, SURE)), days=1)


def test_a_file_is_written_again_only_for_the_same_look_or_the_next_planned_one(tmp_path: Path) -> None:
    path = tmp_path / "made" / "certificate.json"
    labels = run_of((LOOKS[1], SURE))
    write(path, certified(labels[:FIRST], Wanted()))
    first = path.read_bytes()
    write(path, certified(labels[: FIRST + 50], Wanted(), days=100))  # the same look
    assert json.loads(path.read_bytes())["decisions"] == FIRST
    assert path.read_bytes() != first  # it is valid longer
    for other in (
        certified(labels[1 : FIRST + 1], Wanted()),
        certified(labels[:FIRST], Wanted(target=0.9)),
        certified(labels[: FIRST + 50]),
    ):
        with pytest.raises(StackError, match=r"look 1 of 4, at 300 .* the next look is at 500 decisions"):
            write(path, other)
    write(path, certified(labels, Wanted()))
    assert json.loads(path.read_bytes())["look"] == 2
    with pytest.raises(StackError, match="the next look is at 800"):
        write(path, certified(labels[:FIRST], Wanted()))
    assert list(path.parent.iterdir()) == [path]


def test_one_look_is_one_look(tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    write(path, certified(run_of((200, SURE))))
    for wanted in (ONE, Wanted()):
        with pytest.raises(StackError, match="its looks are taken; a better classifier is another one"):
            write(path, certified(run_of((300, SURE)), wanted))
    other = certificate(propose(run_of((300, SURE)), ONE), Classifier("n", "p1"), run_of((300, SURE)), NOW, days=90)
    write(path, other)
    assert json.loads(path.read_bytes())["model"] == "n"


def test_what_is_no_certificate_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_text("{}")
    with pytest.raises(StackError, match="no certificate; name another file with --out"):
        write(path, certified(run_of((300, SURE))))
    assert path.read_text() == "{}"


def test_effects_are_those_of_the_gate() -> None:
    """Ten days of 24 tickets: 15 an hour-by-hour day are sure, a twentieth of these wrong."""
    day = ((14, SURE), (1, {"confidence": 0.5}), (9, NONE))
    labels = run_of(*(part for _ in range(20) for part in day))
    found = effects(labels, certified(labels), REGISTRY, load({}))
    assert found is not None
    assert found.tickets_a_day == pytest.approx(24, rel=0.01)
    assert found.saved_a_day == found.sure_a_day == pytest.approx(15, rel=0.01)
    assert found.wrong_a_week == 0
    assert found.most_wrong_a_week == pytest.approx(15 * 7 * 3 / 300, rel=0.02)  # the rule of three


def test_effects_know_floors_and_policy() -> None:
    labels = run_of((280, SURE), (20, {"said": "refund_request", "intent": "refund_request", **SURE}))
    made = certified(labels)
    found = effects(labels, made, REGISTRY, load({}))
    allowed = effects(labels, made, REGISTRY, load({"AUTOMATIC": "refund_request<=50.00 USD"}))
    off = effects(labels, made, REGISTRY, load({"DISABLED_INTENTS": "order_status"}))
    assert found is not None
    assert allowed is not None
    assert off is not None
    assert found.saved_a_day / found.sure_a_day == pytest.approx(280 / 300)
    assert allowed.saved_a_day == allowed.sure_a_day
    assert off.saved_a_day == 0


def test_acted_share_is_of_all_tickets_on_probation() -> None:
    labels = run_of((100, SURE), (50, SURE | REFUSED), (50, NONE), (100, SURE | {"drawn": "audit"}))
    assert acted_share(labels, certified(labels)) == 0.75


def test_an_audited_ticket_stands_for_those_that_were_not() -> None:
    labels = run_of((500, {"drawn": "", "confidence": 0.3}), (100, SURE | {"drawn": "audit", "above": 0.4}))
    made = propose(labels, ONE)
    with pytest.raises(StackError, match="say with --audit-share"):
        certificate(made, CLASSIFIER, labels, NOW, days=90)
    share = certificate(made, CLASSIFIER, labels, NOW, days=90, audit_share=0.1).acted_share
    assert share == round(1000 / 1500, 4)
