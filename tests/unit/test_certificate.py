"""A certificate is hostile input: what does not fit is refused by name, with the cure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.certificate import MAX_BYTES, parse
from shared.errors import SettingError
from shared.intent.named import check_names
from shared.settings import load
from tests.certificates import certificate
from tests.world import REGISTRY

GOOD: dict[str, Any] = json.loads(certificate("order_status", "refund_request").model_dump_json())
LINE: dict[str, Any] = GOOD["lines"][0]


def test_certificate_is_read_back_as_it_was_written() -> None:
    made = certificate("order_status")
    assert parse(made.model_dump_json()) == made
    assert load({"CERTIFICATE": made.model_dump_json()}).certificate == made
    assert load({"CERTIFICATE": ""}).certificate is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 2}, "version"),
        ({"model": ""}, "model"),
        ({"prompt_versions": []}, "prompt_versions"),
        ({"lines": []}, "lines"),
        ({"valid_until": "2026-12-01T00:00:00"}, "times need an offset"),
        ({"labels_sha256": "x"}, "labels_sha256"),
        ({"extra": 1}, "extra"),
        ({"target": 1.5}, "target"),
        ({"delta": 0}, "delta"),
        ({"look": 2}, "look is more than the looks that were planned"),
        ({"lines": [LINE | {"threshold": -0.1}]}, "lines.0.threshold"),
        ({"lines": [LINE | {"right": 501}]}, "right is more than counted"),
        ({"lines": [LINE | {"intents": ["Refund"]}]}, "lines.0.intents.0"),
        ({"lines": [LINE, LINE]}, "an intent stands in two lines"),
        ({"lines": [LINE | {"curve": [[0.5, 0.9], [0.6, 0.8]]}]}, "curve must ascend"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingError) as refused:
        load({"CERTIFICATE": json.dumps(GOOD | change)})
    assert refused.value.field == "CERTIFICATE"
    assert says in refused.value.message
    assert refused.value.message.endswith("write it anew with make calibrate")


@pytest.mark.parametrize("text", ["{", "[]", "null", '"x"', "{}", "{" + " " * MAX_BYTES + "}"])
def test_what_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="make calibrate"):
        parse(text)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"intents": ["order_stat"]}, "CERTIFICATE has 'order_stat'"),
        ({"right": 470}, "CERTIFICATE has 470 right of 500 for order_status, refund_request, which do not prove 0.95"),
    ],
)
def test_what_does_not_hold_for_these_intents_is_refused(line: dict[str, Any], says: str) -> None:
    settings = load({"CERTIFICATE": json.dumps(GOOD | {"lines": [LINE | line]})})
    with pytest.raises(SettingError, match=says):
        check_names(settings, REGISTRY)


def test_a_look_takes_its_part_of_the_risk() -> None:
    """485 of 500 prove 95% at a risk of 5%, and not at a quarter of it."""
    whole = {**GOOD, "lines": [LINE | {"right": 485}]}
    assert check_names(load({"CERTIFICATE": json.dumps(whole)}), REGISTRY).certificate is not None
    with pytest.raises(SettingError, match=r"do not prove 0.95 at 0.0125"):
        check_names(load({"CERTIFICATE": json.dumps(whole | {"looks": 4})}), REGISTRY)


def test_what_holds_is_taken() -> None:
    settings = load({"CERTIFICATE": json.dumps(GOOD)})
    assert check_names(settings, REGISTRY) is settings
