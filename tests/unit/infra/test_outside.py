"""What only the other side would notice is refused before anything starts; a key of the sandbox is for the sandbox."""

from __future__ import annotations

import os

import pytest

from infra.outside import load_here
from infra.run import _point_at
from shared.errors import SettingError
from tests.world import REGISTRY


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "SHOP_API_URL",
            "localhost:8290",
            "SHOP_API_URL is 'localhost:8290'; it must be http:// or https:// and a host",
        ),
        ("ZENDESK_USERS_API_URL", "example.zendesk.com", "must be http:// or https:// and a host"),
        ("SLACK_ANSWERS_API_URL", "http://", "must be http:// or https:// and a host"),
        ("ZENDESK_WEBHOOK_SECRET", "12345", "ZENDESK_WEBHOOK_SECRET must have at least 16 bytes"),
        ("MY__CRM_WEBHOOK_SECRET", "0123456789abcdef,short", "MY__CRM_WEBHOOK_SECRET must have at least 16 bytes"),
    ],
)
def test_bad_address_or_secret_is_refused_by_name(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as refused:
        load_here(REGISTRY)
    assert refused.value.field == name
    assert said in refused.value.message


def test_fields_of_a_source_that_signs_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_FIELDS", "words")  # perhaps of another program: nobody sends as crm
    load_here(REGISTRY)
    monkeypatch.setenv("CRM_WEBHOOK_SECRET", "0123456789abcdef")
    with pytest.raises(SettingError) as refused:
        load_here(REGISTRY)
    assert refused.value.field == "CRM_FIELDS"


def test_own_address_is_not_shown_the_key_of_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"SHOP_API_URL": "http://127.0.0.1:1"})
    _point_at("http://127.0.0.1:2", REGISTRY)
    assert "SHOP_API_KEY" not in os.environ
    assert os.environ["STRIPE_API_URL"] == os.environ["SLACK_USERS_API_URL"] == "http://127.0.0.1:2"
    assert os.environ["STRIPE_API_KEY"] == os.environ["SLACK_USERS_API_KEY"] == "sandbox"
