"""Limits: worked out by hand, full where they say, and in the right order."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from infra.cost.bill import load as prices
from infra.cost.records import from_export
from infra.scale import assumed, deployment, mix
from infra.scale.__main__ import SAMPLE
from infra.scale.answer import Answer
from infra.scale.deployment import Deployment, Service
from infra.scale.limits import calls_per_s, limits, running
from shared.intent.registry import discover

ROOT = Path(__file__).resolve().parents[4]
GIVEN = assumed.values()
PROD = deployment.load(ROOT / "terraform/prod.tfvars")
SAMPLED = mix.of(from_export(SAMPLE), PROD, discover(), prices(), GIVEN, 90)
LIMITS = {limit.name: limit for limit in limits(PROD, SAMPLED, GIVEN, people=2)}


def answer(deployed: Deployment = PROD) -> Answer:
    return Answer(deployed, SAMPLED, GIVEN, (10, 1000, 100_000), 100, 2)


def test_the_sample_is_what_it_is_said_to_be() -> None:
    assert [SAMPLED.share(what) for what in ("waits", "alone", "counts", "runs")] == [0.2, 0.2, 0.45, 0.95]
    assert SAMPLED.visits("execute-order-status") == 0.5
    assert SAMPLED.visits("execute-cancel-order") == 0.1  # asked what it would do, and then to do it


def test_two_people_decide_six_hundred_tasks_of_which_a_fifth_waits() -> None:
    # 2 x 60 decisions an hour, of 0.2 a task.
    assert LIMITS["people who decide"].holds == pytest.approx(600)


def test_an_executor_of_one_request_at_a_time_is_full_when_its_requests_fill_the_hour() -> None:
    # A tenth of the tasks, 300 + 100 + 10 ms each.
    assert LIMITS["execute-ticket-summary: requests"].holds == pytest.approx(3600 / (0.1 * 0.410))


def test_intake_is_full_when_its_processors_are() -> None:
    # Thirteen, 10 ms a request.
    assert LIMITS["intake: processors"].holds == pytest.approx(13 * 3600 / 0.010)


def test_classify_is_full_when_all_its_calls_are_and_each_is_shared_by_ten() -> None:
    model_s = SAMPLED.mean_s("model_s")
    a_task = (model_s + 9 * 0.130) / 10 + 0.2 * model_s
    assert LIMITS["classify: model calls"].holds == pytest.approx(40 * 3600 / a_task)


def test_writes_of_a_task_fill_what_an_index_of_times_takes() -> None:
    writes = sum(units["firestore writes"] for units in SAMPLED.bill.stages.values())
    assert 5 < writes < 9
    assert LIMITS["Firestore: writes in order of time"].holds == pytest.approx(500 * 3600 / writes)


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_a_limit_is_full_at_the_rate_it_names_and_more_tasks_take_more_of_it(name: str) -> None:
    limit = LIMITS[name]
    uses = [limit.use(10.0**n) for n in range(9)]
    assert uses == sorted(uses)
    assert uses[0] > 0
    assert limit.use(limit.holds) <= 1 < limit.use(limit.holds * 1.01)
    assert limit.turn


def test_what_is_full_first_is_first() -> None:
    holds = [limit.holds for limit in LIMITS.values()]
    assert holds == sorted(holds)
    assert not math.isinf(holds[-1])


def test_tasks_have_a_call_each_until_all_permits_are_taken() -> None:
    few, model_s = replace(PROD, calls=1, together=10), SAMPLED.mean_s("model_s")
    one = replace(few, services={**few.services, "classify": Service("classify", 1, 160)})
    full = 1 / model_s
    assert calls_per_s(full / 2, one, SAMPLED, GIVEN) == full / 2
    # Then the permit is always taken; and a fifth asks again, alone.
    assert calls_per_s(5 * full, one, SAMPLED, GIVEN) == pytest.approx(full + 0.2 * 5 * full)
    # Ten share a call at most.
    assert calls_per_s(100 * full, one, SAMPLED, GIVEN) == pytest.approx(10 * full + 0.2 * 100 * full)


def test_more_requests_at_once_start_more_instances_up_to_the_limit() -> None:
    at_once_s = SAMPLED.mean_s("model_s") + 0.11
    fitting = 0.6 * 160 / at_once_s
    assert [running(n * fitting, PROD, SAMPLED, GIVEN) for n in (0.1, 0.99, 1.5, 3.5, 50)] == [1, 1, 2, 4, 4]


def test_a_quota_of_ours_counts_before_what_is_assumed() -> None:
    bound = replace(PROD, requests_a_minute=60, tokens_a_minute=7000, tokens_a_day=24_000)
    found = {limit.name: limit for limit in limits(bound, SAMPLED, GIVEN, people=2)}
    assert found["model: requests"].holds == pytest.approx(3600)
    assert found["model: tokens"].holds == pytest.approx(7000 * 60 / SAMPLED.tokens)
    assert found["model: tokens of a day"].holds == pytest.approx(1000 / SAMPLED.tokens)


def test_a_month_is_the_bill_of_its_tasks_and_of_what_is_kept_warm() -> None:
    cold = {name: replace(service, warm=0) for name, service in PROD.services.items()}
    without, with_one = answer(replace(PROD, services=cold)), answer()
    assert without.month(1000) == SAMPLED.bill.month(24_000)
    # One instance of a vCPU and half a GiB, all month.
    assert with_one.month(1000) - without.month(1000) == pytest.approx(730 * 3600 * 1.5 * 0.0000025)


def test_what_is_over_full_is_named_with_the_fullest_first() -> None:
    assert answer().over(10) == []
    assert [limit.name for limit in answer().over(100_000)] == ["people who decide", "execute-ticket-summary: requests"]
    assert answer().fullest(10).name == "people who decide"


def test_a_task_alone_waits_for_an_instance_in_both_services_from_a_standstill() -> None:
    cold_s, warm_s = answer().alone
    assert cold_s - warm_s == pytest.approx(2 * GIVEN["start s"])
