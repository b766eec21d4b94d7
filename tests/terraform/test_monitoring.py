"""Metrics read fields that the log line has; charts and alerts read metrics that exist."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

from shared.logs import FIELDS
from shared.task.schemas import State
from tests.terraform.workspace import Change


def of_type(plan: list[Change], kind: str) -> list[dict[str, Any]]:
    """Return what is known of the resources of one type."""
    return [c.after for c in plan if c.type == kind and c.after is not None]


def metrics_in(plan: list[Change]) -> dict[str, dict[str, Any]]:
    """Return the log-based metrics by name."""
    return {m["name"]: m for m in of_type(plan, "google_logging_metric")}


def test_metrics_read_fields_that_may_be_logged(plan: list[Change]) -> None:
    metrics = metrics_in(plan)
    assert len(metrics) >= 10
    for name, metric in metrics.items():
        text = json.dumps([metric["filter"], metric["value_extractor"], metric["label_extractors"]])
        assert set(re.findall(r"jsonPayload\.(\w+)", text)) <= FIELDS, name


def test_labels_are_declared_and_none_of_them_names_a_task(plan: list[Change]) -> None:
    for name, metric in metrics_in(plan).items():
        [descriptor] = metric["metric_descriptor"]
        declared = {label["key"] for label in descriptor["labels"]}
        assert declared == set(metric["label_extractors"] or {}), name
        assert not declared & {"task_id", "trace_id", "message_id", "payload_sha256"}, name  # a series per task
        assert (descriptor["value_type"] == "DISTRIBUTION") == bool(metric["value_extractor"]), name


def test_no_stranger_can_raise_an_alarm_with_requests_that_intake_refuses(plan: list[Change]) -> None:
    metrics = metrics_in(plan)
    assert (
        'NOT jsonPayload.error_code=("secret_missing" OR "audience_missing")' in metrics["switchyard/refused"]["filter"]
    )
    assert 'NOT log_id("run.googleapis.com/requests")' in metrics["switchyard/errors"]["filter"]
    watched = json.dumps([p["conditions"] for p in of_type(plan, "google_monitoring_alert_policy")])
    assert "run.googleapis.com/request_count" not in watched


def test_a_filter_says_not_where_a_line_may_lack_the_field(plan: list[Change]) -> None:
    """In Cloud Logging a comparison with a missing field never holds, `!=` included."""
    assert not [name for name, metric in metrics_in(plan).items() if "!=" in metric["filter"]]


def test_a_task_that_stays_as_it_is_enters_no_state(plan: list[Change]) -> None:
    states = metrics_in(plan)["switchyard/states"]["filter"]
    for state in get_args(State):
        assert f'NOT (jsonPayload.state_from="{state}" AND jsonPayload.state_to="{state}")' in states


def test_alerts_watch_metrics_that_exist_and_say_what_to_do(plan: list[Change]) -> None:
    metrics, policies = metrics_in(plan), of_type(plan, "google_monitoring_alert_policy")
    assert len(policies) >= 10
    for policy in policies:
        filters = re.findall(r"logging\.googleapis\.com/user/([\w/]+)", json.dumps(policy["conditions"]))
        assert set(filters) <= metrics.keys(), policy["display_name"]
        assert len(policy["documentation"][0]["content"]) > 60, policy["display_name"]
        labels = re.findall(r'metric\.labels\.(\w+)=\\?\\?"', json.dumps(policy["conditions"]))
        known = {key for name in filters for key in metrics[name]["label_extractors"] or {}}
        assert set(labels) <= known, policy["display_name"]


def test_what_must_not_be_overlooked_has_an_alert(plan: list[Change]) -> None:
    conditions = json.dumps([p["conditions"] for p in of_type(plan, "google_monitoring_alert_policy")])
    for watched in ("refused", "parked", "approval_age", "approvals_waiting", "overdue", "outbox_left", "errors"):
        assert f"user/switchyard/{watched}" in conditions, watched
    assert "UNKNOWN" in conditions
    assert "oldest_unacked_message_age" in conditions


def test_a_letter_that_cannot_be_kept_wakes_somebody_days_before_it_is_dropped(plan: list[Change]) -> None:
    """Its subscription is the last: what it gives up is gone."""
    [last] = [s for s in of_type(plan, "google_pubsub_subscription") if not s["dead_letter_policy"]]
    assert (last["name"], last["message_retention_duration"]) == ("dead-letters", "604800s")
    policies = [p for p in of_type(plan, "google_monitoring_alert_policy") if p["severity"] == "CRITICAL"]
    conditions = [c for p in policies for c in (p["conditions"][0]["condition_threshold"] or ())]
    [condition] = [c for c in conditions if c["filter"].endswith('subscription_id="dead-letters"')]
    assert "oldest_unacked_message_age" in condition["filter"]
    assert condition["threshold_value"] <= 86400  # seconds


def charts(plan: list[Change]) -> dict[str, str]:
    """Return the dashboard's queries by title."""
    [dashboard] = of_type(plan, "google_monitoring_dashboard")
    tiles = json.loads(dashboard["dashboard_json"])["mosaicLayout"]["tiles"]
    spots = {(t["xPos"], t["yPos"]) for t in tiles}
    assert len(spots) == len(tiles)  # none lies upon another
    widgets = [t["widget"] for t in tiles]
    return {w["title"]: w["xyChart"]["dataSets"][0]["timeSeriesQuery"]["prometheusQuery"] for w in widgets}


def test_charts_read_metrics_and_labels_that_exist(plan: list[Change]) -> None:
    series = {n.replace("/", "_"): m for n, m in metrics_in(plan).items()}
    found = charts(plan)
    assert len(found) >= 15
    for title, query in found.items():
        for name, suffix in re.findall(r"logging_googleapis_com:user_(switchyard_\w+?)(_bucket|_sum)?\{", query):
            assert name in series, title
            assert bool(suffix) == bool(series[name]["value_extractor"]), title
            by = {label for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(", ")} - {"le"}
            assert by <= set(series[name]["label_extractors"] or {}), title
        assert query.count("(") == query.count(")"), title


def test_cost_is_charted_where_a_price_is_known(plans: dict[str, list[Change]]) -> None:
    priced = [title for title, query in charts(plans["prod"]).items() if "* 0.2 / 1e6" in query]
    assert priced == ["Dollars for the model per hour, by intent and source"]
    assert not any("Dollars" in title for title in charts(plans["dev"]))
