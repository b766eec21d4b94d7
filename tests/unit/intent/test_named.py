"""Settings name intents and sources that exist, and ceilings that can hold; else nothing starts, and says why."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import pytest

from shared.errors import SettingError
from shared.intent.declaration import Intent, ParametersModel, Policy
from shared.intent.named import check_names, check_sources
from shared.intent.provenance import MoneyFromPayload
from shared.intent.registry import Registry
from shared.settings import load
from shared.wiring import composition
from tests.world import REGISTRY

ROOT = Path(__file__).resolve().parents[3]
ALL = "cancel_order, change_address, order_status, password_reset, refund_request, ticket_summary"


class Money(ParametersModel):
    """Of an intent whose parameters say the currency."""

    amount: Annotated[int, MoneyFromPayload("currency")]
    currency: Literal["EUR", "GBP"]


class Points(ParametersModel):
    """Of an intent whose money is of one kind only."""

    points: int


def paying(name: str, parameters: type[ParametersModel], currency: str = "") -> Intent:
    """Return an intent about money."""
    amount = next(iter(parameters.model_fields))
    policy = Policy(risk="money", amount=amount, currency=currency, subject="/requester/email")
    return replace(REGISTRY["refund_request"], name=name, parameters=parameters, policy=policy)


PAYING = Registry(
    {i.name: i for i in (paying("gift", Money), paying("bonus", Points), paying("tip", Points, currency="EUR"))}
)
SHIPPED = Registry({name: REGISTRY[name] for name in ALL.split(", ")})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "APPROVERS",
            "refund=a@x.com",
            f"'refund', which is no intent; did you mean 'refund_request'? there are {ALL}, or * for all others",
        ),
        ("APPROVERS", "*=a@x.com,zzz=b@x.com", f"'zzz', which is no intent; there are {ALL}, or * for all others"),
        (
            "DISABLED_INTENTS",
            "order_status,ticket_sumary",
            f"'ticket_sumary', which is no intent; did you mean 'ticket_summary'? there are {ALL}",
        ),
        (
            "AUTOMATIC",
            "refunds<=5000",
            f"'refunds', which is no intent; did you mean 'refund_request'? there are {ALL}",
        ),
        (
            "AUTOMATIC",
            "refund_request",
            "'refund_request'; it moves money, so it needs a ceiling such as refund_request<=50.00 USD",
        ),
        (
            "AUTOMATIC",
            "cancel_order<=5000",
            "'cancel_order'; it moves no money, so it has no ceiling: write cancel_order",
        ),
        (
            "AUTOMATIC",
            "order_status<=5.00 USD",
            "'order_status'; it moves no money, so it has no ceiling: write order_status",
        ),
    ],
)
def test_name_or_ceiling_that_no_shipped_intent_has_is_refused(name: str, value: str, said: str) -> None:
    settings = load({name: value})
    with pytest.raises(SettingError) as error:
        check_names(settings, SHIPPED)
    assert (error.value.field, error.value.message) == (name, f"{name} has {said}")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("gift<=5.00 EUR|6.00 GBP", ""),
        ("gift<=500", "'gift'; 500 of which currency? write gift<=50.00 EUR"),
        ("gift<=5.00 USD", "'gift'; its amounts are never in USD: write a ceiling such as gift<=50.00 EUR"),
        ("bonus<=500", ""),
        ("bonus<=5.00 USD", "'bonus'; its amounts are in no currency: write a ceiling such as bonus<=5000"),
        ("tip<=500", ""),
        ("tip<=5.00 EUR", ""),
        ("tip<=5.00 USD", "'tip'; its amounts are never in USD: write a ceiling such as tip<=50.00 EUR"),
    ],
)
def test_ceiling_is_in_a_currency_that_the_intent_can_have(value: str, said: str) -> None:
    settings = load({"AUTOMATIC": value})
    if not said:
        assert check_names(settings, PAYING) is settings
        return
    with pytest.raises(SettingError) as error:
        check_names(settings, PAYING)
    assert error.value.message == f"AUTOMATIC has {said}"


@pytest.mark.parametrize(("source", "near"), [("gihub", " did you mean 'github'?"), ("my-crm", "")])
def test_source_whose_events_tell_no_voices_is_refused(source: str, near: str) -> None:
    with pytest.raises(SettingError) as error:
        check_sources(load({"LISTEN_TO": f"jira:bot,{source}:bot"}))
    assert error.value.message == (
        f"LISTEN_TO has '{source}:bot'; no event of '{source}' tells who else wrote it;{near} those that do are "
        "github, jira, slack, stripe, zendesk"
    )


def test_executor_that_knows_its_own_intent_alone_refuses_what_looks_like_it() -> None:
    mine = Registry({"refund_request": REGISTRY["refund_request"]})
    known = load({"DISABLED_INTENTS": "order_status,refund_request"})
    assert check_names(known, mine, own="refund_request") is known
    with pytest.raises(SettingError, match="did you mean 'refund_request'"):
        check_names(load({"DISABLED_INTENTS": "refund_requests"}), mine, own="refund_request")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APPROVERS", "refunds=a@x.com"),
        ("AUTOMATIC", "refunds<=5000"),
        ("DISABLED_INTENTS", "refunds"),
        ("LISTEN_TO", "gihub:bot"),
    ],
)
def test_function_in_the_cloud_has_no_ports_under_such_a_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("BACKEND", "gcp")
    monkeypatch.setenv(name, value)
    composition.install(None)
    with pytest.raises(SettingError) as error:
        composition.ports()
    assert error.value.field == name


@pytest.mark.parametrize("module", ["run", "demo", "trial", "smoke", "cost"])
def test_command_ends_with_the_line_and_nothing_else(module: str) -> None:
    env = os.environ | {"DISABLED_INTENTS": "ticket_sumary"}
    done = subprocess.run(
        [sys.executable, "-m", f"infra.{module}"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    said = "DISABLED_INTENTS has 'ticket_sumary', which is no intent; did you mean 'ticket_summary'?"
    assert (done.returncode != 0, done.stdout) == (True, "")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
