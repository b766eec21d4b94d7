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
    # A source without a secret is answered 503: of these only what the platform explains counts.
    assert "(httpRequest.status=503 AND textPayload:*)" in metrics["switchyard/turned_away"]["filter"]


def test_a_filter_says_not_where_a_line_may_lack_the_field(plan: list[Change]) -> None:
    """In Cloud Logging a comparison with a missing field never holds, `!=` included."""
    assert not [name for name, metric in metrics_in(plan).items() if "!=" in metric["filter"]]


def test_a_task_that_stays_as_it_is_enters_no_state(plan: list[Change]) -> None:
    states = metrics_in(plan)["switchyard/states"]["filter"]
    for state in get_args(State):
        assert f'NOT (jsonPayload.state_from="{state}" AND jsonPayload.state_to="{state}")' in states


def alerts(plans: dict[str, list[Change]]) -> dict[str, dict[str, Any]]:
    """Return prod's alerts by what their addresses call them, with what they ask as `query`."""
    found = {}
    for change in plans["prod"]:
        if change.type == "google_monitoring_alert_policy" and change.after is not None:
            [condition] = change.after["conditions"]
            [asked] = condition["condition_prometheus_query_language"]
            found[change.address.split('"')[1]] = change.after | asked
    return found


def seconds(duration: str) -> float:
    """Return a duration such as 300s."""
    return float(duration.removesuffix("s"))


def test_alerts_watch_metrics_and_labels_that_exist_and_say_what_to_do(plans: dict[str, list[Change]]) -> None:
    assert len(alerts(plans)) >= 15
    for name, alert in alerts(plans).items():
        reads_what_exists(alert["query"], plans["prod"], name)
        assert len(alert["documentation"][0]["content"]) > 60, name


def test_an_alert_is_accepted_before_its_metric_is_known(plans: dict[str, list[Change]]) -> None:
    """A metric takes minutes to exist, and a threshold on one that does not is refused."""
    for name, alert in alerts(plans).items():
        assert alert["disable_metric_validation"], name
        assert seconds(alert["evaluation_interval"]) % 30 == 0, name


def test_what_comes_ten_minutes_late_is_still_counted(plans: dict[str, list[Change]]) -> None:
    """As late as a metric that is made of log lines may be."""
    queries = [alert["query"] for alert in alerts(plans).values()]
    windows = re.findall(r"user_switchyard_\w+\{[^}]*\}\[(\d+)m\]", " ".join(queries))
    assert len(windows) >= 12
    assert {int(minutes) > 10 for minutes in windows} == {True}


def test_what_must_not_be_overlooked_has_an_alert(plans: dict[str, list[Change]]) -> None:
    queries = " ".join(alert["query"] for alert in alerts(plans).values())
    counted = ("refused", "turned_away", "parked", "outbox_left", "errors", "breakers", "drift", "not_told")
    for watched in (*counted, "approval_age_bucket", "approvals_waiting_bucket", "overdue_bucket"):
        assert f"user_switchyard_{watched}{{" in queries, watched
    assert 'state_to="UNKNOWN"' in queries


def test_what_never_ran_is_silent_too(plans: dict[str, list[Change]]) -> None:
    for name, metric in (("sweep_silent", "sweeps"), ("notify_silent", "notifications")):
        query = alerts(plans)[name]["query"]
        assert re.fullmatch(rf"\(sum\(increase\(\S+_{metric}\{{.*\}}\[15m\]\)\) or vector\(0\)\) < 1", query)


def test_a_backlog_is_seen_on_every_subscription_and_the_query_does_not_grow_with_them(
    plans: dict[str, list[Change]],
) -> None:
    query = alerts(plans)["backlog"]["query"]
    found = re.search(r'subscription_id=~"([^"]+)"', query)
    assert found is not None
    ours = [s["name"] for s in of_type(plans["prod"], "google_pubsub_subscription")]
    assert len(ours) >= 9
    # What Eventarc makes for a trigger is named by it: eventarc-REGION-TRIGGER-sub-NUMBER.
    for name in (*ours, "intent-of-next-year", "eventarc-eur3-resume-123456-sub-789"):
        assert re.fullmatch(found[1], name), name  # PromQL's matchers are anchored
    assert not re.fullmatch(found[1], "somebody-elses-copy-of-results")
    intents = [name for name in ours if name.startswith("intent-")]
    assert not any(name in query for name in intents)


