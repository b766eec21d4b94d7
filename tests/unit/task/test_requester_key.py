"""One person, one key, however the address is written; and a key tells nobody's address."""

from __future__ import annotations

import pytest

from shared.errors import BadRequest
from shared.task.requester import told
from shared.task.requester_key import key_for, key_of, keyed, prefix_of
from tests.unit.task.records import born

SECRET = "s" * 32
KIM = key_for(SECRET, "kim@example.com")


@pytest.mark.parametrize(
    "spelled", ["Kim@Example.com", "<kim@example.com>", "kim+shop@example.com.", " kim@example.com"]
)
def test_spellings_of_a_mailbox_have_one_key(spelled: str) -> None:
    assert key_for(SECRET, spelled) == KIM == key_of(SECRET, "zendesk", {"email": spelled, "id": "7"})


def test_other_people_and_other_secrets_make_other_keys() -> None:
    others = [key_for(SECRET, "kim@example.org"), key_for("t" * 32, "kim@example.com"), key_for(SECRET, "slack:U1")]
    assert len({KIM, *others}) == 4
    assert "kim" not in KIM


def test_without_an_address_the_id_at_the_source_counts() -> None:
    assert key_of(SECRET, "slack", {"id": "U1"}) == key_for(SECRET, "slack:U1")
    assert key_of(SECRET, "slack", {}) == prefix_of(SECRET)
    assert key_of("", "slack", {"email": "kim@example.com"}) == ""


@pytest.mark.parametrize("named", ["kim", "kim@", "@example.com", "kim kim@example.com", "slack:", "", "Slack:U1"])
def test_what_names_nobody_is_refused(named: str) -> None:
    with pytest.raises(BadRequest) as caught:
        key_for(SECRET, named)
    assert caught.value.code == "bad_requester"


def test_record_gets_the_key_of_whoever_asks_by_now() -> None:
    first = keyed(born(), SECRET)
    assert first.requester is not None
    assert keyed(first, SECRET) is first
    second = told(first, "kim@example.com", "ops@example.com")
    assert second.requester is not None
    assert second.requester.key == "", "it is made anew for another address"
    after = keyed(second, SECRET).requester
    assert after is not None
    assert (after.key, after.vouched_by) == (KIM, "ops@example.com")
