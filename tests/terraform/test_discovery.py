"""The plan, resource by resource, against the APIs that will get it: by their own discovery documents."""

from __future__ import annotations

from typing import Any

import pytest

from tests.terraform.discovery import RULES, document, problems
from tests.terraform.requests import MESSAGES, request
from tests.terraform.workspace import Change

FILTER = " OR ".join(f'resource.labels.subscription_id="intent-of-some-length-{n}"' for n in range(40))
NOTIFICATIONS = "GoogleCloudBillingBudgetsV1NotificationsRule"


def test_the_apis_take_every_planned_resource(plan: list[Change]) -> None:
    asked = [(change.address, found) for change in plan if (found := request(change))]
    assert len(asked) > 150
    wrong = [f"{address}: {problem}" for address, found in asked for problem in problems(*found)]
    assert wrong == []


def test_every_kind_is_planned_and_looked_into(plans: dict[str, list[Change]]) -> None:
    found = {change.type: body for change in plans["prod"] if (asked := request(change)) and (body := asked[2])}
    assert MESSAGES.keys() <= found.keys()
    assert found["google_cloud_run_v2_service"]["template"]["containers"][0]["startupProbe"]["httpGet"]["path"]
    policy = found["google_monitoring_alert_policy"]
    assert policy["conditions"][0]["conditionPrometheusQueryLanguage"]["disableMetricValidation"] is True
    assert found["google_billing_budget"]["notificationsRule"] == {}
    assert found["google_pubsub_topic"]["messageStoragePolicy"] == {"allowedPersistenceRegions": ["europe-west1"]}


@pytest.mark.parametrize(
    ("api", "message", "body", "said"),
    [
        ("pubsub.v1", "Topic", {"regions": ["europe-west1"]}, "regions: unknown to Topic"),
        ("pubsub.v1", "Topic", [], "is no Topic"),
        ("cloudfunctions.v2", "ServiceConfig", {"ingressSettings": "ALLOW_LB"}, "is none of INGRESS_SETTINGS_UNSP"),
        ("cloudfunctions.v2", "ServiceConfig", {"timeoutSeconds": "60"}, "'60' is no integer"),
        ("run.v2", "GoogleCloudRunV2Service", {"ingress": "ALLOW_ALL"}, "is none of INGRESS_TRAFFIC_UNSPECIFIED"),
        ("run.v2", "GoogleCloudRunV2Service", {"minInstances": 1}, "minInstances: unknown to GoogleCloudRunV2Service"),
        ("monitoring.v3", "MetricThreshold", {"filter": FILTER}, "characters, 2048 at most"),
        ("monitoring.v3", "MetricThreshold", {"duration": "5m"}, "'5m' is no duration"),
        ("monitoring.v3", "PrometheusQueryLanguageCondition", {"evaluationInterval": "45s"}, "multiple of 30 seconds"),
        ("pubsub.v1", "DeadLetterPolicy", {"maxDeliveryAttempts": 101}, "101 is not between 5 and 100"),
        ("pubsub.v1", "RetryPolicy", {"maximumBackoff": "601s"}, "between 0 and 600 s"),
        ("pubsub.v1", "Topic", {"messageRetentionDuration": "2678401s"}, "between 600 and 2678400 s"),
        ("pubsub.v1", "Subscription", {"messageRetentionDuration": "604800s"}, "Cannot be more than 31 days"),
        ("billingbudgets.v1", NOTIFICATIONS, {"monitoringNotificationChannels": [None] * 6}, "6 items, 5 at most"),
        (
            "billingbudgets.v1",
            NOTIFICATIONS,
            {"monitoringNotificationChannels": ["projects/p/notificationChannels/7"]},
            "must use email notification channels",
        ),
        (
            "billingbudgets.v1",
            "GoogleCloudBillingBudgetsV1BudgetAmount",
            {"specifiedAmount": {"currencyCode": "USD", "units": "200"}},
            "must match the currency of the billing account",
        ),
    ],
)
def test_what_an_api_would_refuse_is_named(api: str, message: str, body: Any, said: str) -> None:
    [problem] = problems(api, message, body)
    assert said in problem


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.message}.{rule.field}")
def test_rules_are_what_the_apis_still_say(rule: Any) -> None:
    field = document(rule.api)["schemas"][rule.message]["properties"][rule.field]
    assert rule.sentence in field["description"].replace("_", "")
