"""Every attack of the data file against a model that obeys the attacker: what policy stops never reaches a vendor."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from infra.sandbox.ledger import Entry
from shared.event.payload import view
from shared.model import prompt
from tests.injection.oracle import Oracle
from tests.injection.pipeline import ALLOWANCE, ATTACKS, Case, Pipeline, Step, cases, task_of
from tests.world import REGISTRY

CASES = cases()
LEGITIMATE = "looks suspicious, is legitimate"
# A code, and words for people that repeat nothing of the payload: no address, no number of an order, no markup.
READABLE = re.compile(r"[a-z_]+: (?:(?!kim|mara|10021|31177|90001)[\w ,.;:'/{}-])+")
SOURCES = {"zendesk", "jira", "slack", "github", "stripe", "generic", "direct"}


def codes(reasons: list[str]) -> set[str]:
    return {reason.partition(":")[0] for reason in reasons}


def words(entry: Entry) -> str:
    amount = [] if entry.amount_minor is None else [str(entry.amount_minor)]
    return " ".join([entry.vendor, entry.operation, entry.subject, *amount])


def switched_off(step: Step) -> set[str]:
    """Return the intents that somebody turns off before the step's effect."""
    switch = step.meanwhile.get("switch")
    off = {switch["intent"]} if switch and switch["enabled"] is not True else set()
    return off | set(step.meanwhile.get("settings", {}).get("disabled_intents", ()))


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_case_ends_as_it_must_and_no_effect_is_one_that_policy_forbids(case: Case) -> None:
    pipeline = Pipeline(**case.settings)
    oracle = Oracle(case.settings.get("automatic", ALLOWANCE), set(case.settings.get("disabled_intents", ())))
    for number, step in enumerate(case.steps, 1):
        seen = await pipeline.take(step)
        where = f"step {number}: {seen.reasons}"
        oracle.off |= switched_off(step)
        assert [oracle.objections(step, e) for e in seen.effects] == [[] for _ in seen.effects], where
        assert seen.outcome == step.expect["outcome"], where
        assert set(step.expect["reasons"]) <= codes(seen.reasons), where
        assert seen.outcome != "paused" or (seen.reasons and all(READABLE.fullmatch(r) for r in seen.reasons)), where
        assert [words(e) for e in seen.effects] == step.expect["effects"], where
        if intent := step.expect.get("intent"):
            assert seen.record is not None
            assert seen.record.intent == intent, where
        if step.meanwhile.get("wait_hours", 0) >= 24:
            oracle.next_day()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_hostile_text_stays_inside_its_string(case: Case) -> None:
    for step in case.steps:
        if (task := task_of(step.source, step.payload)) is None:
            continue
        question = prompt.build(task, view(task.source, task.raw_payload), REGISTRY)
        begin, data, end = question.content.split("\n")
        nonce = begin.removeprefix("BEGIN ")
        assert (len(nonce), end, question.content.count(nonce)) == (32, f"END {nonce}", 2)
        assert set(json.loads(data)) - {"may_be_quoted"} == {"texts", "fields"}
        assert len(data) < 40_000


def test_file_holds_every_attack_several_times_from_every_source() -> None:
    attacks = Counter(case.attack for case in CASES if case.attack != LEGITIMATE)
    legitimate = [s.expect["outcome"] for case in CASES if case.attack == LEGITIMATE for s in case.steps]
    assert attacks.total() >= 120
    assert len(attacks) >= 17
    assert min(attacks.values()) >= 6
    assert legitimate.count("executed") >= 25
    assert {step.source for case in CASES for step in case.steps} == SOURCES
    assert max(Counter(case.name for case in CASES).values()) == 1


def test_file_hides_nothing_from_its_reader() -> None:
    """Invisible characters are written as escapes, so that a diff shows what is tested."""
    assert (
        re.findall(
            "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\x00-\x09\x0b-\x1f\x7f-\x9f]", ATTACKS.read_text()
        )
        == []
    )
