"""A metric has one name, wherever it is spoken of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.logs import FIELDS
from shared.metrics import METRICS, named
from shared.tracing import ATTRIBUTES

ROOT = Path(__file__).resolve().parents[2]


def test_each_metric_measures_a_field_of_the_line_or_counts_lines() -> None:
    assert {metric.field for metric in METRICS.values()} - {""} <= FIELDS
    assert all(metric.unit == "1" or metric.field for metric in METRICS.values())


def test_terraform_counts_just_these() -> None:
    text = (ROOT / "terraform/metrics.tf").read_text()
    measured = text[text.index("  measured = {") : text.index("  metrics = {")]
    assert set(re.findall(r"^    (\w+) = \{$", measured, re.MULTILINE)) == METRICS.keys()


def test_charts_and_alerts_speak_of_these_alone() -> None:
    text = "".join((ROOT / "terraform" / name).read_text() for name in ("dashboard.tf", "alerts.tf", "metrics.tf"))
    spoken_of = set(re.findall(r'local\.series\["(\w+)"\]|user/switchyard/(\w+)', text))
    names = {name for pair in spoken_of for name in pair if name}
    assert len(names) >= 8
    assert names <= METRICS.keys()


def test_the_ops_page_names_what_it_shows_as_monitoring_does() -> None:
    page = (ROOT / "functions/console/templates/health.html").read_text()
    names = re.findall(r"metric\('(\w+)'\)", page)
    assert {"states", "approvals_waiting", "approval_age", "parked", "ignored"} <= set(names)
    assert [named(name) for name in names] == [f"switchyard/{name}" for name in names]
    with pytest.raises(KeyError):
        named("unheard_of")


def test_a_span_calls_a_field_of_the_line_as_the_line_does() -> None:
    of_the_line = ATTRIBUTES.keys() & FIELDS
    assert {"task_id", "intent", "state_to", "outcome", "error_code", "tokens_used", "attempt"} <= of_the_line