def test_what_the_platform_refuses_in_place_of_intake_is_counted_by_its_own_log(plan: list[Change]) -> None:
    """`request_count` of Cloud Run leaves out what reaches no instance: unauthorized, or over the limit."""
    metric = metrics_in(plan)["switchyard/turned_away"]
    for status in ("403", "429", "500", "502", "504"):
        assert re.search(rf"httpRequest\.status=\([^)]*\b{status}\b", metric["filter"]), status
    assert 'log_id("run.googleapis.com/requests")' in metric["filter"]
    assert metric["label_extractors"] == {"status": "EXTRACT(httpRequest.status)"}


def test_a_letter_that_cannot_be_kept_wakes_somebody_weeks_before_it_is_dropped(
    plans: dict[str, list[Change]],
) -> None:
    """Its subscription is the last: what it gives up is gone."""
    [last] = [s for s in of_type(plans["prod"], "google_pubsub_subscription") if not s["dead_letter_policy"]]
    assert (last["name"], last["message_retention_duration"]) == ("dead-letters", "2678400s")  # 31 days, the longest
    alert = alerts(plans)["letter_stuck"]
    assert alert["severity"] == "CRITICAL"
    found = re.fullmatch(
        r'max by .*oldest_unacked_message_age\{.*subscription_id="dead-letters"\}\) > (\d+)', alert["query"]
    )
    assert found is not None
    assert int(found[1]) <= 86400  # seconds


def test_where_nobody_is_told_there_are_no_alerts_to_pay_for(plans: dict[str, list[Change]]) -> None:
    assert of_type(plans["dev"], "google_monitoring_notification_channel") == []
    assert of_type(plans["dev"], "google_monitoring_alert_policy") == []


def test_a_budget_is_in_the_currency_of_its_account_and_tells_by_mail(plans: dict[str, list[Change]]) -> None:
    [budget] = of_type(plans["prod"], "google_billing_budget")
    [amount] = budget["amount"][0]["specified_amount"]
    assert amount.get("currency_code") is None
    mails = [c for c in of_type(plans["prod"], "google_monitoring_notification_channel") if c["type"] == "email"]
    [told] = budget["all_updates_rule"]
    assert len(told["monitoring_notification_channels"]) == len(mails) == 1


def charts(plan: list[Change]) -> dict[str, str]:
    """Return the dashboard's queries by title."""
    [dashboard] = of_type(plan, "google_monitoring_dashboard")
    tiles = json.loads(dashboard["dashboard_json"])["mosaicLayout"]["tiles"]
    spots = {(t["xPos"], t["yPos"]) for t in tiles}
    assert len(spots) == len(tiles)  # none lies upon another
    widgets = [t["widget"] for t in tiles]
    return {w["title"]: w["xyChart"]["dataSets"][0]["timeSeriesQuery"]["prometheusQuery"] for w in widgets}


def reads_what_exists(query: str, plan: list[Change], title: str) -> None:
    """Hold that a PromQL query names metrics and labels of this plan."""
    series = {n.replace("/", "_"): m for n, m in metrics_in(plan).items()}
    for name, suffix, chosen in re.findall(
        r"logging_googleapis_com:user_(switchyard_\w+?)(_bucket|_sum)?\{([^}]*)\}", query
    ):
        assert name in series, title
        assert bool(suffix) == bool(series[name]["value_extractor"]), title
        by = {label for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(", ")} - {"le", ""}
        by |= set(re.findall(r"(\w+)=", chosen)) - {"monitored_resource"}
        assert by <= set(series[name]["label_extractors"] or {}), title
    assert query.count("(") == query.count(")"), title


def test_charts_read_metrics_and_labels_that_exist(plan: list[Change]) -> None:
    found = charts(plan)
    assert len(found) >= 15
    for title, query in found.items():
        reads_what_exists(query, plan, title)


def test_cost_is_charted_where_a_price_is_known(plans: dict[str, list[Change]]) -> None:
    priced = [title for title, query in charts(plans["prod"]).items() if "* 0.2 / 1e6" in query]
    assert priced == ["Dollars for the model per hour, by intent and source"]
    assert not any("Dollars" in title for title in charts(plans["dev"]))
